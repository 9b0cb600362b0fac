# GPL-3.0-or-later (see LICENSE)
"""What one host's share lacks before it can run: keys that this run was given, addresses of names, the first MTU."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from .._plan.problems import Problems
from .._shell import Shell
from .._wire import addresses, mtu
from .._wire.model import MANAGED, HostConfig, Secret
from .._wire.read import is_key
from .._wire.wgfile import WgFile
from . import host


def check_keys(public: Mapping[str, str], preshared: Mapping[str, str], problems: Problems) -> None:
    """Findings on keys that are none. public: {host: key}; preshared: {peer's public key: key}, never shown."""
    for name, text in public.items():
        if text and not is_key(text):
            problems.add(name, "public_keys", "is no public key", "write the 44 characters that `wg pubkey` prints")
    for peer_key, text in preshared.items():
        if not is_key(text):
            problems.add((), f"preshared_keys[{peer_key[:8]}…]", "is no key", "write 32 bytes in base64")


def check_names(config: HostConfig, problems: Problems) -> None:
    """Findings on endpoints that are still names: neither the resolver nor the file knows an address."""
    for peer in config.peers:
        place = addresses.split_endpoint(peer.endpoint)[0]
        if peer.endpoint and addresses.address(place) is None:
            fix = "repair the name, or write an address into wireguard_endpoint"
            problems.add(config.name, "", f"{place}, the endpoint of {peer.name}, has no address", fix)


def preshared(
    config: HostConfig, given: Mapping[str, str], filed: WgFile | None, unknown: Collection[str]
) -> HostConfig:
    """The blocks with the preshared keys given. unknown: hosts whose public key came from the file, since this run did
    not see them: so does their preshared key."""
    peers = []
    for peer in config.peers:
        if peer.kind == MANAGED:
            text = given.get(peer.public_key)
            there = filed.peer(peer.public_key) if filed else None
            if text is not None:
                peer = peer._replace(preshared=Secret(text))
            elif peer.name in unknown and there:
                peer = peer._replace(preshared=there.preshared)
        peers.append(peer)
    return config.with_peers(tuple(peers))


def useful_routes(config: HostConfig) -> HostConfig:
    """Without routes to hosts that have no block yet: they would lead nowhere."""
    held = {text for peer in config.peers for text in peer.allowed}
    return replace(config, routes=tuple(text for text in config.routes if text in held))


def first_mtu(shell: Shell, config: HostConfig, declared: int, filed: WgFile | None) -> int:
    """Declared, else what an earlier run found, else what the routes to the endpoints promise."""
    if declared:
        return declared
    if filed and filed.ours and filed.mtu:
        return filed.mtu
    places = {addresses.split_endpoint(peer.endpoint)[0] for peer in config.peers if peer.endpoint}
    ways = [host.way(shell, place) for place in sorted(places)]
    return mtu.candidate([size for device, size in ways if size and device not in ("lo", config.interface)])
