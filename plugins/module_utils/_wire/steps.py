# GPL-3.0-or-later (see LICENSE)
"""From what runs to what is wanted by `wg set` and `ip`, attribute by attribute: never syncconf (wireguard-join F3-F8).

No peer that stays is ever missing in between, and no address that moves is ever nobody's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from . import addresses
from .checks import short
from .model import FOREIGN, HostConfig, Peer, Secret
from .observed import Live, LivePeer
from .wgfile import WgFile

# A session is dead after 180 s (REJECT_AFTER_TIME); until then a learned endpoint is better than the written one.
FRESH = 180
# Routes on our device with these protocols are ours: `static` by us, `boot` by wg-quick.
OUR_ROUTES = ("static", "boot")


class Step(NamedTuple):
    """One command. says: the line for `actions`, without secrets. stdin: a secret for /dev/stdin, never in argv."""

    argv: tuple[str, ...]
    says: str
    stdin: Secret | None = None
    disruptive: bool = False


def plan_steps(
    wanted: HostConfig,
    live: Live,
    *,
    own_key: str,
    key_file: str,
    filed: WgFile | None = None,
    now: int = 0,
    purge: bool = True,
) -> tuple[Step, ...]:
    """What to do to a running interface, in order: peers, link, addresses, routes, removals (wireguard-join c.5).

    wanted: with every public key known (conf.complete). own_key: the public key of key_file. filed: the file as it was
    before this run: an endpoint is set when it differs from that one, or when nobody answers at the learned one.
    now: seconds since the epoch. purge: take away peers that are not wanted; a block written by hand is wanted.
    Write the file after these steps: a run that was killed in between then finds its own change again.
    Empty when nothing differs. ValueError for a prefix that two peers claim: WireGuard would silently take it from one.
    """
    _disjoint(wanted.peers)
    interface = wanted.interface
    steps: list[Step] = []
    if live.public_key != own_key:
        call: tuple[str, ...] = ("wg", "set", interface, "private-key", key_file)
        steps.append(Step(call, f"own key {short(live.public_key)} -> {short(own_key)}", disruptive=True))
    if live.port != wanted.port:
        call = ("wg", "set", interface, "listen-port", str(wanted.port))
        steps.append(Step(call, f"listen port {live.port} -> {wanted.port}", disruptive=True))
    steps += _peers(wanted, live, filed, now)
    if wanted.mtu and live.mtu != wanted.mtu:
        call = ("ip", "link", "set", "dev", interface, "mtu", str(wanted.mtu))
        steps.append(Step(call, f"MTU {live.mtu} -> {wanted.mtu}"))
    if not live.up:
        steps.append(Step(("ip", "link", "set", "dev", interface, "up"), f"{interface} up"))
    gone = _gone(wanted, live, purge)
    steps += _old_routes(wanted, live)
    steps += _addresses(wanted, live)
    steps += _routes(wanted, live)
    for peer in gone:
        call = ("wg", "set", interface, "peer", peer.public_key, "remove")
        steps.append(Step(call, f"peer {_called(peer.public_key, filed)}: removed"))
    return tuple(steps)


def start_steps(interface: str, live: Live, own_key: str) -> tuple[Step, ...]:
    """What brings the interface itself up; empty when it runs under its unit, or can be used as it runs.

    Without a device under an active unit (wireguard-go died) `start` would do nothing, so it is `restart` (E13). A
    device with another key and no unit has to go first, which drops every session: that step is disruptive (E17).
    """
    unit = f"wg-quick@{interface}.service"
    if not live.exists:
        verb = "restart" if live.unit_active else "start"
        said = "the unit is active but the interface is gone" if live.unit_active else "the interface does not exist"
        return (Step(("systemctl", verb, unit), f"{verb} {unit}: {said}"),)
    if live.unit_active or live.public_key == own_key:
        return ()
    return (
        Step(
            ("ip", "link", "delete", "dev", interface),
            f"delete {interface}: it runs without its unit and with another key",
            disruptive=True,
        ),
        Step(("systemctl", "start", unit), f"start {unit}", disruptive=True),
    )


def disruptive(steps: Iterable[Step]) -> tuple[str, ...]:
    """What cannot be done without interrupting somebody: refused before anything is written, unless allowed."""
    return tuple(step.says for step in steps if step.disruptive)


def _disjoint(peers: Iterable[Peer]) -> None:
    owner: dict[str, str] = {}
    keys: dict[str, str] = {}
    for peer in peers:
        if not peer.public_key:
            raise ValueError(f"{peer.name} has no public key yet")
        if peer.public_key in keys:
            raise ValueError(f"{keys[peer.public_key]} and {peer.name} have one public key")
        keys[peer.public_key] = peer.name
        for text in peer.allowed:
            if text in owner:
                raise ValueError(f"{text} is claimed by {owner[text]} and {peer.name}")
            owner[text] = peer.name


def _peers(wanted: HostConfig, live: Live, filed: WgFile | None, now: int) -> list[Step]:
    """Additions first, then changes, each one call with its changed attributes only."""
    there = {peer.public_key: peer for peer in live.peers}
    held = {peer.public_key: set(peer.allowed) for peer in live.peers}
    claims = {text: peer.public_key for peer in wanted.peers for text in peer.allowed}
    steps = []
    for peer in sorted(wanted.peers, key=lambda one: one.public_key in there):
        now_there = there.get(peer.public_key)
        attributes: list[str] = []
        said: list[str] = []
        stdin = None
        if held.get(peer.public_key, set()) != set(peer.allowed) or now_there is None:
            # What this one holds and another, not yet reached, is to have stays here until that one takes it: a call
            # that names an address moves it at once, one that leaves it out makes it nobody's.
            mine = held.get(peer.public_key, set())
            lent = {text for text in mine if claims.get(text, peer.public_key) != peer.public_key}
            target = set(peer.allowed) | lent
            if target != mine or now_there is None:
                attributes += ["allowed-ips", ",".join(addresses.ordered(target))]
                said.append(_moved(mine, target))
            for others in held.values():
                others -= target
            held[peer.public_key] = target
        endpoint = _endpoint(peer, now_there, filed, now)
        if endpoint:
            attributes += ["endpoint", endpoint]
            said.append(f"endpoint {endpoint}")
        if peer.keepalive != (now_there.keepalive if now_there else 0):
            attributes += ["persistent-keepalive", str(peer.keepalive)]
            said.append(f"keepalive {peer.keepalive} s" if peer.keepalive else "keepalive off")
        if peer.preshared != (now_there.preshared if now_there else None):
            stdin = peer.preshared
            # Debian's tools never clear a preshared key that left the file (F6); an empty one does it.
            attributes += ["preshared-key", "/dev/stdin" if stdin else "/dev/null"]
            said.append("preshared key set" if stdin else "preshared key cleared")
        if attributes:
            argv = ("wg", "set", wanted.interface, "peer", peer.public_key, *attributes)
            verb = "" if now_there else "added, "
            name = peer.name or short(peer.public_key)
            next_key = " (next key)" if peer.kind == "next" else ""
            steps.append(Step(argv, f"peer {name}{next_key}: {verb}{', '.join(said)}", stdin))
    return steps


def _moved(before: set[str], after: set[str]) -> str:
    changes = [f"+{text}" for text in addresses.ordered(after - before)]
    changes += [f"-{text}" for text in addresses.ordered(before - after)]
    return f"AllowedIPs {' '.join(changes) or 'none'}"


def _endpoint(peer: Peer, live: LivePeer | None, filed: WgFile | None, now: int) -> str:
    """What to set, or nothing. A learned endpoint stays while it works: the peer may have roamed (E12c)."""
    if not peer.endpoint or (live is not None and live.endpoint == peer.endpoint):
        return ""
    if live is None or not live.endpoint:
        return peer.endpoint
    before = filed.peer(peer.public_key) if filed else None
    changed = before is None or before.endpoint != peer.endpoint
    return peer.endpoint if changed or live.handshake < now - FRESH else ""


def _gone(wanted: HostConfig, live: Live, purge: bool) -> list[LivePeer]:
    keys = {peer.public_key for peer in wanted.peers}
    revoked = set(wanted.revoked)
    return [one for one in live.peers if one.public_key not in keys and (purge or one.public_key in revoked)]


def _called(key: str, filed: WgFile | None) -> str:
    block = filed.peer(key) if filed else None
    return block.name if block and block.name else short(key)


def _addresses(wanted: HostConfig, live: Live) -> list[Step]:
    device = ("dev", wanted.interface)
    extra = [text for text in live.addresses if text not in wanted.addresses]
    steps = [
        Step(("ip", "address", "add", text, *device), f"address {text} added")
        for text in wanted.addresses
        if text not in live.addresses
    ]
    steps += [Step(("ip", "address", "delete", text, *device), f"address {text} deleted") for text in extra]
    lost = _lost_networks(wanted, live)
    steps += [
        Step(("ip", "address", "replace", text, *device), f"address {text} kept")
        for text in wanted.addresses
        if ipaddress.ip_interface(text).network in lost
    ]
    return steps


def _lost_networks(wanted: HostConfig, live: Live) -> set[object]:
    """Networks of IPv4 addresses that go: without promote_secondaries they take all later addresses of theirs along."""
    extra = set(live.addresses) - set(wanted.addresses)
    return {ipaddress.ip_interface(text).network for text in extra if ":" not in text}


def wanted_routes(wanted: HostConfig) -> tuple[str, ...]:
    """Routes that the interface needs beside those of its own addresses: what wg-quick would add at boot."""
    own = [ipaddress.ip_interface(text).network for text in wanted.addresses]
    foreign = [
        text
        for peer in wanted.peers
        if peer.kind == FOREIGN
        for text in peer.allowed
        if (found := addresses.network(text))
        and found.prefixlen
        and not any(addresses.overlap(found, one) and found.prefixlen >= one.prefixlen for one in own)
    ]
    return addresses.ordered((*wanted.routes, *foreign))


def _our_routes(wanted: HostConfig, live: Live) -> set[str]:
    """Only routes of the main table on this device that we or wg-quick made; never a default route."""
    return {
        one.destination
        for one in live.routes
        if one.device == wanted.interface and one.table == "main" and one.protocol in OUR_ROUTES
    }


def _old_routes(wanted: HostConfig, live: Live) -> list[Step]:
    """Before any address goes: the kernel would take a route along, and its deletion would fail."""
    return [
        Step(("ip", _family(text), "route", "delete", text, "dev", wanted.interface), f"route {text} deleted")
        for text in addresses.ordered(_our_routes(wanted, live) - set(wanted_routes(wanted)))
    ]


def _routes(wanted: HostConfig, live: Live) -> list[Step]:
    there = _our_routes(wanted, live)
    lost = _lost_networks(wanted, live)
    device = ("dev", wanted.interface, "proto", "static")
    steps = []
    for text in wanted_routes(wanted):
        if text not in there:
            steps.append(Step(("ip", _family(text), "route", "add", text, *device), f"route {text} added"))
        elif lost and ":" not in text:
            # With a device's last IPv4 address the kernel drops its IPv4 routes.
            steps.append(Step(("ip", _family(text), "route", "replace", text, *device), f"route {text} kept"))
    return steps


def _family(text: str) -> str:
    return "-6" if ":" in text else "-4"
