# GPL-3.0-or-later (see LICENSE)
"""Each link proven from this end: handshake, echo, and an echo of full size that must not be fragmented (c.7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._wire import addresses, mtu
from .._wire.model import RELAY, UNREACHABLE, HostConfig
from .._wire.observed import Live, LivePeer
from .._wire.topology import Topology

Ping = Callable[[Sequence[str], int, float], Mapping[str, float]]
# Seconds for one echo: a link by satellite takes 0.7.
PATIENCE = 1.0
PAUSE = 0.2
# A single lost packet is no proof that its size does not pass.
TRIES = 2


@dataclass
class Link:
    """Another host of the tunnel as this one reaches it. key: that of the block which its packets take."""

    name: str
    address: str
    path: str
    key: str
    rtt: float | None = None
    sizes: dict[int, bool] = field(default_factory=dict)


def links(topology: Topology, config: HostConfig) -> list[Link]:
    """Every other host, in order of name. Without a path, or with an unknown key, its key is empty."""
    keys = {peer.name: peer.public_key for peer in config.peers}
    found = []
    for other in topology.network.members:
        if other.name != config.name:
            path = topology.path(config.name, other.name)
            through = path.hub if path.kind == RELAY else other.name
            key = "" if path.kind == UNREACHABLE else keys.get(through, "")
            found.append(Link(other.name, other.addresses[0], str(path), key))
    return found


def measure(found: Sequence[Link], size: int, wait: float, ping: Ping) -> None:
    """Fill in round trips and sizes. wait: seconds for those that are silent; a host behind NAT has to speak first."""
    wanted = [one for one in found if one.key]
    deadline = time.monotonic() + wait
    while True:
        silent = [one for one in wanted if one.rtt is None]
        answers = ping([one.address for one in silent], 0, PATIENCE) if silent else {}
        for one in silent:
            one.rtt = answers.get(one.address)
        if all(one.rtt is not None for one in wanted) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    heard = [one for one in wanted if one.rtt is not None]
    while True:
        by_size: dict[int, list[Link]] = {}
        for one in heard:
            probe = mtu.next_probe(one.sizes, size)
            if probe:
                by_size.setdefault(probe, []).append(one)
        if not by_size:
            return
        for probe, those in by_size.items():
            left = list(those)
            for _ in range(TRIES):
                answers = ping([one.address for one in left], probe, PATIENCE)
                left = [one for one in left if one.address not in answers]
                if not left:
                    break
            for one in those:
                one.sizes[probe] = one not in left


def silent(found: Sequence[Link]) -> list[Link]:
    """Those that should answer and did not."""
    return [one for one in found if one.key and one.rtt is None]


def report(
    found: Sequence[Link], size: int, before: Live, after: Live, now: int, routed: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """One row per host for the module's answer: what words.End needs, which judges a link from both ends.

    size: the tunnel's MTU. before and after: the interface at the beginning and the end of the run; the bytes are what
    went in between. The key is the one that packets to that host really get, which may not be the one that is wanted.
    """
    rows = []
    for one in found:
        peer = block(after, one.key, one.address)
        earlier = before.peer(peer.public_key) or LivePeer(peer.public_key)
        passes = max((size for size, arrived in one.sizes.items() if arrived), default=0)
        rows.append(
            {
                "name": one.name,
                "address": one.address,
                "path": one.path,
                "public_key": peer.public_key,
                "endpoint": peer.endpoint,
                "handshake_age": max(0, now - peer.handshake) if peer.handshake else None,
                "sent": max(0, peer.sent - earlier.sent),
                "received": max(0, peer.received - earlier.received),
                "rtt_ms": one.rtt,
                "full_mtu": passes >= size if one.sizes else None,
                "passes": passes,
                "allowed": bool(one.key) and _holds(peer, one.address),
                "routed": one.rtt is not None or (bool(one.key) and routed(one.address)),
            }
        )
    return rows


def block(live: Live, key: str, address: str) -> LivePeer:
    """The running interface's block for a host: that of its key, else the closest one that has its address.

    One without a key when there is none. An interface that does not run yet is taken as it will be.
    """
    known = live.peer(key) if key else None
    if known or not key:
        return known or LivePeer("")
    if not live.exists:
        return LivePeer(key)
    near = [(width, peer) for peer in live.peers if (width := _width(peer, address)) is not None]
    return max(near, key=lambda pair: pair[0])[1] if near else LivePeer("")


def _holds(peer: LivePeer, text: str) -> bool:
    return _width(peer, text) is not None


def _width(peer: LivePeer, text: str) -> int | None:
    """The length of a block's closest prefix around an address."""
    found = addresses.address(text)
    wholes = [addresses.network(prefix) for prefix in peer.allowed]
    widths = [whole.prefixlen for whole in wholes if found and whole and addresses.inside(found, whole)]
    return max(widths, default=None)
