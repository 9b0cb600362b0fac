"""The probe: what it sends, and what it takes for an answer."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import ping as probe

Packet = tuple[bytes, str]


class Wire:
    """A raw socket: what is sent is handed to `answer`, which says what comes back."""

    def __init__(self, answer: Callable[[bytes, str], list[Packet]]) -> None:
        self.answer, self.waiting, self.sent = answer, list[Packet](), list[Packet]()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sendto(self, data: bytes, where: tuple[str, int]) -> None:
        self.sent.append((data, where[0]))
        self.waiting += self.answer(data, where[0])

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[str, int]]:
        packet, sender = self.waiting.pop(0)
        return packet, (sender, 0)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes, str], list[Packet]]], list[Wire]]:
    """Put such a socket in place of the real one."""

    def put(answer: Callable[[bytes, str], list[Packet]]) -> list[Wire]:
        wires: list[Wire] = []

        def socket_of(_version: int) -> Wire:
            wires.append(Wire(answer))
            return wires[-1]

        monkeypatch.setattr(probe, "_socket", socket_of)
        monkeypatch.setattr(probe.select, "select", lambda read, *_: (read if read[0].waiting else [], [], []))
        return wires

    return put


def reply(data: bytes, version: int = 4) -> bytes:
    """An echo's reply; over IPv4 with the header that a raw socket hands over."""
    return bytes([129]) + data[1:] if version == 6 else bytes([0x45]) + bytes(19) + bytes([0]) + data[1:]


def test_everybody_who_answers_has_a_round_trip(wire: Any) -> None:
    wires = wire(lambda data, to: [(reply(data, 6 if ":" in to else 4), to)])
    found = probe.ping(["10.66.0.2", "fd66::2", "10.66.0.3"], 0, 1.0)
    assert set(found) == {"10.66.0.2", "fd66::2", "10.66.0.3"} and all(one >= 0 for one in found.values())
    assert [len(one.sent) for one in wires] == [2, 1]


@pytest.mark.parametrize(("target", "header"), [("10.66.0.2", 20), ("fd66::2", 40)])
def test_the_packet_has_the_size_that_was_asked_for(wire: Any, target: str, header: int) -> None:
    wires = wire(lambda *_: [])
    assert probe.ping([target], 1420, 0.01) == {}
    ((data, to),) = wires[0].sent
    assert to == target and header + len(data) == 1420


def test_the_checksum_of_an_echo_holds(wire: Any) -> None:
    wires = wire(lambda *_: [])
    probe.ping(["10.66.0.2"], 101, 0.01)
    data = wires[0].sent[0][0]
    assert probe.checksum(data) == 0 and data[0] == 8
    # RFC 1071, section 3.
    assert probe.checksum(struct.pack("!8B", 0, 1, 0xF2, 3, 0xF4, 0xF5, 0xF6, 0xF7)) == ~0xDDF2 & 0xFFFF


@pytest.mark.parametrize(
    "answer",
    [
        lambda data, to: [(reply(data), "192.0.2.9")],
        lambda data, to: [(reply(data[:4] + b"??" + data[6:]), to)],
        lambda data, to: [(bytes([0x45]) + bytes(19) + bytes([3]) + data[1:], to)],
        lambda data, to: [(reply(data)[:24], to)],
        lambda data, to: [],
    ],
    ids=["of another host", "to another program", "an error", "cut off", "none"],
)
def test_what_is_no_answer_counts_for_nothing(wire: Any, answer: Callable[[bytes, str], list[Packet]]) -> None:
    wire(answer)
    assert probe.ping(["10.66.0.2"], 0, 0.05) == {}


def test_a_packet_that_cannot_leave_is_no_answer_and_harms_no_other(wire: Any) -> None:
    def answer(data: bytes, to: str) -> list[Packet]:
        if to == "10.66.0.2":
            raise OSError(errno.EMSGSIZE, "Message too long")
        return [(reply(data), to)]

    wire(answer)
    assert set(probe.ping(["10.66.0.2", "10.66.0.3"], 1500, 0.05)) == {"10.66.0.3"}
