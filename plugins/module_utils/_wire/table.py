# GPL-3.0-or-later (see LICENSE)
"""The whole topology as a table, for plan.yml, before any host is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .._plan.problems import Problems
from .checks import short
from .model import DIRECT, RELAY, UNREACHABLE
from .read import read_network
from .topology import Topology

# Pairs are listed one by one up to here; a large network is told by its counts.
MOST_PAIRS = 40
_TITLES = ("host", "address", "dialled at", "part", "direct", "relayed", "unreachable", "key")


def rows(topology: Topology) -> list[dict[str, Any]]:
    """One row per host and per phone, plain values; counts of paths, the key shortened."""
    counts: dict[str, Counter[str]] = {one.name: Counter() for one in topology.network.members}
    for one, other, path in topology.pairs():
        counts[one][path.kind] += 1
        counts[other][path.kind] += 1
    found: list[dict[str, Any]] = [
        {
            "name": one.name,
            "addresses": list(one.addresses),
            "endpoint": one.endpoint or (f"{one.lan_endpoint} (LAN {one.zone})" if one.lan_endpoint else "behind NAT"),
            "part": "hub" if one.hub else "spoke" if topology.network.topology == "hub_spoke" else "peer",
            "direct": counts[one.name][DIRECT],
            "relayed": counts[one.name][RELAY],
            "unreachable": counts[one.name][UNREACHABLE],
            "routed": list(one.routed),
            "key": short(one.public_key) if one.public_key else "(known after apply)",
        }
        for one in topology.network.members
    ]
    found += [
        {
            "name": one.name,
            "addresses": list(one.addresses),
            "endpoint": one.endpoint or f"dials {one.via}",
            "part": "unmanaged",
            "direct": 1,
            "relayed": max(0, counts[one.via][DIRECT] + counts[one.via][RELAY]),
            "unreachable": counts[one.via][UNREACHABLE],
            "routed": [],
            "key": short(one.public_key),
        }
        for one in topology.network.unmanaged
    ]
    return found


def plan_rows(settings: Mapping[str, Any], hosts: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[list[str]]]:
    """A heading, and a row of texts per host and phone, of a plan's `network`; keys are not known yet.

    Columns: host, address, dialled at, part, direct, relayed, without a path, networks behind it.
    """
    topology = Topology(read_network(settings, hosts, Problems()))
    network = topology.network
    found = [
        [row["name"], ", ".join(row["addresses"]), row["endpoint"], row["part"]]
        + [str(row[word]) for word in ("direct", "relayed", "unreachable")]
        + [", ".join(row["routed"])]
        for row in rows(topology)
    ]
    return f"{network.topology}, {', '.join(network.prefixes)} on {network.interface}", found


def indirect(topology: Topology) -> list[dict[str, str]]:
    """Every pair that is not direct: one, other, path (`relay:HUB` or `unreachable: why`)."""
    return [
        {"one": one, "other": other, "path": str(path)} for one, other, path in topology.pairs() if path.kind != DIRECT
    ]


def text(topology: Topology) -> str:
    """Both as text with aligned columns."""
    network = topology.network
    table = [_TITLES]
    for row in rows(topology):
        where = ", ".join(row["addresses"])
        if row["routed"]:
            where += f" (routes {', '.join(row['routed'])})"
        counts = tuple(str(row[word]) for word in ("direct", "relayed", "unreachable"))
        table.append((row["name"], where, row["endpoint"], row["part"], *counts, row["key"]))
    widths = [max(len(row[column]) for row in table) for column in range(len(_TITLES))]
    lines = [f"Tunnel {network.interface}, {', '.join(network.prefixes)}, {network.topology}"]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]
    others = indirect(topology)
    if others:
        lines.append("Not direct:")
        lines += [f"  {one['one']} - {one['other']}: {one['path']}" for one in others[:MOST_PAIRS]]
        if len(others) > MOST_PAIRS:
            kinds = Counter(one["path"].split(":")[0] for one in others[MOST_PAIRS:])
            rest = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            lines.append(f"  and {len(others) - MOST_PAIRS} more pairs: {rest}")
    for stone in network.tombstones:
        waiting = f"; not yet dropped by {', '.join(stone.pending)}" if stone.pending else ""
        lines.append(f"Removed: {stone.name}{waiting}")
    return "\n".join(lines) + "\n"
