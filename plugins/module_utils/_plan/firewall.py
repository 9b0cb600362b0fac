# GPL-3.0-or-later (see LICENSE)
"""Which of a host's ports only the cluster's own hosts may reach, and which of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from .network import talks


def weave(shares: Mapping[str, dict[str, Any]]) -> None:
    """Give each host that serves others its `firewall`. shares: the plan's hosts, with their `network`."""
    found = ((name, services(share)) for name, share in shares.items())
    serving = {name: offered for name, offered in found if offered}
    clients: dict[str, list[dict[str, Any]]] = {}
    needs = talks(shares)
    for client, share in shares.items():
        for server, offered in serving.items():
            used = [port for what in needs.get((client, server), ()) for port in offered.get(what, ())]
            if used:
                entry = {"host": client, "address": share["address"], "ports": sorted(set(used))}
                clients.setdefault(server, []).append(entry)
    for name, offered in serving.items():
        shares[name]["firewall"] = {
            "interface": shares[name]["network"]["interface"] or "",
            "ports": sorted({port for ports in offered.values() for port in ports}),
            "clients": clients.get(name, []),
        }


def services(share: Mapping[str, Any]) -> dict[str, list[int]]:
    """{service: ports} of what listens beyond loopback; services are called as in `talks`."""
    found: dict[str, list[int]] = {}

    def add(what: str, addresses: Iterable[str], port: int) -> None:
        if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
            found.setdefault(what, []).append(port)

    if "postgres" in share:
        add("PostgreSQL", share["postgres"]["listen_addresses"], share["postgres"]["port"])
    for one in share.get("redis", ()):
        add("Redis", one["bind"], one["port"])
    if "minio" in share:
        add("media", [share["minio"]["address"]], share["minio"]["port"])
    for role, what in (("puma", "Puma"), ("streaming", "streaming")):
        for one in share.get(role, ()):
            add(what, [one["address"]], one["port"])
    return found
