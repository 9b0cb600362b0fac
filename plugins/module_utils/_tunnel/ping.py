# GPL-3.0-or-later (see LICENSE)
"""ICMP echoes to many addresses at once, with packets of a given size that must not be fragmented. Needs root."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence

from .._wire.mtu import payload

# Linux's numbers, which the module socket does not name. PROBE: don't fragment, and do not trust a learned path MTU.
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PROBE = 10, 23, 3
SMALL = 84


def ping(targets: Sequence[str], size: int, timeout: float) -> dict[str, float]:
    """{address: round trip in ms} of those that answered in time.

    size: bytes of the whole IP packet, 0 for a small one; the answer has the same size. A packet larger than the
    interface's MTU counts as unanswered.
    """
    found: dict[str, float] = {}
    for version in (4, 6):
        family = {number: text for number, text in enumerate(targets) if (":" in text) == (version == 6)}
        if family:
            found.update(_ping(family, version, size or SMALL, timeout))
    return found


def _ping(targets: Mapping[int, str], version: int, size: int, timeout: float) -> dict[str, float]:
    mark = os.urandom(2)
    data = bytes(payload(size, version))
    sent: dict[int, float] = {}
    found: dict[str, float] = {}
    with _socket(version) as link:
        for number, text in targets.items():
            # No route, no key, no endpoint yet, too large: each is an address that does not answer.
            with contextlib.suppress(OSError):
                sent[number] = time.monotonic()
                link.sendto(_echo(version, mark, number, data), (text, 0))
        deadline = time.monotonic() + timeout
        while len(found) < len(sent):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([link], [], [], left)[0]:
                break
            packet, sender = link.recvfrom(65_535)
            answer = _answer(version, mark, packet)
            if answer in sent and targets[answer] == sender[0]:
                found[sender[0]] = round((time.monotonic() - sent[answer]) * 1000, 1)
    return found


def _socket(version: int) -> socket.socket:
    if version == 6:
        link = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        link.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PROBE)
    else:
        link = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        link.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE)
    return link


def _echo(version: int, mark: bytes, number: int, data: bytes) -> bytes:
    kind = 128 if version == 6 else 8
    body = mark + struct.pack("!H", number & 0xFFFF) + data
    # The kernel fills in the checksum of ICMPv6, which covers addresses.
    total = 0 if version == 6 else checksum(struct.pack("!BBH", kind, 0, 0) + body)
    return struct.pack("!BBH", kind, 0, total) + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _answer(version: int, mark: bytes, packet: bytes) -> int:
    """The number of the echo that this packet answers, or -1."""
    if version == 4:
        packet = packet[(packet[0] & 15) * 4 :]
    kind = 129 if version == 6 else 0
    if len(packet) < 8 or packet[0] != kind or packet[4:6] != mark:
        return -1
    return int.from_bytes(packet[6:8], "big")
