# GNU General Public License v3.0 or later (see LICENSE)
"""Tries connections and says what answered: no library for PostgreSQL or Redis is needed to be turned away."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from . import expect
from .report import Check
from .resp import RedisError, decode, encode

TIMEOUT = 2.0


def postgres_startup(user: str, database: str) -> bytes:
    """PostgreSQL's first message, protocol 3.0."""
    body = struct.pack("!I", 196608) + b"user\0%s\0database\0%s\0\0" % (user.encode(), database.encode())
    return struct.pack("!I", len(body) + 4) + body


def postgres_answer(data: bytes) -> str:
    """What the server made of it: `password`, `trust`, `no pg_hba line` or the error it sent."""
    if data[:1] == b"R" and len(data) >= 9:
        return "trust" if struct.unpack("!I", data[5:9])[0] == 0 else "password"
    if data[:1] == b"E":
        fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in data[5:].split(b"\0") if field}
        return "no pg_hba line" if fields.get(b"C") == "28000" else fields.get(b"M", "error")
    return "no PostgreSQL answer"


def _ask_postgres(connection: socket.socket, user: str) -> str:
    connection.sendall(postgres_startup(user, "mastodon_production"))
    return postgres_answer(connection.recv(4096))


def _ask_redis(connection: socket.socket) -> str:
    connection.sendall(encode("PING"))
    with connection.makefile("rb") as stream:
        try:
            return f"no password: {decode(stream.readline, stream.read)}"
        except RedisError as error:
            return "password" if str(error).startswith("NOAUTH") else str(error)


def ask(probe: expect.Probe) -> str:
    """One connection: `closed`, `open`, or what the server said before any password."""
    try:
        with socket.create_connection((probe.address, probe.port), TIMEOUT) as connection:
            if probe.expect in (expect.ADMITTED, expect.REJECTED):
                return _ask_postgres(connection, probe.user)
            if probe.expect in (expect.LOCKED, expect.ANSWERING):
                return _ask_redis(connection)
            return "open"
    except OSError:
        return "closed"


ACCEPTED = {
    expect.CLOSED: {"closed"},
    expect.OPEN: {"open"},
    expect.ADMITTED: {"password"},
    expect.REJECTED: {"closed", "no pg_hba line"},
    expect.LOCKED: {"closed", "password"},
    expect.ANSWERING: {"password"},
}

FIXES = {
    expect.CLOSED: "It must listen on the cluster address or loopback only, and with mastodon_firewall answer its"
    " clients only; run site.yml, or look who else binds it.",
    expect.OPEN: "Start the service there, and let this host through the firewall between them.",
    expect.ADMITTED: "Start PostgreSQL there, let this host through, and run site.yml (pg_hba.conf follows the plan).",
    expect.REJECTED: "Run site.yml; pg_hba.conf must name the planned clients only.",
    expect.LOCKED: "Set a password: run site.yml.",
    expect.ANSWERING: "Start Redis there, and let this host through the firewall between them.",
}


def judge(source: str, answers: Sequence[tuple[expect.Probe, str]]) -> list[Check]:
    """Two lines when all is well (what must answer, what must not), one more for each surprise."""
    checks = []
    good = {True: 0, False: 0}
    for probe, answer in answers:
        if answer in ACCEPTED[probe.expect]:
            good[probe.expect in (expect.OPEN, expect.ADMITTED, expect.ANSWERING)] += 1
            continue
        seen = f"{probe.service} on {probe.host} ({probe.address}:{probe.port}) is {answer}, must be {probe.expect}"
        checks.append(Check("reachability", source, False, seen, FIXES[probe.expect]))
    if good[True]:
        checks.append(Check("what it needs answers", source, True, f"{good[True]} services of other hosts"))
    if good[False]:
        checks.append(Check("closed ports are closed", source, True, f"{good[False]} of {good[False]} tried"))
    return checks


def run(source: str, wanted: Sequence[expect.Probe]) -> list[Check]:
    """All at once: a filtered port costs its whole timeout."""
    with ThreadPoolExecutor(max_workers=32) as pool:
        return judge(source, list(zip(wanted, pool.map(ask, wanted))))
