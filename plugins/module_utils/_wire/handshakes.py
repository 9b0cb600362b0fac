# GPL-3.0-or-later (see LICENSE)
"""WireGuard's handshakes on the wire: read from packets of two hosts, and matched (wireguard-join c.7). No secrets.

Each initiation carries a random number that its answer repeats, and both are sent in clear. So what one host saw leave
and the other saw arrive is the same handshake, through any NAT, without trust in addresses or clocks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

INITIATION, RESPONSE = "initiation", "response"
# First word of the payload: {type: (what it is, bytes, where the number of the initiation is)}.
KINDS = {0x01000000: (INITIATION, 148, 4), 0x02000000: (RESPONSE, 92, 8)}
# How a host met it: it left, it reached the host, it also got past the host's own firewall.
LEFT, REACHED, PASSED = "left", "reached", "passed"
UDP, HEADER = 17, 8

# Programs of the classic packet filter (BPF), so that a busy host hands over handshakes and nothing else.
# (operation, jump if true, jump if false, constant)
OF_UDP = (
    (0x20, 0, 0, 8),  # the payload's first word
    (0x15, 2, 0, 0x01000000),
    (0x15, 1, 0, 0x02000000),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFF),
)
OF_IP = (
    (0x30, 0, 0, 0),
    (0x74, 0, 0, 4),  # the version
    (0x15, 0, 6, 4),
    (0x30, 0, 0, 9),  # IPv4: UDP, and no later fragment
    (0x15, 0, 11, UDP),
    (0x28, 0, 0, 6),
    (0x45, 9, 0, 0x1FFF),
    (0xB1, 0, 0, 0),  # the header's length
    (0x05, 0, 0, 4),
    (0x15, 0, 6, 6),
    (0x30, 0, 0, 6),  # IPv6: UDP
    (0x15, 0, 4, UDP),
    (0x01, 0, 0, 40),
    (0x40, 0, 0, HEADER),
    (0x15, 2, 0, 0x01000000),
    (0x15, 1, 0, 0x02000000),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFF),
)


class Seen(NamedTuple):
    """A handshake's message as one host met it. to: address and port; without address where it was not told."""

    kind: str
    way: str
    number: str
    to: str


def of_udp(datagram: bytes, way: str, address: str = "") -> Seen | None:
    """From the UDP header on; None for anything else than a message of a handshake."""
    kind = KINDS.get(int.from_bytes(datagram[HEADER : HEADER + 4], "big"))
    if kind is None or len(datagram) < HEADER + kind[1] or int.from_bytes(datagram[4:6], "big") != HEADER + kind[1]:
        return None
    name, _, place = kind
    number = datagram[HEADER + place : HEADER + place + 4].hex()
    return Seen(name, way, number, endpoint(address, int.from_bytes(datagram[2:4], "big")))


def of_ip(packet: bytes, way: str) -> Seen | None:
    """From the IP header on."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20 and packet[9] == UDP and not int.from_bytes(packet[6:8], "big") & 0x1FFF:
        return of_udp(packet[(packet[0] & 15) * 4 :], way, str(ipaddress.IPv4Address(packet[16:20])))
    if version == 6 and len(packet) >= 40 and packet[6] == UDP:
        return of_udp(packet[40:], way, str(ipaddress.IPv6Address(packet[24:40])))
    return None


def endpoint(address: str, port: int) -> str:
    """As `wg show` writes it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True)
class Course:
    """What became of the handshakes that one host began with another one, in the order of their way."""

    sent: int = 0
    reached: int = 0
    passed: int = 0
    answered: int = 0
    came_back: int = 0
    taken_in: int = 0
    # Ports of the other host at which they arrived.
    ports: tuple[int, ...] = ()


def course(here: Iterable[Seen], there: Iterable[Seen], dialled: str) -> Course:
    """The handshakes that `here` sent to `dialled`, where `there` is, by what both saw in the same while.

    One end listens a little longer than the other: what came further has been everywhere before.
    """
    near, far = list(here), list(there)
    sent = {one.number for one in near if (one.kind, one.way, one.to) == (INITIATION, LEFT, dialled)}

    def met(messages: Iterable[Seen], kind: str, way: str) -> set[str]:
        return {one.number for one in messages if (one.kind, one.way) == (kind, way)} & sent

    taken_in = met(near, RESPONSE, PASSED)
    came_back = met(near, RESPONSE, REACHED) | taken_in
    answered = met(far, RESPONSE, LEFT) | came_back
    passed = met(far, INITIATION, PASSED) | answered
    reached = met(far, INITIATION, REACHED) | passed
    ports = {int(one.to.rpartition(":")[2]) for one in far if one.kind == INITIATION and one.number in sent}
    return Course(
        len(sent),
        len(reached),
        len(passed),
        len(answered),
        len(came_back),
        len(taken_in),
        tuple(sorted(ports)),
    )


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[Seen, ...]:
    """The answer of the module wireguard_handshakes."""
    return tuple(Seen(str(row["kind"]), str(row["way"]), str(row["number"]), str(row["to"])) for row in rows)
