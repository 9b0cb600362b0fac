# GPL-3.0-or-later (see LICENSE)
"""What the hosts say of the cluster's network, judged from both ends: lines for a terminal, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .explain import table, title, wrapped
from .network import WIREGUARD, talks

Plan = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Any]]
MOST = 40
# Seconds between two clocks that may come from the start of the two modules.
CLOCKS = 20


@dataclass
class Report:
    """lines: what was seen. failures: one sentence each, with what to do. pending: hosts that did not answer us."""

    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)


def report(plan: Plan, results: Results, asked: Sequence[str]) -> Report:
    """results: {host: what wireguard_mesh or network_links answered there}; asked: hosts of this run, in order.
    `heard` in a result: what wireguard_handshakes answered there, where a link was silent.

    A host of the run without an answer is pending, and its links are not judged: only one end was seen.
    """
    found = Report(pending=[host for host in asked if host not in results])
    tunnels = plan["network"]["kind"] == WIREGUARD
    (_tunnels if tunnels else _links)(plan, results, found)
    if found.pending:
        found.lines += wrapped("  pending     ", f"{', '.join(found.pending)}: no answer; their links were not judged")
    rest = len(found.failures) - MOST
    if rest > 0:
        found.failures = [*found.failures[:MOST], f"and {rest} more links"]
    return found


def partners(plan: Plan, name: str) -> list[dict[str, str]]:
    """The hosts that this one has to reach, or that have to reach it: name and address, in the plan's order."""
    pairs = talks(plan["hosts"])
    wanted = {other for pair in pairs for other in pair if name in pair and other != name}
    return [{"name": host, "address": share["address"]} for host, share in plan["hosts"].items() if host in wanted]


def _heading(plan: Plan) -> list[str]:
    network = plan["network"]
    where = f" on {network['interface']}" if network["interface"] else ""
    return ["", *title(f"Network: {network['kind']}{where}"), ""]


# -- tunnels


def _tunnels(plan: Plan, results: Results, found: Report) -> None:
    from .._wire.checks import short
    from .._wire.model import DIRECT, RELAY
    from .._wire.read import read_network
    from .._wire.topology import Topology
    from .problems import Problems

    topology = Topology(read_network(plan["network"]["settings"], plan["network"]["hosts"], Problems()))
    seen = {host: {row["name"]: row for row in result["peers"]} for host, result in results.items()}
    paths = [(one, other, path) for one, other, path in topology.pairs() if one in seen and other in seen]
    broken = {
        (one, other): said
        for one, other, path in paths
        if path.kind == DIRECT and (said := _direct(topology, results, seen, one, other))
    }
    for one, other, path in paths:
        if path.kind == RELAY and not any(
            frozenset(pair) in map(frozenset, broken) for pair in _legs(one, other, path)
        ):
            said = _relayed(seen, one, other, path.hub)
            if said:
                broken[one, other] = said
    found.failures += broken.values()
    rows = []
    for host, result in results.items():
        peers = seen[host].values()
        trips = [row["rtt_ms"] for row in peers if row["rtt_ms"] is not None]
        wanted = [row for row in peers if not row["path"].startswith("unreachable")]
        rows.append(
            [
                host,
                plan["hosts"][host]["address"],
                result["backend"] or "none",
                str(result["mtu"]),
                f"{len(trips)} of {len(wanted)}",
                f"{max(trips):g} ms" if trips else "",
                short(result["public_key"]),
            ]
        )
        found.failures += [
            f"{host}: drift, which the next run repairs: {action}." for action in result.get("drift", ())
        ]
        found.lines += [f"  {host}: {note}." for note in result.get("notes", ()) if "does not answer" not in note]
    header = ["host", "address", "backend", "mtu", "answer", "slowest", "key"]
    found.lines = [*_heading(plan), *table(header, rows, right=(3,)), *(["", *found.lines] if found.lines else [])]


def _legs(one: str, other: str, path: Any) -> tuple[tuple[str, str], ...]:
    return (one, path.hub), (other, path.hub)


def _end(topology: Any, results: Results, seen: Mapping[str, Any], here: str, there: str) -> Any:
    from .._wire.topology import dial
    from .._wire.words import End

    row = seen[here][there]
    me, far = topology.network.member(here), topology.network.member(there)
    return End(
        host=here,
        key=results[here].get("running_key") or results[here]["public_key"],
        filed=results[here]["public_key"],
        expects=row["public_key"],
        # Where it really sends, if somebody changed that by hand.
        endpoint=(row.get("endpoint") or dial(me, far)) if dial(me, far) else "",
        port=me.port,
        listens=results[here].get("listens", 0),
        interface=topology.network.interface,
        address=me.addresses[0],
        sent=row["sent"],
        received=row["received"],
        handshake_age=row["handshake_age"],
        allowed=row["allowed"],
        routed=row["routed"],
        ping=row["rtt_ms"] is not None,
        full_mtu=row["full_mtu"],
        mtu=results[here]["mtu"],
        passes=row["passes"],
        **_heard(results[here].get("heard"), results[there].get("heard"), row.get("endpoint", "")),
    )


