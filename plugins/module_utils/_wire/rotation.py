# GPL-3.0-or-later (see LICENSE)
"""A host's new key without a lost packet (wireguard-join c.6): the calls on the host itself, H, and on its peers.

H switches its key, and tells each direct peer before when that will be (rotation_course); a moment after that the peer
calls `take`, which adds the next key with the AllowedIPs. In between H's packets wait in its queue (128 per peer:
0.25 s at 500 a second) and the peer's still arrive by the old session. The key must not be put in earlier, without
AllowedIPs: H's queue would leave before they are there, and be dropped. The peer calls `settle` when H says that both
directions work, or `give_back` when H went back.

A peer that was off completes in its next ordinary run: the registry then says that the new key is H's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .model import MANAGED, NEXT, HostConfig, Peer, Secret
from .steps import Step
from .topology import Topology
from .wgfile import Block, WgFile


def take(config: HostConfig, name: str, learned: str = "") -> Step:
    """The call of a peer that was told of the switch: the next key gets everything the old one has, which stays bare.

    learned: the running endpoint of the old key; it is where a host behind NAT is found. KeyError: none is staged.
    """
    old, new = _ends(config, name)
    argv = ["wg", "set", config.interface, "peer", new.public_key]
    if new.preshared is not None:
        argv += ["preshared-key", "/dev/stdin"]
    endpoint = learned or new.endpoint
    if endpoint:
        argv += ["endpoint", endpoint]
    argv += ["persistent-keepalive", str(new.keepalive), "allowed-ips", ",".join(old.allowed)]
    return Step(tuple(argv), f"peer {name}: moved to its next key", new.preshared)


def settle(config: HostConfig, name: str) -> Step:
    """After a handshake with the next key: the old one goes. KeyError: none is staged."""
    old, _ = _ends(config, name)
    argv = ("wg", "set", config.interface, "peer", old.public_key, "remove")
    return Step(argv, f"peer {name}: its old key is removed")


def give_back(config: HostConfig, name: str) -> Step:
    """No handshake with the next key in time: the old one has everything again. KeyError: none is staged."""
    old, new = _ends(config, name)
    argv = ("wg", "set", config.interface, "peer", old.public_key, "allowed-ips", ",".join(old.allowed))
    return Step((*argv, "peer", new.public_key, "remove"), f"peer {name}: back to its old key")


def lend(config: HostConfig, name: str, key: str) -> Step:
    """Both keys are live: `key`, the old or the next one, gets the AllowedIPs; the other stays bare, and known.

    KeyError when no next key is staged; ValueError when `key` is neither.
    """
    ends = _ends(config, name)
    if key not in [one.public_key for one in ends]:
        raise ValueError(f"{key[:8]}… is no key of {name}")
    argv = ("wg", "set", config.interface, "peer", key, "allowed-ips", ",".join(ends[0].allowed))
    which = "next" if key == ends[1].public_key else "old"
    return Step(argv, f"peer {name}: its {which} key has its addresses")


def redial(config: HostConfig, name: str, learned: str = "") -> Step:
    """`take` once more, after the handshake that it began got lost: the kernel alone waits 5 s (REKEY_TIMEOUT).

    A peer that is made anew begins at once; what it had queued is lost. KeyError: none is staged.
    """
    step = take(config, name, learned)
    gone = ("peer", _ends(config, name)[1].public_key, "remove")
    return step._replace(argv=(*step.argv[:3], *gone, *step.argv[3:]), says=f"peer {name}: its next key dials again")


def switch(interface: str, key_file: str, preshared: Mapping[str, str]) -> Step:
    """H's own call: its key and the preshared keys that go with it. In one call, which nothing can cut in two: a
    preshared key without its private key would end the link at the next handshake, within two minutes.

    preshared: {peer's public key: file of its preshared key, /dev/null for none}, only those that change.
    """
    argv = ["wg", "set", interface, "private-key", key_file]
    for key, path in sorted(preshared.items()):
        argv += ["peer", key, "preshared-key", path]
    return Step(tuple(argv), "own key switched")


def block_of(file: WgFile, name: str) -> Block | None:
    """The block of a host in a file of ours."""
    return next((one for one in file.peers if one.name == name and one.kind == MANAGED), None)


def moving(file: WgFile, interface: str, name: str, next_key: str, preshared: Secret | None) -> HostConfig:
    """A peer's blocks while `name` rotates, from the peer's own file: the old key as it is there, and the next one.

    KeyError when the file has no block for it.
    """
    old = block_of(file, name)
    if old is None:
        raise KeyError(name)
    peer = Peer(name, old.public_key, old.allowed, old.endpoint, old.keepalive, MANAGED, old.endpoint_name)
    staged_key = peer._replace(public_key=next_key, allowed=(), kind=NEXT, preshared=preshared)
    both = (peer._replace(preshared=old.preshared), staged_key)
    return HostConfig(file.host, interface, file.addresses, file.port, both, mtu=file.mtu)


def moved_file(file: WgFile, name: str, key: str, preshared: Secret | None) -> WgFile:
    """A peer's file after `name` rotated: the same block with the other key. A next key of its is gone."""
    peers = tuple(
        one._replace(public_key=key, preshared=preshared) if one.name == name and one.kind == MANAGED else one
        for one in file.peers
        if not (one.name == name and one.kind == NEXT)
    )
    return replace(file, peers=peers)


def own_file(file: WgFile, private_key: Secret, preshared: Mapping[str, Secret | None]) -> WgFile:
    """The rotated host's own file: its new key, and the preshared keys that go with it, {peer's public key: key}."""
    peers = tuple(
        one._replace(preshared=preshared[one.public_key])
        if one.kind == MANAGED and one.public_key in preshared
        else one
        for one in file.peers
    )
    return replace(file, private_key=private_key, peers=peers)


def batches(topology: Topology, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Hosts to rotate, in an order: one at a time, hubs last, so that the spokes' paths are proven before theirs."""
    hubs = {one.name for one in topology.network.members if one.hub}
    return tuple((name,) for name in sorted(names, key=lambda one: (one in hubs, one)))


def _ends(config: HostConfig, name: str) -> tuple[Peer, Peer]:
    found = {peer.kind: peer for peer in config.peers if peer.name == name}
    return found[MANAGED], found[NEXT]
