# GNU General Public License v3.0 or later (see LICENSE)
"""HTTP to a name at a given address, the certificate checked for the name."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        data = self.json()
        return data if isinstance(data, dict) else {}


@dataclass(frozen=True)
class Entry:
    """Our nginx: every name is spoken to at this one address, whatever DNS says."""

    address: str
    port: int
    context: ssl.SSLContext
    plain_port: int = 80
    timeout: float = 15.0

    def connect(self, host: str) -> ssl.SSLSocket:
        """A TLS connection whose certificate is valid for `host`."""
        plain = socket.create_connection((self.address, self.port), self.timeout)
        try:
            return self.context.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise

    def request(
        self,
        method: str,
        host: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: bool = True,
    ) -> Answer:
        """One request on its own connection; redirects are not followed."""
        port = self.port if tls else self.plain_port
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout)
        connection.sock = self.connect(host) if tls else socket.create_connection((self.address, port), self.timeout)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            connection.putheader("User-Agent", "fediverse.mastodon verify")
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()


def context(ca_file: str) -> ssl.SSLContext:
    """Verifies against the system's store, or against one file."""
    return ssl.create_default_context(cafile=ca_file or None)


def multipart(field: str, filename: str, kind: str, data: bytes) -> tuple[str, bytes]:
    """(content type, body) of a form with one file."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", head.encode() + data + f"\r\n--{boundary}--\r\n".encode()


def png(width: int = 64, height: int = 48) -> bytes:
    """A small picture with a colour ramp, so that a thumbnail is not all one value."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (x * 255 // width, y * 255 // height, 128))
        for y in range(height)
    )
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
