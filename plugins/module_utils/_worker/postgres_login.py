# GPL-3.0-or-later (see LICENSE)
"""A login at PostgreSQL or PgBouncer and one query, each within a time limit: an open port says little."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from dataclasses import dataclass

from .._join import pgwire
from .._join.environment import DatabaseAt
from .._join.pgwire import PgError
from .._join.preflight_database import CONNECT, LOGIN, QUERY

# A row of ours has some hundred bytes; whatever speaks another protocol has "lengths" far above this.
LONGEST = 1 << 20


class LoginFailed(Exception):
    """stage: how far it came; code: SQLSTATE, empty where no server answered."""

    def __init__(self, stage: str, code: str, message: str, timed_out: bool = False) -> None:
        super().__init__(message)
        self.stage, self.code, self.message, self.timed_out = stage, code, message, timed_out


@dataclass(frozen=True)
class Answer:
    """The rows of a query, and the clock around it (epoch)."""

    rows: tuple[tuple[str, ...], ...]
    asked: float
    answered: float


class Login:
    """One connection; `close` it. The time limit counts for each of connect and login, and each query."""

    def __init__(self, at: DatabaseAt, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._stage = CONNECT
        self._deadline = time.monotonic() + timeout
        try:
            self._socket: socket.socket = socket.create_connection((at.host, at.port), timeout)
        except OSError as error:
            raise self._failed(error) from error
        try:
            if at.tls != "disable":
                self._start_tls(at)
            self._stage = LOGIN
            self._authenticate(at)
        except (PgError, OSError) as error:
            self._socket.close()
            raise self._failed(error) from error
        except BaseException:
            self._socket.close()
            raise

    def ask(self, sql: str) -> Answer:
        """One simple query. LoginFailed with stage `query`."""
        self._stage = QUERY
        self._deadline = time.monotonic() + self._timeout
        rows: list[tuple[str, ...]] = []
        asked, answered, refused = time.time(), 0.0, None
        try:
            self._send(pgwire.query(sql))
            while True:
                kind, body = self._receive()
                answered = answered or time.time()
                if kind == b"D":
                    rows.append(pgwire.row(body))
                elif kind == b"E":
                    refused = pgwire.error(body)
                    if refused.code.startswith(("08", "57")):
                        raise refused  # the server hangs up and is not ready for more
                elif kind == b"Z":
                    break
        except (PgError, OSError) as error:
            raise self._failed(error) from error
        if refused:
            raise self._failed(refused)
        return Answer(tuple(rows), asked, answered)

    def close(self) -> None:
        """Say goodbye, which a pooler likes to hear; one that is gone does not mind."""
        try:
            self._send(pgwire.TERMINATE)
        except OSError:
            self._stage = CONNECT
        self._socket.close()

    def _start_tls(self, at: DatabaseAt) -> None:
        self._send(pgwire.SSL_REQUEST)
        answer = self._read(1)
        if answer == b"S":
            # As libpq with sslmode prefer and require: encrypted, the certificate is not looked at.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self._socket = context.wrap_socket(self._socket, server_hostname=at.host)
        elif at.tls not in ("prefer", "allow"):
            raise PgError("08001", f"the server has no TLS, and DB_SSLMODE is {at.tls}")

    def _authenticate(self, at: DatabaseAt) -> None:
        self._send(pgwire.startup(at.user, at.name))
        scram = pgwire.Scram(at.password, os.urandom(18).hex())
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise pgwire.error(body)
            if kind == b"Z":
                return
            if kind != b"R":
                continue  # parameters, notices, the key for cancelling
            request, rest = pgwire.authentication(body)
            if request == pgwire.CLEARTEXT:
                self._send(pgwire.cleartext(at.password))
            elif request == pgwire.MD5:
                self._send(pgwire.md5(at.user, at.password, rest[:4]))
            elif request == pgwire.SASL and pgwire.SCRAM in pgwire.mechanisms(rest):
                self._send(scram.first())
            elif request == pgwire.SASL_CONTINUE:
                self._send(scram.final(rest))
            elif request == pgwire.SASL_FINAL:
                scram.verify(rest)
            elif request != pgwire.OK:
                raise PgError("28000", f"the server asks for a kind of login ({request}) that is not used here")

    def _send(self, data: bytes) -> None:
        self._limit()
        self._socket.sendall(data)

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        (size,) = struct.unpack("!I", head[1:])
        if not 4 <= size <= LONGEST:
            raise PgError("08P01", f"no PostgreSQL answers there: it said {head!r}")
        return head[:1], self._read(size - 4)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            self._limit()
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError("the server hung up")
            data += more
        return data

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)

    def _failed(self, error: Exception) -> LoginFailed:
        if isinstance(error, PgError):
            return LoginFailed(self._stage, error.code, error.message)
        late = isinstance(error, TimeoutError)
        said = f"no answer in {self._timeout:g} s" if late else str(error)
        return LoginFailed(self._stage, "", said, late)
