# GPL-3.0-or-later (see LICENSE)
"""Addresses, prefixes and endpoints: from text to canonical text, containment, the next free address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Union

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
HOST_NAME = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$")


def network(text: str) -> IPNetwork | None:
    """A prefix without host bits, or nothing."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def address(text: str) -> IPAddress | None:
    """A bare address, or nothing."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether they share an address. Never across families."""
    return one.version == other.version and one.overlaps(other)


def inside(one: IPAddress, whole: IPNetwork) -> bool:
    """Whether the address lies in the prefix. Never across families."""
    return one.version == whole.version and one in whole


def host_prefix(text: str) -> str:
    """`10.66.0.7` -> `10.66.0.7/32`, `fd66::7` -> `fd66::7/128`. Text that is canonical already."""
    return text + ("/128" if ":" in text else "/32")


def sort_key(text: str) -> tuple[int, int, int]:
    """Order of prefixes: IPv4 first, by number, wide ones first."""
    found = ipaddress.ip_network(text)
    return found.version, int(found.network_address), found.prefixlen


def ordered(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Each prefix once, in order."""
    return tuple(sorted(set(prefixes), key=sort_key))


def endpoint(text: str, port: int) -> str | None:
    """`host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address -> `host:port`, `[v6]:port`, or None.

    port: what is added where none is written.
    """
    host, number = split_endpoint(text, port)
    if not 0 < number <= 65_535:
        return None
    found = address(host)
    if found is not None:
        return f"[{found}]:{number}" if found.version == 6 else f"{found}:{number}"
    # Digits and dots that are no address are a typo, not a name.
    if not HOST_NAME.match(host) or re.fullmatch(r"[0-9.]+", host):
        return None
    return f"{host.lower().rstrip('.')}:{number}"


def split_endpoint(text: str, port: int = 0) -> tuple[str, int]:
    """Host without brackets, and port (`port` where none is written, 0 where it is no number)."""
    bracket = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", text)
    if bracket:
        return bracket[1], int(bracket[2]) if bracket[2] else port
    if text.count(":") == 1:
        host, digits = text.split(":")
        return host, int(digits) if re.fullmatch(r"\d{1,5}", digits) else 0
    return text, port


def next_free_address(prefix: str, taken: Iterable[str]) -> str:
    """The lowest address of the network that nobody has; empty when it is full.

    It is proposed and then written into the inventory: an address by order of sorting would move when a host is added
    (wireguard-join c.4).
    """
    whole = ipaddress.ip_network(prefix)
    used = {found for text in taken if (found := address(text.split("/")[0])) is not None}
    for candidate in _hosts(whole):
        if candidate not in used:
            return str(candidate)
    return ""


def _hosts(whole: IPNetwork) -> Iterator[IPAddress]:
    # .hosts() of an IPv6 prefix leaves out the all-zeros router address, as it should.
    yield from whole.hosts()


def is_edge(one: IPAddress, whole: IPNetwork) -> bool:
    """Whether it is the network's own address or its broadcast address, which no host can have."""
    if whole.num_addresses <= 2:
        return False
    return one == whole.network_address or (one.version == 4 and one == whole.broadcast_address)


def with_length(text: str, prefixes: Sequence[str]) -> str:
    """`10.66.0.7` in `10.66.0.0/24` -> `10.66.0.7/24`: one connected route then reaches everybody in the network."""
    found = ipaddress.ip_address(text)
    for prefix in prefixes:
        whole = ipaddress.ip_network(prefix)
        if inside(found, whole):
            return f"{text}/{whole.prefixlen}"
    return host_prefix(text)
