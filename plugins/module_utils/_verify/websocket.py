# GNU General Public License v3.0 or later (see LICENSE)
"""The client half of RFC 6455 that the check needs: text in and out, pings answered."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import struct
from typing import Callable, NamedTuple

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10
LONGEST = 8 << 20


class WebSocketError(Exception):
    """The other side does not speak the protocol, refused us, or closed."""


class Frame(NamedTuple):
    """One frame."""

    final: bool
    opcode: int
    data: bytes


def mask(data: bytes, key: bytes) -> bytes:
    """XOR with the key; applying it twice gives the original."""
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(data))


def encode(opcode: int, data: bytes, key: bytes) -> bytes:
    """A final frame of a client: always masked."""
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + key + mask(data, key)


def decode(read: Callable[[int], bytes]) -> Frame:
    """One frame of a server. `read` returns exactly as many bytes as asked or raises."""
    first, second = read(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", read(2))[0]
    elif size == 127:
        size = struct.unpack("!Q", read(8))[0]
    if size > LONGEST:
        raise WebSocketError(f"a frame of {size} bytes")
    key = read(4) if second & 0x80 else b""
    data = read(size) if size else b""
    return Frame(bool(first & 0x80), first & 0x0F, mask(data, key) if key else data)


def accept_value(key: str) -> str:
    """What the server must answer to our key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


class WebSocket:
    """An open connection."""

    def __init__(self, connection: socket.socket, host: str, path: str, headers: dict[str, str]):
        self._socket = connection
        self._file = connection.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        status = self._file.readline().decode("latin-1").strip()
        answer: dict[str, str] = {}
        while True:
            line = self._file.readline().decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            answer[name.lower()] = value.strip()
        if status.split(" ")[1:2] != ["101"]:
            raise WebSocketError(f"answered {status or 'nothing'} instead of 101")
        if answer.get("sec-websocket-accept") != accept_value(key):
            raise WebSocketError("answered 101 without the right Sec-WebSocket-Accept")

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise WebSocketError("connection closed in the middle of a frame")
        return data

    def message(self) -> str:
        """The next text message. Pings are answered on the way."""
        parts: list[bytes] = []
        while True:
            frame = decode(self._read)
            if frame.opcode == PING:
                self._socket.sendall(encode(PONG, frame.data, os.urandom(4)))
            elif frame.opcode == CLOSE:
                raise WebSocketError("closed by the server")
            elif frame.opcode in (TEXT, CONTINUATION):
                parts.append(frame.data)
                if frame.final:
                    return b"".join(parts).decode("utf-8", "replace")

    def send(self, text: str) -> None:
        """One text message."""
        self._socket.sendall(encode(TEXT, text.encode(), os.urandom(4)))

    def close(self) -> None:
        """Say goodbye and hang up."""
        with contextlib.suppress(OSError):  # the other side may have gone first
            self._socket.sendall(encode(CLOSE, struct.pack("!H", 1000), os.urandom(4)))
        self._file.close()
        self._socket.close()
