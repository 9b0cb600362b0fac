# GPL-3.0-or-later (see LICENSE)
"""What does not fit together in a network, before anything is written (wireguard-join c.4, the issue's bad input)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from .._plan.problems import Problems
from . import addresses
from .model import HUB_SPOKE, LINKS, UNREACHABLE, Network
from .read import variable
from .topology import Topology

MOST_WARNINGS = 20


def check_network(network: Network, problems: Problems) -> None:
    """Findings on everything that the inventory alone can show. Nothing is written when there is one."""
    _prefixes(network, problems)
    _addresses(network, problems)
    _keys(network, problems)
    _endpoints(network, problems)
    _routed(network, problems)
    _hubs(network, problems)


def check_paths(topology: Topology, problems: Problems) -> tuple[str, ...]:
    """Pairs that cannot reach each other: findings where a link was asked for, else warnings (a few, and a count)."""
    warnings = []
    demanded = topology.network.links if topology.network.topology == LINKS else frozenset()
    for one, other, path in topology.pairs():
        if path.kind != UNREACHABLE:
            continue
        if (one, other) in demanded:
            problems.add(
                (one, other),
                variable("links"),
                f"{path.reason}",
                "give one of them wireguard_endpoint, or both a wireguard_zone and wireguard_lan_endpoint",
            )
        else:
            warnings.append(f"{path.reason}: declare a hub or a zone if they have to talk")
    rest = len(warnings) - MOST_WARNINGS
    return (*warnings[:MOST_WARNINGS], *([f"and {rest} more pairs without a path"] if rest > 0 else []))


def check_machines(machines: Mapping[str, str], problems: Problems) -> None:
    """machines: {host: hash of its machine-id}. Two hosts with one are copies of one image, and share its keys."""
    for hosts in _shared(machines.items()).values():
        problems.add(
            hosts,
            "",
            f"{' and '.join(hosts)} have the same /etc/machine-id: one is a copy of the other's image",
            "on the copy remove /etc/machine-id and the tunnel's key file, run systemd-machine-id-setup, reboot",
        )


def _shared(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """{value: owners} of every value that more than one has."""
    owners: dict[str, list[str]] = {}
    for owner, value in pairs:
        if value:
            owners.setdefault(value, []).append(owner)
    return {value: names for value, names in owners.items() if len(names) > 1}


def _prefixes(network: Network, problems: Problems) -> None:
    found = [ipaddress.ip_network(text) for text in network.prefixes]
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if addresses.overlap(one, other):
                problems.add((), variable("networks"), f"{one} and {other} overlap", "leave out one of them")
        if one.prefixlen == 0:
            problems.add((), variable("networks"), f"{one} is everything", "write the tunnel's own small network")


def _addresses(network: Network, problems: Problems) -> None:
    whole = [ipaddress.ip_network(text) for text in network.prefixes]
    rows = [(one.name, text) for one in network.members for text in one.addresses]
    phones = [(one.name, text) for one in network.unmanaged for text in one.addresses]
    taken = {text for _, text in (*rows, *phones)}
    names = {one.name for one in network.members}
    for name, text in (*rows, *phones):
        where: tuple[str, ...] = (name,) if name in names else ()
        setting = variable("address") if name in names else f"wireguard_unmanaged_peers[{name}].addresses"
        found = ipaddress.ip_address(text)
        homes = [one for one in whole if addresses.inside(found, one)]
        if not homes:
            same = [one for one in whole if one.version == found.version]
            free = addresses.next_free_address(str(same[0]), taken) if same else ""
            proposal = f"write {free}, which is free, or " if free else ""
            problems.add(
                where,
                setting,
                f"{text} is outside the tunnel's network {', '.join(network.prefixes)}",
                f"{proposal}add its network to wireguard_networks",
            )
        elif addresses.is_edge(found, homes[0]):
            free = addresses.next_free_address(str(homes[0]), taken)
            problems.add(where, setting, f"{text} is no host's address in {homes[0]}", f"write {free or 'another one'}")
    for text, owners in _shared((*rows, *phones)).items():
        free = addresses.next_free_address(_home(text, network), taken) or "another address"
        problems.add(
            [name for name in owners if name in names],
            variable("address"),
            f"{text} is claimed by {' and '.join(owners)}; nothing was changed",
            f"give one of them {free}",
        )


def _home(text: str, network: Network) -> str:
    found = ipaddress.ip_address(text)
    return next(
        (one for one in network.prefixes if addresses.inside(found, ipaddress.ip_network(one))), network.prefixes[0]
    )


def _keys(network: Network, problems: Problems) -> None:
    rows = [(one.name, one.public_key) for one in network.members]
    rows += [(one.name, one.public_key) for one in network.unmanaged]
    names = {one.name for one in network.members}
    for key, owners in _shared(rows).items():
        problems.add(
            [name for name in owners if name in names],
            "public key",
            f"{' and '.join(owners)} have the same public key {short(key)}: one was made from the other's image",
            f"make a new key on one of them: remove /etc/wireguard/{network.interface}.key there",
        )
    dead = {key: one.name for one in network.tombstones for key in one.public_keys}
    for name, key in rows:
        if key in dead:
            problems.add(
                [name] if name in names else [],
                "public key",
                f"{short(key)} belongs to {dead[key]}, which was removed from the network",
                "make a new key on this host, or take the removed host out of the registry",
            )


def short(key: str) -> str:
    """A key as it appears in messages: enough to tell it from others."""
    return f"{key[:8]}…" if key else "(none)"


def _endpoints(network: Network, problems: Problems) -> None:
    public = [(one.name, one.endpoint) for one in network.members]
    public += [(one.name, one.endpoint) for one in network.unmanaged]
    local = [(one.name, f"{one.zone} {one.lan_endpoint}") for one in network.members if one.lan_endpoint]
    names = {one.name for one in network.members}
    for setting, rows in (("endpoint", public), ("lan_endpoint", local)):
        for text, owners in _shared(rows).items():
            problems.add(
                [name for name in owners if name in names],
                variable(setting),
                f"{text.split()[-1]} is claimed by {' and '.join(owners)}",
                "give each its own address, or its own wireguard_listen_port behind one address",
            )
    _loops(network, problems)


def _loops(network: Network, problems: Problems) -> None:
    """An endpoint that a route leads into the tunnel: its own packets would go there."""
    dialled = [
        (member, setting, text, found)
        for member in network.members
        for setting, text in (("endpoint", member.endpoint), ("lan_endpoint", member.lan_endpoint))
        if text and (found := addresses.address(addresses.split_endpoint(text)[0]))
    ]
    for member, setting, text, found in dialled:
        for prefix in network.prefixes:
            if addresses.inside(found, ipaddress.ip_network(prefix)):
                problems.add(
                    member.name,
                    variable(setting),
                    f"{text} lies in the tunnel's network {prefix}: packets of the tunnel would go into the tunnel",
                    "write the address that the host has outside of the tunnel",
                )
    for owner in network.members:
        for prefix in owner.routed:
            whole = ipaddress.ip_network(prefix)
            # Inside its zone, a gateway's LAN is reached without the tunnel. A default route is a finding of its own.
            inner = [
                f"{text} of {member.name}"
                for member, setting, text, found in dialled
                if whole.prefixlen
                and addresses.inside(found, whole)
                and not (setting == "lan_endpoint" and owner.zone == member.zone)
            ]
            if inner:
                problems.add(
                    owner.name,
                    variable("routed_networks"),
                    f"{prefix} holds the endpoint {', '.join(inner)}: packets of the tunnel would go into the tunnel",
                    "leave out the network in which hosts are dialled",
                )


def _routed(network: Network, problems: Problems) -> None:
    tunnel = [ipaddress.ip_network(text) for text in network.prefixes]
    rows = [(one.name, text) for one in network.members for text in one.routed]
    for name, text in rows:
        whole = ipaddress.ip_network(text)
        if whole.prefixlen == 0:
            problems.add(
                name,
                variable("routed_networks"),
                f"{text} would send everything through the tunnel, its own packets included",
                "name the networks behind this host",
            )
            continue
        for one in tunnel:
            if addresses.overlap(one, whole):
                problems.add(
                    name,
                    variable("routed_networks"),
                    f"{text} overlaps the tunnel's network {one}",
                    "leave it out: members of the tunnel are reached without it",
                )
    for text, owners in _shared(rows).items():
        problems.add(
            owners,
            variable("routed_networks"),
            f"{text} is claimed by {' and '.join(owners)}: WireGuard would silently take it from one of them",
            "let one host route it",
        )


def _hubs(network: Network, problems: Problems) -> None:
    hubs = [one for one in network.members if one.hub]
    if network.topology == HUB_SPOKE and not hubs and len(network.members) > 1:
        able = [one.name for one in network.members if one.dialable]
        problems.add(
            (),
            variable("hub"),
            "wireguard_topology is hub_spoke, and no host is a hub",
            f"set it for {able[0] if able else 'the host with a public endpoint'}",
        )
    for hub in hubs:
        if not hub.dialable and not hub.lan_endpoint:
            problems.add(
                hub.name,
                variable("hub"),
                f"{hub.name} is a hub, and nobody can dial it",
                "set wireguard_endpoint, or let a host that can be dialled be the hub",
            )
