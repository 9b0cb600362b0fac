# GNU General Public License v3.0 or later (see LICENSE)
"""One post, seen by its author only, through everything: nginx, web, database, Sidekiq, Redis, streaming, media."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .report import Check
from .web import Answer, Entry, multipart, png
from .websocket import WebSocket, WebSocketError


@dataclass(frozen=True)
class Site:
    """What is known before: names from the plan, a token from the application."""

    where: str
    domain: str
    web_domain: str
    media_domain: str
    store: str  # minio, external, none
    bucket: str
    token: str
    marker: str
    timeout: float = 15.0


def site_of(plan: Mapping[str, Any], where: str, token: str, marker: str, timeout: float) -> Site:
    """The site as the plan names it."""
    cluster = plan["cluster"]
    stores = [share["mastodon"].get("s3") for share in plan["hosts"].values() if "mastodon" in share]
    bucket = next((str(store["bucket"]) for store in stores if store and store.get("bucket")), "")
    return Site(
        where=where,
        domain=str(cluster["domain"]),
        web_domain=str(cluster["web_domain"]),
        media_domain=str(cluster["media_domain"]),
        store=str(cluster["s3_backend"]),
        bucket=bucket,
        token=token,
        marker=marker,
        timeout=timeout,
    )


@dataclass
class Found:
    """What the run learned; `status_id` is needed to clean up."""

    checks: list[Check] = field(default_factory=list)
    status_id: str = ""


class Unexpected(Exception):
    """A step did not go as it must. Carries what was seen and what to do."""

    def __init__(self, seen: str, fix: str):
        super().__init__(seen)
        self.fix = fix


LOGS = "Look at journalctl -u 'mastodon-web@*' on the web hosts and /var/log/nginx/error.log here."


def trouble(error: OSError, entry: Entry) -> Unexpected:
    """A connection that failed, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unexpected(
            f"certificate refused: {error.verify_message}",
            "Renew it or, for an authority that this host does not know, set verify_ca_file.",
        )
    return Unexpected(f"{entry.address}:{entry.port}: {error}", "Is nginx running? systemctl status nginx")


def listing(answer: Answer) -> bool:
    """Whether an answer shows what a bucket or a directory holds."""
    return answer.status == 200 and any(
        mark in answer.body for mark in (b"<ListBucketResult", b"<Contents>", b"<title>Index of")
    )


def announced(message: str) -> str:
    """The id of the post that a message of the streaming server is about, if it is an update or a conversation."""
    data = json.loads(message)
    payload = data.get("payload")
    content = json.loads(payload) if isinstance(payload, str) and payload[:1] == "{" else payload
    if not isinstance(content, dict) or data.get("event") not in ("update", "conversation"):
        return ""
    status = content.get("last_status") or {} if data["event"] == "conversation" else content
    return str(status.get("id", ""))


