# GPL-3.0-or-later (see LICENSE)
"""Just enough of Redis's protocol (RESP2) to ask a server on this host."""

from __future__ import annotations

import socket
from typing import Union

Reply = Union[str, int, None, "list[Reply]"]


class RedisError(Exception):
    """The server's `-ERR …`, or no server at all."""


class Connection:
    """One connection; commands are strings."""

    def __init__(self, host: str, port: int, timeout: float = 10.0) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as problem:
            raise RedisError(f"{host}:{port}: {problem}") from problem
        self._stream = self._socket.makefile("rwb")

    def close(self) -> None:
        """End the connection."""
        self._stream.close()
        self._socket.close()

    def call(self, *words: str) -> Reply:
        """Send a command, return its reply."""
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            raw = word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
        try:
            self._stream.write(b"".join(parts))
            self._stream.flush()
            return self._reply()
        except OSError as problem:
            raise RedisError(f"{words[0]}: {problem}") from problem

    def _line(self) -> str:
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("the server closed the connection")
        return line[:-2].decode(errors="replace")

    def _reply(self) -> Reply:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == "+":
            return rest
        if kind == "-":
            raise RedisError(rest)
        if kind == ":":
            return int(rest)
        if kind not in ("$", "*"):
            raise RedisError(f"unexpected reply {line!r}")
        size = int(rest)
        if size < 0:
            return None
        if kind == "$":
            return self._stream.read(size + 2)[:-2].decode(errors="replace")
        return [self._reply() for _ in range(size)]
