# GPL-3.0-or-later (see LICENSE)
"""Who talks to whom: for every pair of hosts a path, for every host its blocks (wireguard-join c.4)."""

from __future__ import annotations

from collections.abc import Iterator

from . import addresses
from .model import (
    DIRECT,
    HUB_SPOKE,
    LINKS,
    RELAY,
    UNMANAGED,
    UNREACHABLE,
    HostConfig,
    Member,
    Network,
    Path,
    Peer,
)

STRAIGHT = Path(DIRECT)


class Topology:
    """A network with its answers worked out. Building it costs a step per host, an answer a step per pair."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._by_name = {one.name: one for one in network.members}
        self._hubs = [one for one in network.members if one.hub]
        self._hubs_of = {
            one.name: frozenset(hub.name for hub in self._hubs if self._is_direct(one, hub)) for one in network.members
        }
        self._relays: dict[tuple[frozenset[str], frozenset[str], str, str], Path | None] = {}
        self._phones: dict[str, tuple[str, ...]] = {}
        for phone in network.unmanaged:
            known = self._phones.get(phone.via, ())
            self._phones[phone.via] = known + tuple(addresses.host_prefix(one) for one in phone.addresses)
        self._own = {one.name: tuple(addresses.host_prefix(text) for text in one.addresses) for one in network.members}

        # Prefixes that the interface's own route covers; all others need a route of theirs.
        self._inside = {*network.prefixes, *(text for own in self._own.values() for text in own)}
        self._inside.update(text for phones in self._phones.values() for text in phones)

    def path(self, one: str, other: str) -> Path:
        """Direct, through a named hub, or unreachable with the reason. The same in both directions."""
        return self._path(self._by_name[one], self._by_name[other])

    def pairs(self) -> Iterator[tuple[str, str, Path]]:
        """Every pair of different hosts once, in order of their names."""
        members = self.network.members
        for number, one in enumerate(members):
            for other in members[number + 1 :]:
                yield one.name, other.name, self._path(one, other)

    def peers(self, name: str) -> tuple[Peer, ...]:
        """The blocks of one host, by name. Keys that are not known yet are empty. KeyError for a stranger."""
        me = self._by_name[name]
        found: list[Peer] = []
        relayed: dict[str, list[Member]] = {}
        for other in self.network.members:
            if other is me:
                continue
            path = self._path(me, other)
            if path is STRAIGHT:
                found.append(self._block(me, other))
            elif path.kind == RELAY:
                relayed.setdefault(path.hub, []).append(other)
        if relayed:
            found = [self._with_relayed(me, peer, relayed) if peer.name in relayed else peer for peer in found]
        for phone in self.network.unmanaged:
            if phone.via == name:
                allowed = tuple(addresses.host_prefix(one) for one in phone.addresses)
                found.append(
                    Peer(phone.name, phone.public_key, allowed, phone.endpoint, phone.keepalive, kind=UNMANAGED)
                )
        return tuple(sorted(found)) if self._phones.get(name) else tuple(found)

    def config(self, name: str) -> HostConfig:
        """Everything one host needs but secrets. KeyError for a stranger."""
        me = self._by_name[name]
        network = self.network
        peers = self.peers(name)
        routes = [text for peer in peers for text in peer.allowed if text not in self._inside]
        return HostConfig(
            name=name,
            interface=network.interface,
            addresses=tuple(addresses.with_length(text, network.prefixes) for text in me.addresses),
            port=me.port,
            peers=peers,
            routes=addresses.ordered(routes),
            mtu=me.mtu,
            revoked=tuple(sorted(key for one in network.tombstones for key in one.public_keys)),
        )

    def neighbours(self, name: str) -> tuple[str, ...]:
        """Hosts with a direct link to this one: those that a run which adds, changes or removes it has to visit."""
        me = self._by_name[name]
        return tuple(one.name for one in self.network.members if self._is_direct(me, one))

    def _path(self, one: Member, other: Member) -> Path:
        if self._is_direct(one, other):
            return STRAIGHT
        hubs = self._hubs_of[one.name], self._hubs_of[other.name]
        zones = (one.zone, other.zone) if one.zone <= other.zone else (other.zone, one.zone)
        relay = self._relay(hubs[0], hubs[1], *zones) if hubs[0] and hubs[1] else None
        return relay or Path(UNREACHABLE, reason=self._reason(one, other))

    def _relay(self, ours: frozenset[str], theirs: frozenset[str], *zones: str) -> Path | None:
        key = (ours, theirs, zones[0], zones[1])
        if key not in self._relays:
            # Both ends must choose the same hub: each accepts the other's address from that one only.
            common = [hub for hub in self._hubs if hub.name in ours and hub.name in theirs]
            near = sorted(common, key=lambda hub: -sum(bool(hub.zone) and hub.zone == zone for zone in zones))
            self._relays[key] = Path(RELAY, near[0].name) if near else None
        return self._relays[key]

    def _is_direct(self, one: Member, other: Member) -> bool:
        if one is other:
            return False
        network = self.network
        if network.topology == LINKS:
            if (one.name, other.name) not in network.links and (other.name, one.name) not in network.links:
                return False
        elif network.topology == HUB_SPOKE and not (one.hub or other.hub):
            # Two spokes on one LAN take the short way; the block of a single address wins over the hub's network.
            return bool(one.zone) and one.zone == other.zone and bool(one.lan_endpoint or other.lan_endpoint)
        return bool(one.endpoint or other.endpoint or dial(one, other) or dial(other, one))

    def _reason(self, one: Member, other: Member) -> str:
        one, other = sorted((one, other), key=lambda end: end.name)
        both = f"{one.name} and {other.name}"
        if not self._hubs:
            need = "no host of the network is a hub"
        else:
            lost = [name for name in (one.name, other.name) if not self._hubs_of[name] and not self._by_name[name].hub]
            need = f"{lost[0]} has a link to no hub" if lost else "they share no hub"
        if dial(one, other) or dial(other, one):
            return f"{both} have no link, and {need}"
        return f"{both} are both behind NAT (neither has an endpoint), and {need}"

    def _block(self, me: Member, other: Member) -> Peer:
        allowed = self._own[other.name]
        if other.routed or other.name in self._phones:
            allowed = addresses.ordered(allowed + self._behind(me, other))
        where = dial(me, other)
        # Whoever dials keeps the path open. The one that is dialled has neither: a roamed address survives (E12c).
        return Peer(other.name, other.public_key, allowed, where, me.keepalive if where else 0)

    def _behind(self, me: Member, other: Member) -> tuple[str, ...]:
        phones = self._phones.get(other.name, ())
        if not me.zone or me.zone != other.zone:
            return other.routed + phones
        # A gateway's own LAN is where this host sits as well: it needs no tunnel to it.
        lans = [
            found
            for text in (me.lan_endpoint, other.lan_endpoint)
            if (found := addresses.address(addresses.split_endpoint(text)[0]))
        ]
        return phones + tuple(
            text
            for text in other.routed
            if not (whole := addresses.network(text)) or not any(addresses.inside(lan, whole) for lan in lans)
        )

    def _with_relayed(self, me: Member, peer: Peer, relayed: dict[str, list[Member]]) -> Peer:
        behind = [text for other in relayed[peer.name] for text in self._behind(me, other)]
        if len(relayed) > 1:
            # Several hubs relay for this host: each gets exactly the addresses that it relays, never a prefix twice.
            behind += [text for other in relayed[peer.name] for text in self._own[other.name]]
            return peer._replace(allowed=addresses.ordered((*peer.allowed, *behind)))
        # One hub relays everything: it gets the whole network, so that a new spoke changes no other spoke's file.
        whole = [found for text in self.network.prefixes if (found := addresses.network(text))]
        outside = [
            text
            for text in (*peer.allowed, *behind)
            if (found := addresses.network(text)) and not any(addresses.overlap(found, one) for one in whole)
        ]
        return peer._replace(allowed=addresses.ordered((*self.network.prefixes, *outside)))


def dial(one: Member, other: Member) -> str:
    """Where `one` dials `other`: over the LAN inside a zone, else its endpoint; empty when it cannot."""
    if other.lan_endpoint and other.zone and one.zone == other.zone:
        return other.lan_endpoint
    return other.endpoint
