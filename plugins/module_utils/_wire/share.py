# GPL-3.0-or-later (see LICENSE)
"""What one host's role has to know of the tunnel: its neighbours, whether it forwards, its kernel settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .model import RELAY
from .topology import Topology


def relays(topology: Topology) -> frozenset[str]:
    """Hosts that pass on packets of others: hubs between spokes, hosts that a phone dials, gateways of a network."""
    found = {path.hub for *_, path in topology.pairs() if path.kind == RELAY}
    found |= {phone.via for phone in topology.network.unmanaged}
    return frozenset(found | {one.name for one in topology.network.members if one.routed})


def share(topology: Topology, name: str, forwards: bool) -> dict[str, Any]:
    """One host's part, plain values. forwards: whether it is in `relays`. KeyError for a stranger.

    neighbours: hosts with a direct link, which a run that changes this host has to visit as well. sysctl: exact values.
    """
    network = topology.network
    me = network.member(name)
    return {
        "interface": network.interface,
        "port": me.port,
        "hub": me.hub,
        "forwards": forwards,
        "neighbours": list(topology.neighbours(name)),
        "sysctl": sysctl(network.interface, me.addresses, forwards),
    }


def sysctl(interface: str, addresses: Collection[str], forwards: bool) -> dict[str, int]:
    """Kernel settings; a name with slashes belongs to the interface.

    ip_nonlocal_bind: services bind the tunnel's address before the tunnel is up. send_redirects: a hub would tell a
    spoke, with each packet, to reach the other spoke directly (wireguard-join c.4.7); where `all` is 0, each interface
    decides for itself.
    """
    ipv4, ipv6 = any("." in text for text in addresses), any(":" in text for text in addresses)
    found: dict[str, int] = {}
    if ipv4:
        found["net.ipv4.ip_nonlocal_bind"] = 1
    if ipv6:
        found["net.ipv6.ip_nonlocal_bind"] = 1
    if forwards and ipv4:
        found |= {"net.ipv4.conf.all.send_redirects": 0, "net.ipv4.ip_forward": 1}
        found[f"net/ipv4/conf/{interface}/send_redirects"] = 0
    if forwards and ipv6:
        found["net.ipv6.conf.all.forwarding"] = 1
    return found


def visits(topology: Topology, running: Sequence[str], name: str, keys: Collection[str]) -> list[str]:
    """Neighbours of the hosts of a run that the run itself does not visit: this host's part of them, shared out evenly.

    running: hosts of the run, in the order that all of them see. keys: hosts whose public key is known; another one has
    no tunnel yet.
    """
    outside = {other for one in running for other in topology.neighbours(one)} - set(running)
    ready = sorted(other for other in outside if other in keys)
    return ready[list(running).index(name) :: len(running)]
