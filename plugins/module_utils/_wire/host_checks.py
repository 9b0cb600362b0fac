# GPL-3.0-or-later (see LICENSE)
"""What one host has that stands in the tunnel's way: its routes, its IPv6, its key's origin, somebody else's file."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from .._plan.problems import Problems
from . import addresses
from .model import HostConfig
from .observed import Route
from .read import variable
from .wgfile import WgFile


@dataclass(frozen=True)
class HostFacts:
    """What was read on the host. machine: hash of its machine-id; key_machine: the hash stored beside the key."""

    routes: Sequence[Route] = ()
    ipv6_off: bool = False
    machine: str = ""
    key_machine: str = ""
    file: WgFile | None = None
    adopt: bool = False


def check_host(config: HostConfig, facts: HostFacts, prefixes: Sequence[str], problems: Problems) -> None:
    """Findings on one host; nothing is written there when there is one. prefixes: the tunnel's networks."""
    _routes(config, facts, prefixes, problems)
    if facts.ipv6_off:
        for text in config.addresses:
            if ":" in text:
                problems.add(
                    config.name,
                    variable("more_addresses"),
                    f"{text} is an IPv6 address, and net.ipv6.conf.all.disable_ipv6 is 1 here",
                    "switch IPv6 on, or give the tunnel IPv4 addresses only",
                )
    if facts.key_machine and facts.machine and facts.key_machine != facts.machine:
        problems.add(
            config.name,
            f"/etc/wireguard/{config.interface}.key",
            "the key was made on another machine: this host is a copy of that one's image",
            "remove the key file here; the next run makes a new key",
        )
    if facts.file is not None and not facts.file.ours and not facts.adopt:
        lost = ", ".join(sorted({key for key, _ in facts.file.hooks} | set(facts.file.lost())))
        problems.add(
            config.name,
            f"/etc/wireguard/{config.interface}.conf",
            f"somebody else wrote it ({len(facts.file.peers)} peers{'; it also sets ' + lost if lost else ''})",
            "set wireguard_adopt to true to take it over, after a copy of it, or choose another wireguard_interface",
        )


def _routes(config: HostConfig, facts: HostFacts, prefixes: Sequence[str], problems: Problems) -> None:
    wanted = [(text, variable("networks")) for text in prefixes]
    wanted += [(text, variable("routed_networks")) for text in config.routes]
    for route in facts.routes:
        if route.device == config.interface:
            continue
        there = ipaddress.ip_network(route.destination)
        for text, setting in wanted:
            if addresses.overlap(ipaddress.ip_network(text), there):
                problems.add(
                    config.name,
                    setting,
                    f"{text} overlaps the route {route.destination} on {route.device or 'no device'}"
                    f" (table {route.table})",
                    "choose a network that no host uses, such as one from 10.64.0.0/10",
                )
