# GPL-3.0-or-later (see LICENSE)
"""What a host has now: `wg show IF dump` and iproute2's JSON, read into plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import addresses
from .model import Secret
from .wgfile import canonical

# A route that iproute2's JSON calls one of these sends packets nowhere, or to the host itself.
_NOT_PLAIN = ("local", "broadcast", "multicast", "anycast")


class LivePeer(NamedTuple):
    """One peer of the running interface. handshake: seconds since the epoch, 0 for none yet."""

    public_key: str
    allowed: tuple[str, ...] = ()
    endpoint: str = ""
    keepalive: int = 0
    preshared: Secret | None = None
    handshake: int = 0
    received: int = 0
    sent: int = 0


class Route(NamedTuple):
    """One route that sends packets somewhere, and is no default route. protocol: who made it."""

    destination: str
    device: str
    table: str = "main"
    protocol: str = ""


@dataclass(frozen=True)
class Live:
    """The running interface; exists False when there is none. addresses with length, routes those on this device."""

    exists: bool = False
    up: bool = False
    public_key: str = ""
    port: int = 0
    mtu: int = 0
    peers: tuple[LivePeer, ...] = ()
    addresses: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    unit_active: bool = False

    def peer(self, key: str) -> LivePeer | None:
        """The peer of a public key."""
        return next((one for one in self.peers if one.public_key == key), None)


class Dump(NamedTuple):
    """What `wg show IF dump` says. The private key is not in it: it is dropped while reading."""

    public_key: str
    port: int
    fwmark: str
    peers: tuple[LivePeer, ...]


def parse_dump(text: str) -> Dump:
    """Output of `wg show IF dump`, of the kernel or of wireguard-go. ValueError when it is something else."""
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    if not lines or len(lines[0]) != 4 or any(len(row) != 8 for row in lines[1:]):
        # Not a word of the text: its first field is the private key.
        raise ValueError(
            f"this is no output of wg show dump: {[len(row) for row in lines[:3]]} fields in its first lines"
        )
    _, public, port, fwmark = lines[0]
    peers = tuple(
        LivePeer(
            public_key=key,
            allowed=() if allowed == "(none)" else canonical(allowed),
            endpoint=_given(endpoint),
            keepalive=0 if keepalive == "off" else int(keepalive),
            preshared=Secret(preshared) if _given(preshared) else None,
            handshake=int(handshake),
            received=int(received),
            sent=int(sent),
        )
        for key, preshared, endpoint, allowed, handshake, received, sent, keepalive in lines[1:]
    )
    return Dump(_given(public), int(port), "" if fwmark == "off" else fwmark, peers)


def _given(text: str) -> str:
    return "" if text == "(none)" else text


def parse_addresses(text: str) -> tuple[str, ...]:
    """Output of `ip -j address show dev IF`: addresses with length, without those the kernel gives itself."""
    return tuple(
        f"{one['local']}/{one['prefixlen']}"
        for link in _rows(text)
        for one in link.get("addr_info", ())
        if one.get("scope") != "link" and "local" in one
    )


def parse_routes(text: str) -> tuple[Route, ...]:
    """Output of `ip -j route show table all` or `ip -j -6 route show table all`, default routes left out."""
    found = []
    for row in _rows(text):
        destination = str(row.get("dst", "default"))
        kind = str(row.get("type", "unicast"))
        if destination == "default" or kind in _NOT_PLAIN:
            continue
        whole = addresses.network(destination)
        if whole is None or whole.prefixlen == 0 or whole.is_link_local or whole.is_multicast:
            continue
        found.append(
            Route(
                destination=str(whole),
                device=str(row.get("dev", "")),
                table=str(row.get("table", "main")),
                # `ip` leaves out what a route has that nobody said who made: those of wg-quick.
                protocol=str(row.get("protocol", "boot")),
            )
        )
    return tuple(found)


def parse_link(text: str) -> tuple[bool, int]:
    """Output of `ip -j link show dev IF`: whether it is up, and its MTU. (False, 0) when there is none."""
    for row in _rows(text):
        return "UP" in row.get("flags", ()), int(row.get("mtu", 0))
    return False, 0


def _rows(text: str) -> list[dict[str, Any]]:
    # Old iproute2 prints an empty object for every device that the filter left out, and nothing at all for no route.
    rows = json.loads(text) if text.strip() else []
    return [row for row in rows if row]
