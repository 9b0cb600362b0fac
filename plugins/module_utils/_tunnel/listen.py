# GPL-3.0-or-later (see LICENSE)
"""The sockets that see a host's handshakes, before its firewall and behind it. Needs root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import struct
import time
from collections.abc import Sequence

from .._wire.handshakes import LEFT, OF_IP, OF_UDP, PASSED, REACHED, Seen, of_ip, of_udp
from .ping import ping

# Linux's numbers, which the module socket does not name.
ETH_P_ALL, PACKET_HOST, PACKET_OUTGOING, SO_ATTACH_FILTER = 0x0003, 0, 4, 26
LARGEST = 2048
STEP, PAUSE = 0.2, 1.0
# More than this in one look is an attack; what came before it is enough to judge.
MOST = 5000


def listen(marker: str, seconds: float, dialled: Sequence[str]) -> list[Seen]:
    """What is seen until somebody removes the file `marker`, which is made when all sockets are open.

    A packet socket gets what a host receives before the firewall does, and what it sends behind it. A raw socket gets
    what the firewall let in, beside the one whose datagram it is.
    seconds: at most. dialled: addresses in the tunnel; an echo to each makes WireGuard dial the other end.
    """
    found: dict[Seen, None] = {}
    with contextlib.ExitStack() as stack:
        tap = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)))
        attach(tap, OF_IP)
        four = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP))
        attach(four, OF_IP)
        links = [tap, four]
        # A kernel without IPv6 has nothing to hear there.
        with contextlib.suppress(OSError):
            six = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP))
            attach(six, OF_UDP)
            links.append(six)
        mark(marker)
        deadline = time.monotonic() + seconds
        due = 0.0
        while os.path.exists(marker) and time.monotonic() < deadline and len(found) < MOST:
            if time.monotonic() >= due:
                due = time.monotonic() + PAUSE
                ping(dialled, 0, 0)
            for link in select.select(links, [], [], STEP)[0]:
                one = _receive(link, tap, four)
                if one:
                    found[one] = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(marker)
    return list(found)


def mark(marker: str) -> None:
    """Say that this end is ready."""
    os.close(os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600))


def _receive(link: socket.socket, tap: socket.socket, four: socket.socket) -> Seen | None:
    packet, sender = link.recvfrom(LARGEST)
    if link is tap:
        ways = {PACKET_HOST: REACHED, PACKET_OUTGOING: LEFT}
        return of_ip(packet, ways[sender[2]]) if sender[2] in ways else None
    return of_ip(packet, PASSED) if link is four else of_udp(packet, PASSED)


def attach(link: socket.socket, program: Sequence[tuple[int, int, int, int]]) -> None:
    """Let the kernel hand over only what the program accepts."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    # struct sock_fprog: a count and a pointer, which the kernel follows during the call.
    link.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))
