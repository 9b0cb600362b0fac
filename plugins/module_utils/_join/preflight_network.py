# GPL-3.0-or-later (see LICENSE)
"""The way to the cluster (the tunnel) and the way to everybody else (names and port 443) (wireguard-join c.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import Check, not_asked

# A peer with keepalive shakes hands at least every 2 min; WireGuard gives a session up after 3.
OLDEST_HANDSHAKE = 180


@dataclass(frozen=True)
class PeerSeen:
    """A peer of the tunnel. rtt_ms None: no answer; whole None: not tried. known: it has a block with that address."""

    name: str
    address: str
    known: bool = True
    handshake_age: int | None = None
    rtt_ms: float | None = None
    whole: bool | None = None


def tunnel(interface: str, mtu: int | None, peers: Sequence[PeerSeen], ms: float) -> Check:
    """mtu None: there is no such interface."""
    if mtu is None:
        return Check(
            "tunnel", False, f"there is no interface {interface}", "", "Run playbooks/network.yml for this host.", ms
        )
    for peer in peers:
        where = f"{peer.name} ({peer.address})"
        if not peer.known:
            told = f"{interface} has no block with the address of {where}"
            hint = "Run playbooks/network.yml for both hosts."
        elif peer.rtt_ms is None:
            age = "never" if peer.handshake_age is None else f"{peer.handshake_age} s ago"
            told = f"{where} does not answer, last handshake {age}"
            hint = f"Run playbooks/network.yml, which says why; `wg show {interface}` here shows the endpoint."
        elif peer.handshake_age is not None and peer.handshake_age > OLDEST_HANDSHAKE:
            told = f"{where} answers, and its last handshake was {peer.handshake_age} s ago: not by this tunnel"
            hint = f"Look at `ip route get {peer.address}`."
        elif peer.whole is False:
            told = f"path MTU too small to {where}: small packets pass, {mtu} bytes do not"
            hint = "Set wireguard_mtu to what passes, or leave it at auto, and run playbooks/network.yml."
        else:
            continue
        return Check("tunnel", False, told, "", hint, ms)
    slowest = max((peer.rtt_ms or 0.0 for peer in peers), default=0.0)
    return Check("tunnel", True, f"{len(peers)} peers answer with {mtu} bytes, {slowest:.1f} ms at most", ms=ms)


@dataclass(frozen=True)
class WayOut:
    """One name outside. error: why it did not work, in the system's words; source: our address on the way."""

    name: str
    resolved: bool
    error: str = ""
    source: str = ""


def outside(ways: Sequence[WayOut], ms: float) -> Check:
    """Good when one of them can be reached: the others may be down themselves."""
    if not ways:
        return not_asked("outside", "no name was given")
    good = next((way for way in ways if not way.error), None)
    if good:
        seen = f"{good.name} by {good.source}; other servers see this host's public address in deliveries"
        return Check("outside", True, seen, ms=ms)
    told = "; ".join(f"{way.name}: {way.error}" for way in ways)
    if not any(way.resolved for way in ways):
        hint = "No name resolves: look at /etc/resolv.conf and `resolvectl status`."
    else:
        hint = "Names resolve: let this host out to port 443, or set http_proxy in mastodon_environment."
    return Check("outside", False, told, "", hint, ms)
