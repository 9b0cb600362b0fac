"""A PostgreSQL or PgBouncer for one login and some queries, in the bytes that the protocol's manual gives.

Its side of SCRAM is computed from the verifier as PostgreSQL stores it, by code that the client does not use.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import socketserver
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres.scram import verifier

SALT = b"0123456789abcdef"
MD5_SALT = b"\x01\x02\x03\x04"


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def error(code: str, text: str) -> bytes:
    return message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{text}\0\0".encode())


def row(values: Sequence[str | None]) -> bytes:
    body = struct.pack("!H", len(values))
    for value in values:
        data = (value or "").encode()
        body += struct.pack("!i", -1 if value is None else len(data)) + data
    return message(b"D", body)


@dataclass
class FakePostgres:
    """Start it with `with`. rows: {beginning of a query: its rows}."""

    password: str = "right"
    auth: str = "scram"
    rows: dict[str, list[list[str | None]]] = field(default_factory=dict)
    refuse: tuple[str, str] | None = None  # before any password
    wrong_password: tuple[str, str] = ("28P01", 'password authentication failed for user "mastodon"')
    query_error: tuple[str, str] | None = None
    hangs: bool = False  # takes the login and never answers a query: a pooler without its server
    impostor: bool = False  # takes any password without knowing it
    seen: list[str] = field(default_factory=list)
    startup: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> FakePostgres:
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                try:
                    outer._serve(self.request)
                except (ConnectionError, EOFError):
                    outer.seen.append("hung up")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._over = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, link: socket.socket) -> None:
        (size, code) = struct.unpack("!II", _exactly(link, 8))
        if code == 80877103:
            link.sendall(b"N")
            (size, code) = struct.unpack("!II", _exactly(link, 8))
        assert code == 196608
        words = _exactly(link, size - 8).decode().rstrip("\0").split("\0")
        self.startup = dict(zip(words[::2], words[1::2]))
        if self.refuse:
            link.sendall(error(*self.refuse))
            return
        if not {"scram": self._scram, "md5": self._md5, "trust": lambda _link: True}[self.auth](link):
            link.sendall(error(*self.wrong_password))
            return
        status = message(b"S", b"server_version\x0017.2\0") + message(b"K", struct.pack("!II", 7, 8))
        link.sendall(message(b"R", struct.pack("!I", 0)) + status + message(b"Z", b"I"))
        while True:
            kind, body = self._receive(link)
            if kind == b"X":
                self.seen.append("goodbye")
                return
            assert kind == b"Q"
            self._answer(link, body.rstrip(b"\0").decode())

    def _answer(self, link: socket.socket, sql: str) -> None:
        self.seen.append(sql.split()[1])
        if self.hangs:
            self._over.wait(10)
            return
        if self.query_error:
            link.sendall(error(*self.query_error) + message(b"Z", b"I"))
            return
        found = next(rows for beginning, rows in self.rows.items() if sql.startswith(beginning))
        body = message(b"T", struct.pack("!H", 0)) + b"".join(map(row, found)) + message(b"C", b"SELECT 1\0")
        link.sendall(body + message(b"Z", b"I"))

    def _scram(self, link: socket.socket) -> bool:
        link.sendall(message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        body = self._receive(link)[1]
        mechanism, rest = body.split(b"\0", 1)
        assert mechanism == b"SCRAM-SHA-256"
        first = rest[4:].decode()
        assert first.startswith("n,,n=") and len(first) == struct.unpack("!I", rest[:4])[0]
        nonce = first.split("r=")[1]
        stored = verifier(self.password, SALT).split("$")[2]
        stored_key, server_key = (base64.b64decode(part) for part in stored.split(":"))
        server_first = f"r={nonce}SERVER,s={base64.b64encode(SALT).decode()},i=4096"
        link.sendall(message(b"R", struct.pack("!I", 11) + server_first.encode()))
        final = self._receive(link)[1].decode()
        without_proof, proof = final.rsplit(",p=", 1)
        said = f"{first[3:]},{server_first},{without_proof}".encode()
        signature = hmac.digest(stored_key, said, "sha256")
        client_key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature))
        if not self.impostor and hashlib.sha256(client_key).digest() != stored_key:
            return False
        key = b"nobody's" if self.impostor else server_key
        answer = base64.b64encode(hmac.digest(key, said, "sha256")).decode()
        link.sendall(message(b"R", struct.pack("!I", 12) + f"v={answer}".encode()))
        return True

    def _md5(self, link: socket.socket) -> bool:
        link.sendall(message(b"R", struct.pack("!I", 5) + MD5_SALT))
        given = self._receive(link)[1].rstrip(b"\0").decode()
        inner = hashlib.md5(f"{self.password}{self.startup['user']}".encode()).hexdigest()
        return given == "md5" + hashlib.md5(inner.encode() + MD5_SALT).hexdigest()

    def _receive(self, link: socket.socket) -> tuple[bytes, bytes]:
        head = _exactly(link, 5)
        return head[:1], _exactly(link, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
