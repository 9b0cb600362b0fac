#!/usr/bin/python3
"""A backend that says who it is and what it was sent, and dies in the middle of a request when told to."""

import base64
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = sys.argv[1]
SEEN = f"/run/backend-{NAME}.log"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        with open(SEEN, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path}\n")
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.upgrade()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        if self.path.startswith("/die/") and self.path.split("/")[2] in (NAME, "any"):
            self.close_connection = True
            return
        body = json.dumps(
            {"name": NAME, "path": self.path, "client": self.client_address[1], "headers": dict(self.headers)}
        )
        self.send_response(410 if self.path == "/gone" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Strict-Transport-Security", "max-age=1")
        if self.path.startswith("/cacheable"):
            self.send_header("Cache-Control", "public, max-age=60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def upgrade(self):
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + guid).encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        text = NAME.encode()
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.rfile.read(1)  # until the visitor leaves

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server(("0.0.0.0", int(NAME)), Handler).serve_forever()
