# GPL-3.0-or-later (see LICENSE)
"""Signature Version 4 for one S3 request (AWS: "Authenticating Requests: Using the Authorization Header")."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


def signed(
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    body: bytes,
    stamp: str,
    credentials: tuple[str, str, str],
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a signed request.

    path: as sent, already quoted; stamp: UTC as 20130524T000000Z; credentials: access key, secret key, region.
    """
    access_key, secret_key, region = credentials
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    headers.update({name.lower(): " ".join(value.split()) for name, value in (extra or {}).items()})
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            path,
            canonical_query(query),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"{ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return headers


def canonical_query(query: Mapping[str, str]) -> str:
    """Sorted and quoted: the same text goes into the address."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def quoted_path(path: str) -> str:
    """S3 quotes each byte but these once, and keeps slashes."""
    return quote(path, safe="/-_.~")
