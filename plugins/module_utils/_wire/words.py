# GPL-3.0-or-later (see LICENSE)
"""What a failed check means: which host, what both ends saw, what to do next (wireguard-join c.7). No secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .checks import short
from .model import UNREACHABLE, Path
from .steps import FRESH


@dataclass(frozen=True)
class End:
    """One host's view of a link. Bytes and datagrams are what was counted during the check, not since boot."""

    host: str
    key: str = ""
    # The public key that this host has for the other one; empty when it has no block for it.
    expects: str = ""
    # Where it dials the other one; empty when it waits to be dialled.
    endpoint: str = ""
    port: int = 0
    address: str = ""
    sent: int = 0
    received: int = 0
    # UDP datagrams that arrived at the listen port; None where nobody could count.
    arrived: int | None = None
    handshake_age: int | None = None
    # Seconds that its clock is behind the other's; WireGuard drops handshakes older than the last one.
    clock_behind: int = 0
    # The other's address is among the AllowedIPs of its block, and its route leads to the tunnel.
    allowed: bool = True
    routed: bool = True
    ping: bool = False
    full_mtu: bool | None = None
    mtu: int = 0
    passes: int = 0


def diagnose(one: End, other: End, path: Path | None = None) -> str:
    """The failure of a link as one sentence, seen from both ends; empty when nothing failed."""
    if path is not None and path.kind == UNREACHABLE:
        return f"{path.reason}: declare a hub (wireguard_hub) or a zone (wireguard_zone with wireguard_lan_endpoint)."
    if not (_alive(one) and _alive(other)):
        return _no_handshake(*_dialler_first(one, other))
    for here, there in ((one, other), (other, one)):
        if not here.ping:
            return _no_ping(here, there)
    for here, there in ((one, other), (other, one)):
        if here.full_mtu is False:
            return (
                f"path MTU too small from {here.host} to {there.host}:"
                f" {f'{here.passes} bytes pass' if here.passes else 'small packets pass'}, tunnel uses {here.mtu}."
                " Leave wireguard_mtu at auto, or set it to what passes."
            )
    return ""


def _alive(end: End) -> bool:
    return end.handshake_age is not None and end.handshake_age <= FRESH


def _dialler_first(one: End, other: End) -> tuple[End, End]:
    return (other, one) if other.endpoint and not one.endpoint else (one, other)


def _no_handshake(here: End, there: End) -> str:
    if not here.expects or not there.expects:
        lacking, missing = (here, there) if not here.expects else (there, here)
        return (
            f"{lacking.host} has no block for {missing.host}{f' ({short(missing.key)})' if missing.key else ''}:"
            f" run the play for {lacking.host} as well."
        )
    if here.endpoint and there.arrived == 0:
        return (
            f"no answer from {there.host} at {here.endpoint}: packets do not arrive ({here.host} sent"
            f" {here.sent} bytes, received {here.received}; no datagram at {there.host})."
            f" Check the firewall/NAT for UDP {there.port} on {there.host}, or the endpoint."
        )
    seen = f"{there.arrived} datagrams arrived" if there.arrived else f"{here.sent} bytes were sent to it"
    prefix = f"{there.host} receives but rejects ({seen}, {there.sent} bytes answered):"
    if there.expects != here.key:
        return (
            f"{prefix} it has another key for {here.host} (expects {short(there.expects)}, got {short(here.key)})."
            f" Run the play for {there.host}, so that it learns the new key."
        )
    if here.expects != there.key:
        return (
            f"{here.host} has another key for {there.host} (expects {short(here.expects)}, is {short(there.key)})."
            f" Run the play for {here.host}, so that it learns the new key."
        )
    if here.clock_behind > 0:
        return (
            f"{prefix} {here.host}'s clock went back ({here.clock_behind} s behind):"
            f" WireGuard drops handshakes with older timestamps. Set the clock of {here.host}."
        )
    if there.arrived is None:
        return (
            f"no handshake between {here.host} and {there.host} ({here.host} sent {here.sent} bytes, received"
            f" {here.received}). Check the firewall/NAT for UDP {there.port} on {there.host}, then the preshared key."
        )
    return (
        f"{prefix} the keys agree, so the preshared key differs."
        f" Run the play for both, with one wireguard_preshared_seed and one epoch."
    )


def _no_ping(here: End, there: End) -> str:
    seen = f"the handshake is {here.handshake_age} s old, but {there.address} does not answer {here.host}"
    for end, far in ((here, there), (there, here)):
        if not end.allowed:
            return f"AllowedIPs: {far.address} of {far.host} is not in {end.host}'s table ({seen}). Run the play again."
    for end, far in ((here, there), (there, here)):
        if not end.routed:
            return (
                f"route: {far.address} of {far.host} does not leave {end.host} by the tunnel ({seen})."
                f" Look at `ip route get {far.address}` on {end.host}."
            )
    return f"firewall on the tunnel interface of {there.host} ({seen}). Allow ICMP and the cluster's ports there."


def refused(says: Iterable[str], host: str, *, hub: bool) -> str:
    """Disruptive work that was not allowed: what it would do, to whom, and what to do first."""
    where = f"hub {host}" if hub else host
    return (
        f"{'; '.join(says)}: this re-creates the socket or the interface on {where}: idle hosts behind NAT may be"
        " unreachable up to 2 min. Set wireguard_allow_disruption, drain the workers behind it first."
    )


def left_behind(name: str, done: int, missed: Iterable[str]) -> str:
    """A removed host that not everybody has dropped yet."""
    hosts = sorted(missed)
    verb, pronoun = ("was", "accepts") if len(hosts) == 1 else ("were", "accept")
    return (
        f"{name} revoked on {done} of {done + len(hosts)} hosts; {', '.join(hosts)} {verb} not reached and still"
        f" {pronoun} it. Run the play for {', '.join(hosts)} when reachable."
    )


def no_relay(hub: str, forwarding: bool, redirects: bool, forward_allowed: bool) -> tuple[str, ...]:
    """What keeps a hub from relaying between its spokes, or makes it noisy (wireguard-join c.4.7)."""
    found = []
    if not forwarding:
        found.append(f"{hub} does not forward: set net.ipv4.ip_forward (and net.ipv6.conf.all.forwarding) to 1 there.")
    if not forward_allowed:
        found.append(f"{hub}'s firewall drops what it forwards: accept from the tunnel interface to itself.")
    if redirects:
        found.append(f"{hub} sends an ICMP redirect for each relayed packet: set send_redirects of the interface to 0.")
    return tuple(found)
