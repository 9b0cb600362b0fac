"""Handshakes on the wire: what is one, what the kernel's filter lets through, and which of two hosts' are the same."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.listen import attach
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.handshakes import (
    INITIATION,
    LEFT,
    OF_IP,
    OF_UDP,
    PASSED,
    REACHED,
    RESPONSE,
    Course,
    Seen,
    course,
    of_ip,
    of_udp,
    read,
)

MAIN = "192.0.2.1:51820"
NUMBER = bytes.fromhex("5be31c07")
BEGIN = bytes([1, 0, 0, 0]) + NUMBER + bytes(140)
ANSWER = bytes([2, 0, 0, 0]) + b"mine" + NUMBER + bytes(80)
DATA = bytes([4, 0, 0, 0]) + NUMBER + bytes(140)
DNS = b"12" + bytes(146)


def udp(payload: bytes, port: int = 51820) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in (40112, port, 8 + len(payload), 0)) + payload


def four(payload: bytes, *, protocol: int = 17, offset: int = 0, options: int = 0) -> bytes:
    head = bytearray(20 + options)
    head[0], head[9] = 0x40 | (5 + options // 4), protocol
    head[6:8] = offset.to_bytes(2, "big")
    head[16:20] = ipaddress.IPv4Address("192.0.2.1").packed
    return bytes(head) + udp(payload)


def six(payload: bytes, *, protocol: int = 17) -> bytes:
    return (
        bytes([0x60, 0, 0, 0, 0, 0, protocol, 64])
        + bytes(16)
        + ipaddress.ip_address("2001:db8::1").packed
        + udp(payload)
    )


PACKETS = {
    "IPv4": (four(BEGIN), Seen(INITIATION, REACHED, "5be31c07", MAIN)),
    "an answer": (four(ANSWER), Seen(RESPONSE, REACHED, "5be31c07", MAIN)),
    "with options": (four(BEGIN, options=8), Seen(INITIATION, REACHED, "5be31c07", MAIN)),
    "may not be fragmented": (four(BEGIN, offset=0x4000), Seen(INITIATION, REACHED, "5be31c07", MAIN)),
    "IPv6": (six(BEGIN), Seen(INITIATION, REACHED, "5be31c07", "[2001:db8::1]:51820")),
    "data": (four(DATA), None),
    "a name's lookup": (six(DNS), None),
    "TCP": (four(BEGIN, protocol=6), None),
    "TCP over IPv6": (six(BEGIN, protocol=6), None),
    "the rest of a fragment": (four(BEGIN, offset=185), None),
    "neither": (b"\x20" + four(BEGIN)[1:], None),
    "cut off": (four(BEGIN)[:25], None),
    "nothing": (b"", None),
}


def accepts(program: Sequence[tuple[int, int, int, int]], packet: bytes) -> bool:
    """What the kernel does with a filter's program: a load past the end drops the packet."""
    a = x = at = 0
    while True:
        operation, yes, no, k = program[at]
        at += 1
        size = {0x30: 1, 0x28: 2, 0x20: 4, 0x40: 4}.get(operation)
        if size:
            place = k + (x if operation == 0x40 else 0)
            if place + size > len(packet):
                return False
            a = int.from_bytes(packet[place : place + size], "big")
        elif operation == 0xB1:
            x = 4 * (packet[k] & 15)
        elif operation == 0x01:
            x = k
        elif operation == 0x74:
            a >>= k
        elif operation == 0x05:
            at += k
        elif operation in (0x15, 0x45):
            at += yes if (a == k if operation == 0x15 else a & k) else no
        else:
            assert operation == 0x06
            return k > 0


@pytest.mark.parametrize("what", PACKETS)
def test_a_packet_is_a_handshake_or_not_for_the_kernel_and_for_us(what: str) -> None:
    packet, seen = PACKETS[what]
    assert of_ip(packet, REACHED) == seen
    assert accepts(OF_IP, packet) is (seen is not None)


@pytest.mark.parametrize(
    ("payload", "kind"), [(BEGIN, INITIATION), (ANSWER, RESPONSE), (DATA, ""), (DNS, ""), (b"", "")]
)
def test_a_datagram_without_its_ip_header(payload: bytes, kind: str) -> None:
    found = of_udp(udp(payload), PASSED)
    assert found == (Seen(kind, PASSED, "5be31c07", ":51820") if kind else None)
    assert accepts(OF_UDP, udp(payload)) is bool(kind)


def test_a_handshake_has_its_size() -> None:
    assert of_udp(udp(BEGIN + b"x"), PASSED) is None
    assert of_udp(udp(BEGIN[:-1]), PASSED) is None


@pytest.mark.parametrize(("program", "pack"), [(OF_IP, four), (OF_UDP, udp)])
def test_the_kernel_takes_the_programs(
    program: Sequence[tuple[int, int, int, int]], pack: Callable[[bytes], bytes]
) -> None:
    """And obeys them: on a socket that anybody may open, whose packets are what is written to it."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        attach(there, program)
        there.settimeout(5)
        for payload in (DATA, DNS, BEGIN, ANSWER):
            # A datagram that the filter drops is not delivered, which its sender is told.
            try:
                here.send(pack(payload))
            except OSError:
                assert payload in (DATA, DNS)
        assert [there.recv(2048), there.recv(2048)] == [pack(BEGIN), pack(ANSWER)]


def row(kind: str, way: str, number: str = "01", to: str = MAIN) -> Seen:
    return Seen(kind, way, number, to)


SENT = [row(INITIATION, LEFT, "01"), row(INITIATION, LEFT, "02")]
CAME = [row(INITIATION, REACHED, "01"), row(INITIATION, REACHED, "02")]
IN = [row(INITIATION, PASSED, "01"), row(INITIATION, PASSED, "02")]
TOLD = [row(RESPONSE, LEFT, "02", "198.51.100.7:40112")]
BACK = [row(RESPONSE, REACHED, "02", "10.0.0.7:51820")]
HAS = [row(RESPONSE, PASSED, "02", "10.0.0.7:51820")]


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ([], [], Course()),
        (SENT, [], Course(2)),
        (SENT, CAME, Course(2, 2, ports=(51820,))),
        (SENT, [*CAME, *IN], Course(2, 2, 2, ports=(51820,))),
        (SENT, [*CAME, *IN, *TOLD], Course(2, 2, 2, 1, ports=(51820,))),
        ([*SENT, *BACK], [*CAME, *IN, *TOLD], Course(2, 2, 2, 1, 1, ports=(51820,))),
        ([*SENT, *BACK, *HAS], [*CAME, *IN, *TOLD], Course(2, 2, 2, 1, 1, 1, (51820,))),
    ],
)
def test_what_became_of_a_handshake(here: list[Seen], there: list[Seen], found: Course) -> None:
    noise = [row(INITIATION, way, "99", "203.0.113.5:51820") for way in (LEFT, REACHED, PASSED)]
    noise += [row(RESPONSE, way, "99") for way in (LEFT, REACHED, PASSED)]
    assert course([*here, *noise, *here], [*noise, *there, *there], MAIN) == found


def test_an_end_that_listened_later_does_not_make_answers_of_nothing() -> None:
    assert course([*SENT, *BACK], CAME[:1], MAIN) == Course(2, 2, 1, 1, 1, 0, (51820,))


def test_an_answer_of_the_module_is_read_again() -> None:
    assert read([one._asdict() for one in CAME]) == tuple(CAME)
