"""The outside world, on this machine's address in the lab's plain network: a mail server and another server."""

from __future__ import annotations

import email
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from aiosmtpd.controller import Controller

Found = TypeVar("Found")
MAIL_PORT = 2525
INBOX_PORT = 8088


def wait(look: Callable[[], Found | None], what: str, timeout: float = 30) -> Found:
    """Look until there is something."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(0.1)


class Mail:
    """Takes every mail and keeps it."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """aiosmtpd's hook."""
        self.received.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"

    def to(self, address: str) -> list[Message]:
        """Mails to an address."""
        return [message for recipients, message in self.received if address in recipients]


@contextmanager
def mail(address: str) -> Iterator[Mail]:
    """A mail server on that address."""
    box = Mail()
    controller = Controller(box, hostname=address, port=MAIL_PORT)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


class Remote(ThreadingHTTPServer):
    """Another server: one actor, one inbox."""

    def __init__(self, address: str) -> None:
        super().__init__((address, INBOX_PORT), Handler)
        self.actor = f"http://{address}:{INBOX_PORT}/users/remote"
        self.deliveries: list[tuple[dict[str, str], dict[str, Any]]] = []

    def activities(self, kind: str, text: str = "") -> list[dict[str, Any]]:
        """Delivered activities of a kind that mention the text."""
        return [body for _headers, body in self.deliveries if body.get("type") == kind and text in json.dumps(body)]

    def follow(self, target: str) -> dict[str, Any]:
        """The activity by which our actor follows somebody."""
        context = "https://www.w3.org/ns/activitystreams"
        name = f"{self.actor}#follow-{time.time_ns()}"
        return {"@context": context, "id": name, "type": "Follow", "actor": self.actor, "object": target}


class Handler(BaseHTTPRequestHandler):
    """Answers for the actor, accepts whatever is delivered."""

    server: Remote

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/activity+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The actor, or nothing."""
        uri = self.server.actor
        if not uri.endswith(self.path):
            return self._answer(404)
        actor = {"id": uri, "type": "Person", "preferredUsername": "remote", "name": "Remote", "inbox": f"{uri}/inbox"}
        return self._answer(200, json.dumps(actor).encode())

    def do_POST(self) -> None:
        """A delivery."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.deliveries.append((dict(self.headers), json.loads(body)))
        self._answer(202)

    def log_message(self, *_given: Any) -> None:
        """Quiet."""


@contextmanager
def remote(address: str) -> Iterator[Remote]:
    """Another server on that address."""
    with Remote(address) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
