# GPL-3.0-or-later (see LICENSE)
"""Looks at the tunnel's interface and peers, and tries the way out."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from .._join.checks import Check
from .._join.preflight_network import PeerSeen, WayOut, outside, tunnel
from .._shell import Shell, read_text
from .._tunnel.ping import ping

INTERFACES = "/sys/class/net"
PATIENCE = 1.5
TRIES = 2


def look_at_tunnel(shell: Shell, interface: str, peers: Sequence[Mapping[str, Any]]) -> Check:
    """The check `tunnel`: handshake, echo, echo of full size. peers: name and address (in the tunnel)."""
    began = time.monotonic()
    size = read_text(os.path.join(INTERFACES, interface, "mtu"))
    if size is None:
        return tunnel(interface, None, (), 0.0)
    mtu = int(size)
    addresses = {str(peer["address"]).split("/")[0]: str(peer["name"]) for peer in peers}
    keys = _keys(shell, interface)
    ages = _ages(shell, interface)
    small = _answers(list(addresses), 0)
    whole = _answers(list(small), mtu)
    seen = [
        PeerSeen(
            name,
            address,
            address in keys,
            ages.get(keys.get(address, "")),
            small.get(address),
            address in whole if address in small else None,
        )
        for address, name in addresses.items()
    ]
    return tunnel(interface, mtu, seen, (time.monotonic() - began) * 1000)


def _answers(addresses: Sequence[str], size: int) -> dict[str, float]:
    """The first echo after a pause starts a handshake, and one lost packet is no proof."""
    found: dict[str, float] = {}
    for _ in range(TRIES):
        left = [address for address in addresses if address not in found]
        found.update(ping(left, size, PATIENCE) if left else {})
    return found


def _rows(shell: Shell, interface: str, what: str) -> list[list[str]]:
    out = shell.run(["wg", "show", interface, what]).out
    return [line.split("\t", 1) for line in out.splitlines() if "\t" in line]


def _keys(shell: Shell, interface: str) -> dict[str, str]:
    """{address: public key} of single addresses among the AllowedIPs."""
    found = {}
    for key, prefixes in _rows(shell, interface, "allowed-ips"):
        for prefix in prefixes.split():
            address, _, length = prefix.partition("/")
            if length in ("32", "128"):
                found[address] = key
    return found


def _ages(shell: Shell, interface: str) -> dict[str, int]:
    now = int(time.time())
    return {key: max(0, now - int(when)) for key, when in _rows(shell, interface, "latest-handshakes") if when != "0"}


def try_outside(names: Sequence[str], proxy: str, timeout: float = 5.0) -> Check:
    """The check `outside`. proxy: Mastodon's http_proxy, which then is the only way out."""
    began = time.monotonic()
    if proxy and names:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        ways = [_way(parts.hostname or "", parts.port or 8080, timeout)]
    elif names:
        with ThreadPoolExecutor(max_workers=8) as pool:
            ways = list(pool.map(lambda name: _way(*_place(name), timeout), names))
    else:
        ways = []
    return outside(ways, (time.monotonic() - began) * 1000)


def _place(name: str) -> tuple[str, int]:
    host, colon, port = name.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() else (name, 443)


def _way(name: str, port: int, timeout: float) -> WayOut:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return WayOut(name, False, f"does not resolve ({error})")
    told = ""
    for _family, _kind, _protocol, _name, place in found[:4]:
        try:
            with socket.create_connection((str(place[0]), port), timeout) as connection:
                return WayOut(name, True, source=str(connection.getsockname()[0]))
        except OSError as problem:
            told = f"port {port} of {place[0]}: {problem}"
    return WayOut(name, True, told)
