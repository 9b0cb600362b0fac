# GPL-3.0-or-later (see LICENSE)
"""One host's share made ready: keys known from its file, blocks that somebody added, resolved names, the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import addresses
from .model import FOREIGN, MANAGED, NEXT, UNMANAGED, HostConfig, Peer, Secret
from .wgfile import Block, WgFile


@dataclass(frozen=True)
class Ready:
    """A share that can be written. pending: hosts whose key nobody knows yet; they get no block."""

    config: HostConfig
    pending: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def complete(config: HostConfig, filed: WgFile | None, *, purge_foreign: bool = False) -> Ready:
    """Fill in what this run does not know from the host's own file: a limited run never loses a peer it did not see.

    filed: the file that is there, ours or one to take over, or None. Blocks without our comment are kept unless
    purge_foreign; a removed host's key is never taken from it, nor kept.
    """
    blocks = [one for one in (filed.peers if filed else ()) if one.public_key not in config.revoked]
    by_name = {one.name: one for one in blocks if one.name and one.kind != NEXT}
    peers, pending = [], []
    for peer in config.peers:
        if not peer.public_key and peer.name in by_name:
            peer = peer._replace(public_key=by_name[peer.name].public_key)
        if peer.kind == UNMANAGED and filed and (there := filed.peer(peer.public_key)):
            # A phone's preshared key is its owner's: it stays as it was.
            peer = peer._replace(preshared=there.preshared)
        if peer.public_key:
            peers.append(peer)
        else:
            pending.append(peer.name)
    known = {peer.public_key for peer in peers}
    claimed = {text for peer in peers for text in peer.allowed}
    foreign = [] if purge_foreign else [one for one in blocks if one.kind == FOREIGN and one.public_key not in known]
    # A foreign block keeps its place, but never an address that the inventory gives to somebody.
    peers += [
        _foreign(one, claimed) for one in foreign if one.public_key and one.name not in {peer.name for peer in peers}
    ]
    names = tuple(sorted(one.name or one.public_key[:8] + "…" for one in foreign))
    return Ready(config.with_peers(tuple(peers)), tuple(pending), names)


def _foreign(one: Block, claimed: set[str]) -> Peer:
    return Peer(
        name=one.name,
        public_key=one.public_key,
        allowed=tuple(text for text in one.allowed if text not in claimed),
        endpoint=one.endpoint,
        keepalive=one.keepalive,
        kind=FOREIGN,
        preshared=one.preshared,
    )


def names_to_resolve(config: HostConfig) -> tuple[str, ...]:
    """Host names among the endpoints, each once."""
    hosts = {addresses.split_endpoint(peer.endpoint)[0] for peer in config.peers if peer.endpoint}
    return tuple(sorted(host for host in hosts if addresses.address(host) is None))


def resolved(config: HostConfig, found: Mapping[str, str], filed: WgFile | None = None) -> HostConfig:
    """Endpoints by address: a host that boots without DNS then has its tunnel. The name stays in a comment.

    found: {name: address}. A name without answer keeps the address that the file has for it, else stays a name.
    """
    before = {one.endpoint_name: one.endpoint for one in (filed.peers if filed else ()) if one.endpoint_name}
    peers = []
    for peer in config.peers:
        host, port = addresses.split_endpoint(peer.endpoint)
        if peer.endpoint and addresses.address(host) is None:
            answer = addresses.endpoint(_bracketed(found[host]), port) if found.get(host) else None
            answer = answer or before.get(peer.endpoint)
            if answer:
                peer = peer._replace(endpoint=answer, endpoint_name=peer.endpoint)
        peers.append(peer)
    return config.with_peers(tuple(peers))


def _bracketed(text: str) -> str:
    return f"[{text}]" if ":" in text else text


def wanted_file(config: HostConfig, private_key: Secret | None) -> WgFile:
    """The file of one host: blocks by name, so that the same inventory gives the same bytes.

    A block of an unknown key cannot be written: `complete` comes first.
    """
    blocks = [
        Block(
            peer.public_key,
            addresses.ordered(peer.allowed),
            peer.endpoint,
            peer.keepalive,
            peer.preshared,
            peer.name,
            peer.kind,
            peer.endpoint_name,
        )
        for peer in config.peers
        if peer.public_key
    ]
    order = {MANAGED: 0, NEXT: 0}
    blocks.sort(key=lambda one: (order.get(one.kind, 1), one.name, one.kind, one.public_key))
    return WgFile(
        ours=True,
        host=config.name,
        addresses=config.addresses,
        private_key=private_key,
        port=config.port,
        mtu=config.mtu,
        peers=tuple(blocks),
    )
