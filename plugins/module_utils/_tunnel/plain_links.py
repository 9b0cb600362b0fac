# GPL-3.0-or-later (see LICENSE)
"""Links of a network that somebody else runs: where this host has its address, and who answers packets of full size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._shell import Shell
from .host import way
from .links import Link, Ping, measure

# No IPv4 packet is larger; loopback's MTU is.
LARGEST = 65_535


def look(
    shell: Shell, address: str, partners: Sequence[Mapping[str, str]], timeout: float, ping: Ping
) -> dict[str, Any]:
    """device, addresses and links, as the module network_links answers them. Refused when `ip` cannot be run."""
    own = addresses(shell.run(["ip", "-j", "address", "show"]).out)
    found = [Link(one["name"], one["address"], "direct", one["address"]) for one in partners]
    ways = {}
    for one in found:
        device, mtu = way(shell, one.address)
        ways[one.name] = device, min(mtu, LARGEST)
    # Each with the size of its own way: a host may reach one by a tunnel and another one by Ethernet.
    for size in sorted({mtu for _, mtu in ways.values() if mtu}):
        measure([one for one in found if ways[one.name][1] == size], size, timeout, ping)
    return {
        "device": next((device for device, texts in own.items() if address in texts), ""),
        "addresses": own,
        "links": [_row(one, *ways[one.name]) for one in found],
    }


def addresses(text: str) -> dict[str, list[str]]:
    """Output of `ip -j address show`: {interface: [address]}, without those that a link gives itself."""
    found: dict[str, list[str]] = {}
    for row in json.loads(text) if text.strip() else ():
        own = [one["local"] for one in row.get("addr_info", ()) if one.get("scope") != "link" and "local" in one]
        if own:
            found[row["ifname"]] = own
    return found


def _row(one: Link, device: str, mtu: int) -> dict[str, Any]:
    passes = max((size for size, arrived in one.sizes.items() if arrived), default=0)
    return {
        "name": one.name,
        "address": one.address,
        "device": device,
        "mtu": mtu,
        "rtt_ms": one.rtt,
        "full_mtu": passes >= mtu if one.sizes else None,
        "passes": passes,
    }
