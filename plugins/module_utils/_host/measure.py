# GPL-3.0-or-later (see LICENSE)
"""Readings of a host that take a moment: stolen processor time, and the way to other hosts. Changes nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from .._plan import measure as core

TRIES = 5
SSH = 22  # open on almost every host, where a firewall hides the planned port


@dataclass(frozen=True)
class RoundTrip:
    """The way there and back in milliseconds, and by which port; or why there is no figure (then ms is None)."""

    address: str
    port: int
    ms: float | None
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """What was measured, over how many seconds."""

    cpu: core.Cpu
    sample_s: float
    round_trips: Mapping[str, RoundTrip]


def look(targets: Mapping[str, tuple[str, int]], sample_s: float, timeout_s: float) -> Found:
    """Read the processor's time twice, sample_s apart, and measure round trips in between.

    targets: {name: (address, port)}. Takes longer than sample_s only where hosts do not answer within timeout_s.
    """
    before, started = stat(), time.monotonic()
    trips = {name: round_trip(address, port, timeout_s) for name, (address, port) in targets.items()}
    time.sleep(max(0.0, sample_s - (time.monotonic() - started)))
    lasted = time.monotonic() - started
    return Found(core.cpu(before, stat()), round(lasted, 1), trips)


def stat() -> str:
    """The processor's time so far."""
    with open("/proc/stat", encoding="ascii", errors="replace") as stream:
        return stream.readline()


def round_trip(address: str, port: int, timeout_s: float) -> RoundTrip:
    """The median of some TCP connections to the port, or to SSH where that one does not answer."""
    if not 0 < port < 65536:  # the C library would take the rest of a division
        return RoundTrip(address, port, None, f"{port} is no port")
    ports = list(dict.fromkeys((port, SSH)))
    for number in ports:
        try:
            times = _tries(address, number, timeout_s)
        except (OSError, UnicodeError) as error:
            return RoundTrip(address, port, None, f"{address} port {number} cannot be looked up: {error}")
        if times:
            return RoundTrip(address, number, core.settle(times))
    named = " nor ".join(str(number) for number in ports)
    who = f"neither port {named}" if len(ports) > 1 else f"port {named}"
    silent = "answers" if len(ports) > 1 else "does not answer"
    return RoundTrip(address, port, None, f"{who} of {address} {silent} within {timeout_s:g} s; a firewall?")


def _tries(address: str, port: int, timeout_s: float) -> list[float]:
    """Milliseconds of each connection. Ends at the first that gets no answer: the next would wait as long."""
    # The name is looked up once, outside the time that counts.
    family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    times: list[float] = []
    for _ in range(TRIES):
        with socket.socket(family, kind, protocol) as client:
            client.settimeout(timeout_s)
            began = time.perf_counter()
            try:
                client.connect(where)
            except ConnectionRefusedError:
                pass  # nothing listens yet: the refusal came back all the way
            except OSError:
                break
            times.append((time.perf_counter() - began) * 1000)
    return times