class Journey:
    """Walks through the site; each step adds one line, a broken one does not stop those that do not need it."""

    def __init__(self, entry: Entry, site: Site, clock: Callable[[], float] = time.monotonic):
        self.entry = entry
        self.site = site
        self.clock = clock
        self.found = Found()

    @contextmanager
    def step(self, name: str, since: float | None = None) -> Iterator[Callable[[str], None]]:
        """Times a step (or what began earlier) and turns its failure into a line."""
        started = self.clock() if since is None else since
        seen: list[str] = []
        try:
            yield seen.append
        except Unexpected as error:
            self.add(name, False, str(error), error.fix)
        except WebSocketError as error:
            self.add(name, False, str(error), "Look at journalctl -u 'mastodon-streaming@*' on the streaming hosts.")
        except OSError as error:
            known = trouble(error, self.entry)
            self.add(name, False, str(known), known.fix)
        else:
            self.add(name, True, f"{', '.join(seen)} ({(self.clock() - started) * 1000:.0f} ms)")

    def add(self, name: str, ok: bool, seen: str, fix: str = "") -> None:
        """One line more."""
        self.found.checks.append(Check(name, self.site.where, ok, seen, fix))

    def api(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """A call with the token; anything but success is a failure."""
        answer = self.entry.request(
            method,
            self.site.web_domain,
            path,
            {"Authorization": f"Bearer {self.site.token}", **{k.replace("_", "-"): v for k, v in headers.items()}},
            body,
        )
        if answer.status not in (200, 202):  # 202: a picture that is still being processed
            reason = answer.object().get("error") or answer.body[:80].decode("utf-8", "replace")
            raise Unexpected(f"{method} {path.split('?')[0]} answered {answer.status}: {reason}", LOGS)
        return answer

    def redirect(self) -> None:
        """Plain HTTP leads to HTTPS."""
        with self.step("http leads to https") as seen:
            answer = self.entry.request("GET", self.site.web_domain, "/about", tls=False)
            target = answer.headers.get("location", "")
            if answer.status not in (301, 308) or not target.startswith(f"https://{self.site.web_domain}"):
                raise Unexpected(f"answered {answer.status} {target}".strip(), "Run site.yml for the nginx hosts.")
            seen(f"{answer.status} to {target}")

    def instance(self) -> None:
        """The application answers under its own name."""
        with self.step("the site answers") as seen:
            answer = self.entry.request("GET", self.site.web_domain, "/api/v2/instance")
            data = answer.object()
            if answer.status != 200:
                raise Unexpected(f"/api/v2/instance answered {answer.status}", LOGS)
            if data.get("domain") != self.site.domain:
                raise Unexpected(f"calls itself {data.get('domain')}", f"LOCAL_DOMAIN must be {self.site.domain}.")
            seen(f"{data.get('domain')}, Mastodon {data.get('version')}")

    def picture(self) -> tuple[str, str]:
        """A picture goes up. Returns its id and address, empty when it did not."""
        media: dict[str, Any] = {}
        with self.step("a picture is stored") as seen:
            kind, body = multipart("file", "verify.png", "image/png", png())
            media = self.api("POST", "/api/v2/media", body, Content_Type=kind).object()
            deadline = self.clock() + self.site.timeout
            while not media.get("url"):
                if self.clock() > deadline:
                    raise Unexpected("still being processed", "Is the queue `default` being worked on?")
                time.sleep(0.2)
                media = self.api("GET", f"/api/v1/media/{media['id']}").object()
            seen(f"{len(body)} bytes")
        return str(media.get("id", "")), str(media.get("url") or "")

    def fetch(self, url: str) -> None:
        """It comes back without credentials, from the public name of the media."""
        with self.step("the picture comes back") as seen:
            parts = urlsplit(url)
            host = parts.hostname or ""
            expected = {"minio": self.site.media_domain, "none": self.site.web_domain}.get(self.site.store, host)
            if host != expected:
                raise Unexpected(f"is offered at {host}, not at {expected}", "Look at S3_ALIAS_HOST.")
            ours = host in (self.site.media_domain, self.site.web_domain)
            entry = self.entry if ours else replace(self.entry, address=host, port=443)
            answer = entry.request("GET", host, parts.path)
            kind = answer.headers.get("content-type", "")
            if answer.status != 200 or not kind.startswith("image/") or not answer.body:
                raise Unexpected(
                    f"{host} answered {answer.status} {kind}".strip(),
                    "Look at the object store: systemctl status mastodon-minio, and at the bucket's anonymous policy.",
                )
            seen(f"{len(answer.body)} bytes from {host}")

    def no_listing(self) -> None:
        """Nobody can read what else is stored."""
        with self.step("media cannot be listed") as seen:
            paths = ["/", "/?list-type=2&max-keys=1", f"/{self.site.bucket}/", f"/{self.site.bucket}/?list-type=2"]
            for path in paths:
                answer = self.entry.request("GET", self.site.media_domain, path)
                if listing(answer):
                    raise Unexpected(
                        f"https://{self.site.media_domain}{path} lists the bucket",
                        "Everybody can read the names of all files. The anonymous policy must allow GetObject only.",
                    )
            seen(f"{len(paths)} ways tried")

    def post(self, media_id: str) -> None:
        """A post, seen by nobody else, reaches its author's socket."""
        stream: WebSocket | None = None
        with self.step("streaming accepts a socket") as seen:
            stream = WebSocket(
                self.entry.connect(self.site.web_domain),
                self.site.web_domain,
                "/api/v1/streaming?stream=user",
                {"Authorization": f"Bearer {self.site.token}"},
            )
            stream.send(json.dumps({"type": "subscribe", "stream": "direct"}))
            seen("user and direct timelines")
            # The server subscribes after its 101; a post in that gap would be missed.
            time.sleep(0.3)
        written = self.clock()
        with self.step("a post is written") as seen:
            body: dict[str, Any] = {"status": self.site.marker, "visibility": "direct"}
            if media_id:
                body["media_ids"] = [media_id]
            answer = self.api(
                "POST",
                "/api/v1/statuses",
                json.dumps(body).encode(),
                Content_Type="application/json",
                Idempotency_Key=self.site.marker,
            )
            self.found.status_id = str(answer.object().get("id", ""))
            seen(f"id {self.found.status_id}")
        if stream is None:
            return
        try:
            if self.found.status_id:
                with self.step("the post reaches the socket", since=written) as seen:
                    self.await_update(stream)
                    seen("since it was sent")
        finally:
            stream.close()

    def await_update(self, stream: WebSocket) -> None:
        """Reads until our post appears."""
        deadline = self.clock() + self.site.timeout
        while self.clock() < deadline:
            try:
                if announced(stream.message()) == self.found.status_id:
                    return
            except TimeoutError:
                break
        raise Unexpected(
            f"no event within {self.site.timeout:.0f} s",
            "Queue `default` not worked on, or streaming and Sidekiq do not share the base Redis.",
        )

    def run(self) -> Found:
        """All of it."""
        self.redirect()
        self.instance()
        media_id = url = ""
        if self.site.token:
            media_id, url = self.picture()
        if url:
            self.fetch(url)
        if self.site.store == "minio":
            self.no_listing()
        if self.site.token:
            self.post(media_id)
        return self.found

    def clean(self, status_id: str) -> Found:
        """The post and its picture go."""
        with self.step("the post is removed") as seen:
            self.api("DELETE", f"/api/v1/statuses/{status_id}?delete_media=true")
            answer = self.entry.request(
                "GET",
                self.site.web_domain,
                f"/api/v1/statuses/{status_id}",
                {"Authorization": f"Bearer {self.site.token}"},
            )
            if answer.status != 404:
                raise Unexpected(f"it is still there ({answer.status})", LOGS)
            seen("404 afterwards")
        return self.found
