"""The walk through the site, against an entry that answers as told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import site, web, websocket

PLAN = {
    "cluster": {
        "domain": "social.example",
        "web_domain": "social.example",
        "media_domain": "media.social.example",
        "s3_backend": "minio",
    },
    "hosts": {"main": {"mastodon": {"s3": {"bucket": "pictures"}}}, "db": {}},
}
SITE = site.site_of(PLAN, "main", "token", "the marker", 0.2)
URL = "https://media.social.example/media_attachments/1.png"


def answer(status: int, body: Any = b"", **headers: str) -> web.Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


GOOD: dict[str, web.Answer] = {
    "GET /about": answer(301, location="https://social.example/about"),
    "GET /api/v2/instance": answer(200, {"domain": "social.example", "version": "4.6.5"}),
    "POST /api/v2/media": answer(202, {"id": "1"}),
    "GET /api/v1/media/1": answer(200, {"id": "1", "url": URL}),
    "GET /media_attachments/1.png": answer(200, b"PNG", content_type="image/png"),
    "GET /": answer(403, b"<Error/>"),
    "GET /pictures/": answer(404),
    "POST /api/v1/statuses": answer(200, {"id": "77"}),
    "DELETE /api/v1/statuses/77": answer(200),
    "GET /api/v1/statuses/77": answer(404),
}


class Entry:
    """nginx, as told."""

    address, port = "127.0.0.1", 443

    def __init__(self, **changed: web.Answer):
        self.answers = {**GOOD, **{key.replace("__", " ", 1): value for key, value in changed.items()}}
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []

    def connect(self, host: str) -> str:
        return host

    def request(
        self, method: str, host: str, path: str, headers: Any = None, body: Any = None, tls: bool = True
    ) -> web.Answer:
        self.sent.append((method, path, dict(headers or {}), body or b""))
        return self.answers[f"{method} {path.split('?')[0]}"]


class Stream:
    """A socket with messages."""

    messages: tuple[str, ...] = ()

    def __init__(self, *_given: Any):
        self.left = list(self.messages)
        self.closed = False

    def send(self, text: str) -> None:
        assert json.loads(text)["stream"] == "direct"

    def message(self) -> str:
        if not self.left:
            raise TimeoutError
        return self.left.pop(0)

    def close(self) -> None:
        self.closed = True


OTHER = json.dumps({"event": "update", "payload": json.dumps({"id": "76"})})
OURS = json.dumps({"event": "update", "payload": json.dumps({"id": "77"})})


def walk(monkeypatch: pytest.MonkeyPatch, entry: Entry, *messages: str) -> dict[str, Any]:
    monkeypatch.setattr(site, "WebSocket", type("Given", (Stream,), {"messages": messages}))
    monkeypatch.setattr(site.time, "sleep", lambda _seconds: None)
    found = site.Journey(entry, SITE).run()  # type: ignore[arg-type]
    return {check.name: check for check in found.checks}


def test_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry()
    checks = walk(monkeypatch, entry, OTHER, OURS)
    assert [name for name, check in checks.items() if not check.ok] == []
    assert list(checks)[-1] == "the post reaches the socket"
    posts = [(headers, json.loads(body)) for method, path, headers, body in entry.sent if path == "/api/v1/statuses"]
    ((headers, body),) = posts
    assert body == {"status": "the marker", "visibility": "direct", "media_ids": ["1"]}
    assert headers["Idempotency-Key"] == "the marker" and headers["Authorization"] == "Bearer token"


def test_the_token_is_in_no_path_since_paths_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry()
    walk(monkeypatch, entry, OURS)
    assert not [path for _method, path, _headers, _body in entry.sent if "token" in path]


@pytest.mark.parametrize(
    ("changed", "name", "words"),
    [
        ({"GET__/about": answer(200)}, "http leads to https", "answered 200"),
        ({"GET__/api/v2/instance": answer(502)}, "the site answers", "502"),
        ({"GET__/api/v2/instance": answer(200, {"domain": "x.example"})}, "the site answers", "x.example"),
        ({"POST__/api/v2/media": answer(422, {"error": "no store"})}, "a picture is stored", "no store"),
        ({"GET__/media_attachments/1.png": answer(403)}, "the picture comes back", "403"),
        ({"GET__/": answer(200, b"<ListBucketResult/>")}, "media cannot be listed", "lists the bucket"),
        (
            {"GET__/api/v1/media/1": answer(200, {"id": "1", "url": "https://x.example/1"})},
            "the picture comes back",
            "x.ex",
        ),
        ({"POST__/api/v1/statuses": answer(500, b"oops")}, "a post is written", "500: oops"),
    ],
)
def test_what_is_broken_is_said_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, web.Answer], name: str, words: str
) -> None:
    checks = walk(monkeypatch, Entry(**changed), OURS)
    assert not checks[name].ok and words in checks[name].seen and checks[name].fix
    assert "a post is written" in checks


def test_a_socket_that_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    check = walk(monkeypatch, Entry(), OTHER)["the post reaches the socket"]
    assert not check.ok and "no event" in check.seen


def test_a_refused_socket_does_not_keep_the_post_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any) -> None:
        raise websocket.WebSocketError("answered HTTP/1.1 502 instead of 101")

    monkeypatch.setattr(site, "WebSocket", refuse)
    found = site.Journey(Entry(), SITE).run()  # type: ignore[arg-type]
    assert found.status_id == "77"
    assert [check.name for check in found.checks if not check.ok] == ["streaming accepts a socket"]


def test_without_a_token_nothing_is_written() -> None:
    entry = Entry()
    site.Journey(entry, site.site_of(PLAN, "main", "", "m", 1)).run()  # type: ignore[arg-type]
    assert {method for method, *_rest in entry.sent} == {"GET"}


def test_cleaning_up() -> None:
    assert site.Journey(Entry(), SITE).clean("77").checks[0].ok  # type: ignore[arg-type]
    stays = site.Journey(Entry(**{"GET__/api/v1/statuses/77": answer(200)}), SITE).clean("77")  # type: ignore[arg-type]
    assert not stays.checks[0].ok


@pytest.mark.parametrize(
    ("message", "post"),
    [
        (OURS, "77"),
        (json.dumps({"event": "conversation", "payload": json.dumps({"id": "3", "last_status": {"id": "77"}})}), "77"),
        (json.dumps({"event": "conversation", "payload": json.dumps({"id": "3", "last_status": None})}), ""),
        (json.dumps({"event": "delete", "payload": "77"}), ""),
        (json.dumps({"event": "filters_changed"}), ""),
    ],
)
def test_what_a_message_is_about(message: str, post: str) -> None:
    assert site.announced(message) == post
