# GNU General Public License v3.0 or later (see LICENSE)
"""What listens on this host and which addresses it has, read from /proc."""

from __future__ import annotations

import ipaddress
import struct


def _address(text: str) -> str:
    """An address of /proc/net/tcp*: 32-bit words in the machine's byte order."""
    raw = bytes.fromhex(text)
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    packed = struct.pack(f">{len(words)}I", *words)
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def listeners(*tables: str) -> set[tuple[str, int]]:
    """(address, port) of every listening TCP socket in the given texts of /proc/net/tcp and tcp6."""
    found = set()
    for table in tables:
        for line in table.splitlines()[1:]:
            columns = line.split()
            if len(columns) > 3 and columns[3] == "0A":
                address, port = columns[1].split(":")
                found.add((_address(address), int(port, 16)))
    return found


def ipv4_addresses(fib_trie: str) -> set[str]:
    """Addresses of this host from /proc/net/fib_trie: leaves marked `/32 host LOCAL`."""
    found, leaf = set(), ""
    for line in fib_trie.splitlines():
        text = line.strip()
        if text.startswith("|-- "):
            leaf = text[4:]
        elif text == "/32 host LOCAL":
            found.add(leaf)
    return {address for address in found if not ipaddress.ip_address(address).is_loopback}


def ipv6_addresses(if_inet6: str) -> set[str]:
    """Global addresses of this host from /proc/net/if_inet6."""
    found = set()
    for line in if_inet6.splitlines():
        address = ipaddress.ip_address(bytes.fromhex(line.split()[0]))
        if not (address.is_loopback or address.is_link_local):
            found.add(str(address))
    return found
