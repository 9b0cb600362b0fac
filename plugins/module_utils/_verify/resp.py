# GNU General Public License v3.0 or later (see LICENSE)
"""A Redis client of forty lines: hosts have no Redis library for Python, and we only read."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Union

Reply = Union[str, int, None, list["Reply"]]


class RedisError(Exception):
    """What the server answered with a minus sign; the first word is its code (NOAUTH, WRONGPASS …)."""


class Disconnected(RedisError):
    """The server hung up in the middle of a reply."""


def encode(*parts: str) -> bytes:
    """A command in RESP2."""
    pieces = [b"*%d\r\n" % len(parts)]
    for part in parts:
        data = part.encode()
        pieces.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(pieces)


def decode(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Reply:
    """One reply. An error reply raises; inside an array it raises too, since we never send transactions."""
    line = readline()
    if not line.endswith(b"\r\n"):
        raise Disconnected("connection closed by Redis")
    kind, rest = line[:1], line[1:-2].decode("utf-8", "replace")
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisError(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        size = int(rest)
        if size < 0:
            return None
        data = read(size + 2)
        if len(data) < size + 2:
            raise Disconnected("connection closed by Redis")
        return data[:-2].decode("utf-8", "replace")
    if kind == b"*":
        return None if int(rest) < 0 else [decode(readline, read) for _ in range(int(rest))]
    raise RedisError(f"not a Redis reply: {line[:40]!r}")


class Redis:
    """One connection."""

    def __init__(self, host: str, port: int, user: str = "", password: str = "", db: int = 0, timeout: float = 3.0):
        self._socket = socket.create_connection((host, port), timeout)
        self._file = self._socket.makefile("rb")
        try:
            if password:
                self.call("AUTH", *([user] if user else []), password)
            if db:
                self.call("SELECT", str(db))
        except BaseException:
            self.close()
            raise

    def call(self, *parts: str) -> Reply:
        """Send one command, return its reply."""
        self._socket.sendall(encode(*parts))
        return decode(self._file.readline, self._file.read)

    def strings(self, *parts: str) -> list[str]:
        """The reply of a command that returns a list of strings."""
        reply = self.call(*parts)
        return [item for item in reply if isinstance(item, str)] if isinstance(reply, list) else []

    def pairs(self, *parts: str) -> dict[str, str]:
        """The reply of HGETALL."""
        flat = self.strings(*parts)
        return dict(zip(flat[::2], flat[1::2]))

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()
