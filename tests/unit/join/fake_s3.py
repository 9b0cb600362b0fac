"""An object store that keeps what it is given, or refuses it with S3's error document."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeS3:
    """refuse: {method, or * for all: (status, code)}."""

    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    ahead: float = 0.0
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> FakeS3:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer._answer(self)

            do_HEAD = do_GET = do_PUT = do_DELETE = answer

            def log_message(self, *_arguments: Any) -> None:
                outer.asked.append(self.command)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: Any) -> None:
        method, key = request.command, request.path.split("?")[0]
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        status, code = self.refuse.get(method) or self.refuse.get("*") or (200, "")
        text = b""
        if code:
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
        elif status == 200 and method == "PUT":
            self.objects[key] = body
        elif status == 200 and method == "GET":
            text = self.objects.get(key, b"<LocationConstraint/>")
        elif status == 200 and method == "DELETE":
            del self.objects[key]
            status = 204
        request.log_request()
        request.send_response_only(status)
        request.send_header("Date", formatdate(time.time() + self.ahead, usegmt=True))
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        if method != "HEAD":
            request.wfile.write(text)