def _heard(here: Plan | None, there: Plan | None, dialled: str) -> dict[str, Any]:
    """What became of the handshakes that went to `dialled`; nothing is known when only one end listened."""
    from .._wire.handshakes import course, read

    if not here or not there:
        return {}
    behind = int(there["clock"] - here["clock"])
    return {
        "course": course(read(here["handshakes"]), read(there["handshakes"]), dialled),
        "clock_behind": behind if behind > CLOCKS else 0,
    }


def _direct(topology: Any, results: Results, seen: Mapping[str, Any], one: str, other: str) -> str:
    from .._wire.words import diagnose

    if other not in seen[one] or one not in seen[other]:
        return ""
    ends = _end(topology, results, seen, one, other), _end(topology, results, seen, other, one)
    if all(end.ping and end.full_mtu is not False for end in ends):
        return ""  # packets went both ways, whatever the age of the handshake
    return str(diagnose(*ends))


def _relayed(seen: Mapping[str, Any], one: str, other: str, hub: str) -> str:
    for here, there in ((one, other), (other, one)):
        row = seen[here].get(there)
        if row and row["rtt_ms"] is None:
            return (
                f"{here} does not reach {there} through {hub}, though both reach {hub}: it does not pass packets on."
                f" Look at net.ipv4.ip_forward and at the firewall's forward rules for the tunnel on {hub}."
            )
        if row and row["full_mtu"] is False:
            return (
                f"path MTU too small from {here} through {hub} to {there}: {row['passes']} bytes pass."
                " Set wireguard_mtu of both to that."
            )
    return ""


# -- networks of somebody else


def _links(plan: Plan, results: Results, found: Report) -> None:
    reasons = talks(plan["hosts"])
    seen = {host: {row["name"]: row for row in result["links"]} for host, result in results.items()}
    rows = []
    for host, result in results.items():
        share = plan["hosts"][host]
        found.failures += _address(host, share, result)
        trips = [row["rtt_ms"] for row in result["links"] if row["rtt_ms"] is not None]
        sizes = [row["passes"] for row in result["links"] if row["passes"]]
        rows.append(
            [
                host,
                share["address"],
                result["device"] or "nowhere",
                str(min(sizes)) if sizes else "",
                f"{len(trips)} of {len(result['links'])}",
                f"{max(trips):g} ms" if trips else "",
            ]
        )
    for host in seen:
        for other, row in seen[host].items():
            if other in seen:
                what = [*reasons.get((host, other), ()), *reasons.get((other, host), ())]
                found.failures += _link(host, other, row, seen[other].get(host, {}), what)
    header = ["host", "address", "interface", "packet", "answer", "slowest"]
    found.lines = [*_heading(plan), *table(header, rows, right=(3,))]


def _address(host: str, share: Plan, result: Mapping[str, Any]) -> list[str]:
    address, wanted = share["address"], share["network"]["interface"]
    if not result["device"]:
        has = ", ".join(
            f"{one} on {device}" for device, own in result["addresses"].items() if device != "lo" for one in own
        )
        return [
            f"host {host}, mastodon_address: {address} is none of this host's addresses ({has})."
            f" Fix: write the one in the cluster's network{f' ({wanted})' if wanted else ''}, or bring the network up."
        ]
    if wanted and result["device"] != wanted:
        return [
            f"host {host}, mastodon_address: {address} is on {result['device']}, and mastodon_network_interface is"
            f" {wanted}. Fix: write an address of {wanted}, or leave mastodon_address out."
        ]
    return []


def _link(here: str, there: str, row: Mapping[str, Any], back: Mapping[str, Any], what: Sequence[str]) -> list[str]:
    needed = f" (they need it for {', '.join(dict.fromkeys(what))})" if what else ""
    if row["rtt_ms"] is None:
        way = f"leaves by {row['device']}" if row["device"] else f"{here} has no route to it"
        other = "the other way it works" if back.get("rtt_ms") is not None else "nor the other way"
        if back and back["rtt_ms"] is None and here > there:
            return []  # told once, from the other end
        return [
            f"{here} gets no answer from {there} at {row['address']}{needed}: it {way}; {other}."
            f" Fix: let {there}'s firewall answer echoes of the cluster's network, and check the route on both."
        ]
    if row["full_mtu"] is False:
        return [
            f"path MTU too small from {here} to {there}: {row['passes'] or 'only small'} bytes pass,"
            f" {row['device']} has {row['mtu']}. Fix: set the MTU of {row['device']} on both to what passes."
        ]
    return []
