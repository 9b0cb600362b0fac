# GPL-3.0-or-later (see LICENSE)
"""From plain values of an inventory to the model. Everything that is wrong is collected, nothing is raised."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._plan.problems import Problems, did_you_mean
from . import addresses
from .model import (
    DEFAULT_KEEPALIVE,
    DEFAULT_PORT,
    LINKS,
    MESH,
    TOPOLOGIES,
    Member,
    Network,
    Tombstone,
    UnmanagedPeer,
)

# Variables of the whole network, and of one host. In an inventory all but the address begin with `wireguard_`.
NETWORK_KEYS = ("interface", "networks", "port", "keepalive", "topology", "links", "unmanaged_peers")
HOST_KEYS = (
    "address",
    "more_addresses",
    "endpoint",
    "lan_endpoint",
    "zone",
    "hub",
    "routed_networks",
    "listen_port",
    "host_keepalive",
    "mtu",
)
PEER_KEYS = ("name", "public_key", "addresses", "via", "endpoint", "keepalive")
# wg-quick's own rule (wireguard-join c.3); the kernel stores 15 characters.
INTERFACE = re.compile(r"^[a-zA-Z0-9_=+.-]{1,15}$")


def variable(key: str) -> str:
    """The inventory variable of a key."""
    return "mastodon_address" if key == "address" else f"wireguard_{key}"


def read_network(
    settings: Mapping[str, Any],
    hosts: Mapping[str, Mapping[str, Any]],
    problems: Problems,
    public_keys: Mapping[str, str] | None = None,
    tombstones: Sequence[Tombstone] = (),
) -> Network:
    """The network as far as it can be read; `problems` says what could not.

    settings: NETWORK_KEYS; hosts: {name: HOST_KEYS}; both plain values. public_keys: {host: key}, from this run and
    from the registry; a host without one is planned with an empty key. What does not fit together is checks.py's.
    """
    for key in settings:
        if key not in NETWORK_KEYS:
            unknown((), variable(key), [variable(one) for one in NETWORK_KEYS], problems)
    reader = _Reader(problems, ())
    port = reader.whole("port", settings.get("port"), DEFAULT_PORT, 1, 65_535)
    keepalive = reader.whole("keepalive", settings.get("keepalive"), DEFAULT_KEEPALIVE, 0, 65_535)
    topology = settings.get("topology") or MESH
    if topology not in TOPOLOGIES:
        fix = did_you_mean(str(topology), TOPOLOGIES, f"write one of {', '.join(TOPOLOGIES)}")
        reader.bad("topology", f"{topology!r} is none of {', '.join(TOPOLOGIES)}", fix)
        topology = MESH
    interface = str(settings.get("interface") or "wg0")
    if not INTERFACE.match(interface):
        size = f" of {len(interface)} characters" if len(interface) > 15 else ""
        reader.bad(
            "interface",
            f"{interface!r} is no name for an interface{size}",
            "write at most 15 letters, digits or _=+.-, such as wg0",
        )
        interface = "wg0"
    keys = public_keys or {}
    members = [_member(name, hosts[name], port, keepalive, keys.get(name, ""), problems) for name in sorted(hosts)]
    return Network(
        prefixes=_prefixes(settings.get("networks"), members, reader),
        members=tuple(members),
        interface=interface,
        topology=topology,
        links=_links(settings.get("links"), topology, hosts, reader),
        unmanaged=_unmanaged(settings.get("unmanaged_peers"), members, port, reader),
        tombstones=tuple(sorted(tombstones, key=lambda one: one.name)),
    )


def is_key(text: Any) -> bool:
    """Whether it is a WireGuard key: 32 bytes in base64."""
    try:
        return isinstance(text, str) and len(text) == 44 and len(base64.b64decode(text, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


class _Reader:
    """Reads values of one place."""

    def __init__(self, problems: Problems, where: tuple[str, ...], prefix: str = "") -> None:
        self._problems, self._where, self._prefix = problems, where, prefix

    def bad(self, key: str, message: str, fix: str) -> None:
        self._problems.add(self._where, f"{self._prefix}{key}" if self._prefix else variable(key), message, fix)

    def whole(self, key: str, value: Any, default: int, lowest: int, highest: int) -> int:
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.bad(
                key, f"{value!r} is no number from {lowest} to {highest}", f"write one, or leave it out: {default}"
            )
            return default
        return value

    def flag(self, key: str, value: Any) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        word = str(value).lower()
        if word not in ("true", "false", "yes", "no"):
            self.bad(key, f"{value!r} is neither true nor false", "write true or false")
        return word in ("true", "yes")

    def texts(self, key: str, value: Any) -> list[str]:
        if value is None or value == "":
            return []
        if isinstance(value, str):
            return [value]
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
            self.bad(key, f"{value!r} is no list of texts", "write a list")
            return []
        return list(value)

    def addresses(self, key: str, value: Any) -> list[str]:
        found = []
        for text in self.texts(key, value):
            one = addresses.address(text.split("/")[0])
            if one is None:
                self.bad(key, f"{text!r} is no address", "write a bare IPv4 or IPv6 address, such as 10.66.0.7")
            else:
                found.append(str(one))
        return found

    def networks(self, key: str, value: Any) -> list[str]:
        found = []
        for text in self.texts(key, value):
            one = addresses.network(text)
            if one is None:
                try:
                    wider = str(ipaddress.ip_network(text, strict=False))
                    fix = f"write {wider}"
                except ValueError:
                    fix = "write a prefix such as 10.66.0.0/24"
                self.bad(key, f"{text!r} is no network", fix)
            else:
                found.append(str(one))
        return found

    def endpoint(self, key: str, value: Any, port: int) -> str:
        if value is None or value == "":
            return ""
        found = addresses.endpoint(str(value), port) if isinstance(value, str) else None
        if found is None:
            self.bad(
                key,
                f"{value!r} is no endpoint",
                "write a name or an address, with :port where it is another than the host listens on;"
                " IPv6 in brackets: [2001:db8::1]:51820",
            )
        return found or ""

    def key(self, key: str, value: Any) -> str:
        if value and not is_key(value):
            self.bad(key, f"{value!r} is no public key", "write the 44 characters that `wg pubkey` prints")
            return ""
        return str(value or "")


def _member(name: str, raw: Mapping[str, Any], port: int, keepalive: int, key: str, problems: Problems) -> Member:
    reader = _Reader(problems, (name,))
    for word in raw:
        if word not in HOST_KEYS:
            unknown((name,), variable(word), [variable(one) for one in HOST_KEYS], problems)
    own = reader.addresses("address", raw.get("address"))
    own += [text for text in reader.addresses("more_addresses", raw.get("more_addresses")) if text not in own]
    if not own and not raw.get("address"):
        reader.bad(
            "address", "has no address in the tunnel", "write one; playbooks/plan.yml proposes the next free one"
        )
    listen = reader.whole("listen_port", raw.get("listen_port"), port, 1, 65_535)
    lan = reader.endpoint("lan_endpoint", raw.get("lan_endpoint"), listen)
    zone = str(raw.get("zone") or "")
    if lan and not zone:
        reader.bad("lan_endpoint", f"{lan} is in no zone, so nobody dials it", "name the LAN in wireguard_zone")
    return Member(
        name=name,
        addresses=tuple(own),
        public_key=reader.key("public_key", key),
        endpoint=reader.endpoint("endpoint", raw.get("endpoint"), listen),
        port=listen,
        hub=reader.flag("hub", raw.get("hub")),
        zone=zone,
        lan_endpoint=lan,
        routed=addresses.ordered(reader.networks("routed_networks", raw.get("routed_networks"))),
        keepalive=reader.whole("host_keepalive", raw.get("host_keepalive"), keepalive, 0, 65_535),
        mtu=reader.whole("mtu", None if raw.get("mtu") == "auto" else raw.get("mtu"), 0, 1280, 65_535),
    )


def _prefixes(value: Any, members: Sequence[Member], reader: _Reader) -> tuple[str, ...]:
    found = reader.networks("networks", value)
    if not found and not value:
        first = next((text for one in members for text in one.addresses), "10.66.0.1")
        length = 64 if ":" in first else 24
        whole = ipaddress.ip_network(f"{first}/{length}", strict=False)
        reader.bad("networks", "is not set", f"write the tunnel's network, such as [{whole}]")
        found = [str(whole)]
    return addresses.ordered(found)


def _links(value: Any, topology: str, hosts: Mapping[str, Any], reader: _Reader) -> frozenset[tuple[str, str]]:
    found = set()
    if value is not None and not isinstance(value, (list, tuple)):
        reader.bad("links", f"{value!r} is no list", "write pairs of hosts: [[main, db], [main, worker]]")
        value = ()
    for pair in value or ():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or pair[0] == pair[1]:
            reader.bad("links", f"{pair!r} is no pair of two hosts", "write [main, db]")
            continue
        strangers = [name for name in pair if name not in hosts]
        for name in strangers:
            fix = did_you_mean(str(name), hosts, "name hosts of the inventory, or leave the link out")
            reader.bad("links", f"{name!r} is no host of the tunnel", fix)
        if not strangers:
            first, second = sorted(map(str, pair))
            found.add((first, second))
    if topology == LINKS and not value:
        reader.bad("links", "is not set, and wireguard_topology is links", "write pairs of hosts, or take mesh")
    if topology != LINKS and value:
        reader.bad("links", f"is set, and wireguard_topology is {topology}", "leave it out, or take topology links")
    return frozenset(found)


def _unmanaged(value: Any, members: Sequence[Member], port: int, network: _Reader) -> tuple[UnmanagedPeer, ...]:
    found: list[UnmanagedPeer] = []
    names = [one.name for one in members]
    hubs = [one.name for one in members if one.hub]
    if value is not None and not (isinstance(value, (list, tuple)) and all(isinstance(one, Mapping) for one in value)):
        network.bad("unmanaged_peers", f"{value!r} is no list of peers", "write {name, public_key, addresses, via}")
        value = ()
    for number, raw in enumerate(value or ()):
        reader = _Reader(network._problems, (), f"wireguard_unmanaged_peers[{raw.get('name') or number}].")
        for word in raw:
            if word not in PEER_KEYS:
                fix = did_you_mean(str(word), PEER_KEYS, f"write {', '.join(PEER_KEYS)}")
                reader.bad(str(word), "is no setting of an unmanaged peer", fix)
        name = str(raw.get("name") or f"peer{number}")
        if name in names or name in [one.name for one in found]:
            reader.bad("name", f"{name} is taken", "give each peer a name of its own")
        via = str(raw.get("via") or (hubs[0] if hubs else ""))
        if via not in names:
            fix = did_you_mean(via, names, f"name the host that it dials: one of {', '.join(names[:5])}")
            reader.bad("via", f"{via!r} is no host of the tunnel" if via else "is not set, and there is no hub", fix)
            continue
        own = reader.addresses("addresses", raw.get("addresses"))
        if not own:
            reader.bad("addresses", "is not set", "give it an address in the tunnel")
        key = reader.key("public_key", raw.get("public_key"))
        if not raw.get("public_key"):
            reader.bad("public_key", "is not set", "write the key that the peer's own program shows")
        where = reader.endpoint("endpoint", raw.get("endpoint"), port)
        keepalive = reader.whole("keepalive", raw.get("keepalive"), 0, 0, 65_535)
        found.append(UnmanagedPeer(name, key, tuple(own), via, where, keepalive))
    return tuple(sorted(found, key=lambda one: one.name))


def unknown(where: tuple[str, ...], word: str, known: Sequence[str], problems: Problems) -> None:
    """A finding on a variable that nothing reads."""
    fix = did_you_mean(word, known, "leave it out", prefix="wireguard_")
    problems.add(where, word, "nothing reads this variable", fix)
