"""What a visitor's programs do: Mastodon.py, a WebSocket client, plain requests. Names lead to the cluster's entry."""

from __future__ import annotations

import json
import socket
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import websocket
from mastodon import Mastodon

from tests.e2e.cluster import Cluster

SCOPES = ["read", "write", "follow"]
resolve = socket.getaddrinfo


@contextmanager
def names(addresses: Mapping[str, str]) -> Iterator[None]:
    """Within this process, these names have these addresses."""

    def found(host: Any, *more: Any, **options: Any) -> Any:
        return resolve(addresses.get(host, host), *more, **options)

    socket.getaddrinfo = found  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = resolve


def session(authority: Path) -> requests.Session:
    """Trusts the test authority and nothing else, ignores proxies of this machine."""
    made = requests.Session()
    made.verify = str(authority)
    made.trust_env = False
    return made


class Visitor:
    """Somebody with an account."""

    def __init__(self, cluster: Cluster, email: str, password: str):
        self.cluster = cluster
        self.base = f"https://{cluster.settings['web_domain']}"
        self.session = session(cluster.authority)
        identifier, secret = Mastodon.create_app(
            "end to end", scopes=SCOPES, api_base_url=self.base, session=self.session
        )
        self.api = Mastodon(
            client_id=identifier,
            client_secret=secret,
            api_base_url=self.base,
            session=self.session,
            ratelimit_method="throw",
            request_timeout=30,
        )
        self.token = self.api.log_in(email, password, scopes=SCOPES)

    @contextmanager
    def stream(self, name: str) -> Iterator[Stream]:
        """An open socket on one timeline, subscribed: a post of ours has come through it already."""
        address = f"wss://{self.cluster.settings['web_domain']}/api/v1/streaming?stream={name}"
        connection = websocket.create_connection(
            address,
            timeout=15,
            header=[f"Authorization: Bearer {self.token}"],
            sslopt={"ca_certs": str(self.cluster.authority), "cert_reqs": ssl.CERT_REQUIRED},
        )
        try:
            stream = Stream(connection)
            self._be_heard(stream)
            yield stream
        finally:
            connection.close()

    def _be_heard(self, stream: Stream) -> None:
        """The server subscribes some time after its 101 and does not say when: post until one is heard."""
        for attempt in range(30):
            text = f"Is anybody listening? {uuid.uuid4().hex}"
            self.api.status_post(text, visibility="public")
            try:
                stream.wait_for("update", text, 0.5)
            except AssertionError:
                if attempt == 29:
                    raise
            else:
                return


class Stream:
    """What arrives on a socket."""

    def __init__(self, connection: websocket.WebSocket):
        self.connection = connection

    def wait_for(self, event: str, text: str, timeout: float = 15) -> dict[str, Any]:
        """The payload of the first such event whose payload mentions the text."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.connection.settimeout(left)
            try:
                message = json.loads(self.connection.recv())
            except websocket.WebSocketTimeoutException:
                break
            if message["event"] == event and text in message["payload"]:
                payload: dict[str, Any] = json.loads(message["payload"])
                return payload
        raise AssertionError(f"no event '{event}' with '{text}' within {timeout} s")
