# GPL-3.0-or-later (see LICENSE)
"""What the tunnels are made of: the network, its members, phones, removed hosts, and one host's share of it.

Addresses and prefixes are canonical text (`10.66.0.7`, `10.66.0.0/24`, `fd66::7`): they are compared, sorted and
written far more often than they are calculated with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

MESH, HUB_SPOKE, LINKS = "mesh", "hub_spoke", "links"
TOPOLOGIES = (MESH, HUB_SPOKE, LINKS)
DIRECT, RELAY, UNREACHABLE = "direct", "relay", "unreachable"
# What a block in a file is: a host of the inventory, its key of tomorrow, a phone, or a block somebody else wrote.
MANAGED, NEXT, UNMANAGED, FOREIGN = "managed", "next", "unmanaged", "foreign"
DEFAULT_PORT = 51_820
DEFAULT_KEEPALIVE = 25


class Secret:
    """A key that no message, diff or traceback shows. Two secrets are equal when their texts are."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for standard input of `wg`, or a file of mode 0600. For nothing else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "(hidden)"


@dataclass(frozen=True)
class Member:
    """A host in the tunnel. endpoint: where others dial it, empty behind NAT. routed: networks behind it."""

    name: str
    addresses: tuple[str, ...]
    public_key: str = ""
    endpoint: str = ""
    port: int = DEFAULT_PORT
    hub: bool = False
    zone: str = ""
    lan_endpoint: str = ""
    routed: tuple[str, ...] = ()
    keepalive: int = DEFAULT_KEEPALIVE
    mtu: int = 0

    @property
    def dialable(self) -> bool:
        """Whether a host anywhere can open the path to it."""
        return bool(self.endpoint)


@dataclass(frozen=True)
class UnmanagedPeer:
    """A phone or a laptop, attached to one member (`via`); everybody else reaches it through that one."""

    name: str
    public_key: str
    addresses: tuple[str, ...]
    via: str
    endpoint: str = ""
    keepalive: int = 0


@dataclass(frozen=True)
class Tombstone:
    """A removed host: its keys are taken from every host that is met, until none is left in `pending`."""

    name: str
    public_keys: tuple[str, ...]
    pending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """One tunnel network. Members and peers are sorted by name, so that the same inventory gives the same bytes."""

    prefixes: tuple[str, ...]
    members: tuple[Member, ...]
    interface: str = "wg0"
    topology: str = MESH
    links: frozenset[tuple[str, str]] = frozenset()
    unmanaged: tuple[UnmanagedPeer, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()

    def member(self, name: str) -> Member:
        """The host of that name. KeyError when it is not in the tunnel."""
        for one in self.members:
            if one.name == name:
                return one
        raise KeyError(name)


class Path(NamedTuple):
    """How two hosts reach each other: direct, through a named hub, or not (and why)."""

    kind: str
    hub: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.kind == RELAY:
            return f"relay:{self.hub}"
        return self.kind if self.kind == DIRECT else f"{self.kind}: {self.reason}"


class Peer(NamedTuple):
    """One block of a host: whom it talks to, which addresses belong there, where it is dialled (empty: it dials us)."""

    name: str
    public_key: str
    allowed: tuple[str, ...]
    endpoint: str = ""
    keepalive: int = 0
    kind: str = MANAGED
    # The name that was resolved to `endpoint`; stays in the file as a comment.
    endpoint_name: str = ""
    preshared: Secret | None = None


@dataclass(frozen=True)
class HostConfig:
    """Everything one host needs, but its private key. addresses carry the network's length: `10.66.0.7/24`."""

    name: str
    interface: str
    addresses: tuple[str, ...]
    port: int
    peers: tuple[Peer, ...]
    # Networks that are not the tunnel's own and need a route to the interface.
    routes: tuple[str, ...] = ()
    mtu: int = 0
    # Keys of removed hosts: taken away wherever they are found, whoever wrote them there.
    revoked: tuple[str, ...] = ()

    def with_peers(self, peers: tuple[Peer, ...]) -> HostConfig:
        """The same host with other blocks."""
        return replace(self, peers=peers)
