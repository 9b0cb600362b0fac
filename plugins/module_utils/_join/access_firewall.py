# GPL-3.0-or-later (see LICENSE)
"""A worker's opening in a host's firewall, where this collection manages one.

Managed is a host that has the nftables table `inet mastodon` with the sets `clients4` and `clients6`, both of type
`address . inet_service`, whose own chain lets in what is in them and drops the rest of the ports it guards. The table's
file includes `/etc/mastodon/firewall.d/*.nft`, so that an opening is there after a reboot. Nowhere else is anything
written: an accept in a table of ours would not open what another table drops.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FAMILY, TABLE = "inet", "mastodon"
DIRECTORY = "/etc/mastodon/firewall.d"
HEADER = "# Managed by fediverse.mastodon (worker_access, cluster_firewall); local changes are overwritten."


@dataclass(frozen=True)
class Filter:
    """A chain that sees what comes in. policy: what happens to what no rule speaks of."""

    table: str
    chain: str
    policy: str


def set_name(address: str) -> str:
    """The set for an address of that version."""
    return f"clients{ipaddress.ip_network(address).version}"


def elements(address: str, ports: Iterable[int]) -> list[str]:
    """As nft writes them."""
    host = address.split("/")[0]
    return [f"{host} . {port}" for port in sorted(set(ports))]


def path(worker: str) -> str:
    """The worker's file."""
    return f"{DIRECTORY}/{worker}.nft"


def content(address: str, ports: Iterable[int]) -> str:
    """The worker's file."""
    listed = ", ".join(elements(address, ports))
    return f"{HEADER}\nadd element {FAMILY} {TABLE} {set_name(address)} {{ {listed} }}\n"


def filters(text: str) -> list[Filter]:
    """Chains with hook input in `nft -j list chains`, other than ours."""
    found = []
    for one in _rows(text, "chain"):
        table = f"{one.get('family')} {one.get('table')}"
        if one.get("hook") == "input" and table != f"{FAMILY} {TABLE}":
            found.append(Filter(table, str(one.get("name")), str(one.get("policy", "accept"))))
    return found


def members(text: str) -> dict[str, set[str]]:
    """{set: elements} in `nft -j list table inet mastodon`, in nft's words."""
    return {
        str(one["name"]): {
            " . ".join(map(str, each["concat"]))
            for each in one.get("elem", ())
            if isinstance(each, dict) and "concat" in each
        }
        for one in _rows(text, "set")
    }


def of_host(listed: Iterable[str], host: str) -> list[str]:
    """The elements of one address."""
    return sorted(one for one in listed if one.split(" . ")[0] == host)


def unmanaged(others: list[Filter], worker: str, address: str, ports: Iterable[int]) -> str:
    """What to say on a host whose firewall is not ours."""
    if not others:
        return f"nothing manages a firewall on this host: nothing to open or to close for {worker}"
    named = ", ".join(f"{one.table} {one.chain} (policy {one.policy})" for one in others)
    listed = ", ".join(map(str, sorted(set(ports))))
    return (
        f"this host filters what comes in by {named}, which is not ours and is left alone:"
        f" what lets {address or worker} reach TCP {listed} is to be added or removed there"
    )


def _rows(text: str, kind: str) -> list[dict[str, Any]]:
    return [one[kind] for one in json.loads(text).get("nftables", ()) if kind in one] if text.strip() else []
