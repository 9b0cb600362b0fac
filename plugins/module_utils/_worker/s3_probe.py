# GPL-3.0-or-later (see LICENSE)
"""Asks the object store for the bucket, and to keep, give and delete one small object."""

from __future__ import annotations

import http.client
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from .._join import sigv4
from .._join.environment import StoreAt
from .._join.preflight_clock import Reading, reading
from .._join.preflight_store import Answer, refused

BODY = b"A probe of this host's way to its media. It may be deleted.\n"
LONGEST = 65_536


@dataclass
class Probe:
    """One store. `clock` is that of its last answer, also of one that refuses."""

    at: StoreAt
    timeout: float = 8.0
    clock: Reading | None = None
    asked: list[str] = field(default_factory=list)

    def run(self, *, write: bool) -> Answer | None:
        """The first answer that is not fine, None when all are."""
        head = self._request("HEAD", "")
        if head.status and not head.fine:
            # An answer to HEAD has no body that could say why.
            why = self._request("GET", "", {"location": ""})
            # Mastodon never lists: a policy that forbids only this is none of its worries.
            if why.code != "AccessDenied" and not why.fine:
                return why
        elif not head.fine:
            return head
        if not write:
            return None
        key = "/".join(part for part in (self.at.key_prefix, f"probe-{os.urandom(12).hex()}") if part)
        put = self._request("PUT", key, body=BODY)
        if not put.fine:
            return put
        got = self._request("GET", key)
        if got.fine and got.text != BODY.decode():
            got = Answer("GET", got.status, "the object came back changed")
        gone = self._request("DELETE", key)
        return next((one for one in (got, gone) if not one.fine or one.code), None)

    def _request(self, method: str, key: str, query: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        self.asked.append(method)
        address = urlsplit(self.at.endpoint)
        host = address.netloc if self.at.path_style else f"{self.at.bucket}.{address.netloc}"
        place = f"/{self.at.bucket}/{key}" if self.at.path_style else f"/{key}"
        path = sigv4.quoted_path(place.rstrip("/") or "/")
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        credentials = (self.at.access_key, self.at.secret_key, self.at.region)
        headers = sigv4.signed(method, host, path, query or {}, body, stamp, credentials)
        target = f"{path}?{sigv4.canonical_query(query)}" if query else path
        connection = self._connection(address.scheme, host)
        try:
            before = time.time()
            connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            after = time.time()
            text = response.read(LONGEST).decode("utf-8", "replace")
        except ssl.SSLError as error:
            return Answer(method, 0, str(error), tls=True)
        except (OSError, http.client.HTTPException) as error:
            return Answer(method, 0, "no answer in time" if isinstance(error, TimeoutError) else str(error))
        finally:
            connection.close()
        self._note(response.getheader("Date") or "", before, after)
        if 200 <= response.status < 300:
            return Answer(method, response.status, text=text)
        return refused(method, response.status, text)

    def _connection(self, scheme: str, host: str) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, timeout=self.timeout)
        return http.client.HTTPSConnection(host, timeout=self.timeout, context=ssl.create_default_context())

    def _note(self, date: str, before: float, after: float) -> None:
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return  # no date, no reading: HTTP does not demand one
        self.clock = reading("S3", theirs, before, after, resolution=1.0)
