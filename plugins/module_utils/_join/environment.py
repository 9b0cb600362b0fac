# GPL-3.0-or-later (see LICENSE)
"""Where the application finds its services, from its environment file, by the application's own rules."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from .._verify.dotenv import RedisAt

PREFIXES = {"base": "", "sidekiq": "SIDEKIQ_", "cache": "CACHE_"}
# What must be the same on every host (wireguard-join c.10). Each is compared by a keyed fingerprint.
SHARED = (
    "SECRET_KEY_BASE",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",
    "VAPID_PRIVATE_KEY",
    "VAPID_PUBLIC_KEY",
    "LOCAL_DOMAIN",
    "WEB_DOMAIN",
)
STORE = "S3_BUCKET"


@dataclass(frozen=True)
class DatabaseAt:
    """Where PostgreSQL or its pooler answers, and as whom."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    tls: str = "prefer"

    def at(self, host: str, port: int) -> DatabaseAt:
        """The same login somewhere else."""
        return DatabaseAt(host, port, self.name, self.user, self.password, self.tls)


@dataclass(frozen=True)
class StoreAt:
    """The object store."""

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    path_style: bool = True
    key_prefix: str = ""


def database(env: Mapping[str, str]) -> DatabaseAt:
    """DATABASE_URL beats the parts (Rails), defaults as in config/database.yml."""
    tls = env.get("DB_SSLMODE") or "prefer"
    url = env.get("DATABASE_URL", "")
    if url:
        parts = urlsplit(url)
        return DatabaseAt(
            parts.hostname or "localhost",
            parts.port or 5432,
            unquote(parts.path.lstrip("/")) or "mastodon_production",
            unquote(parts.username or "mastodon"),
            unquote(parts.password or ""),
            parse_qs(parts.query).get("sslmode", [tls])[0],
        )
    return DatabaseAt(
        env.get("DB_HOST") or "localhost",
        int(env.get("DB_PORT") or 5432),
        env.get("DB_NAME") or "mastodon_production",
        env.get("DB_USER") or "mastodon",
        env.get("DB_PASS", ""),
        tls,
    )


def redis_at(env: Mapping[str, str], which: str) -> RedisAt:
    """The logical Redis `base`, `sidekiq` or `cache` (mastodon-facts 5.1).

    A prefixed set counts only with a URL or a host, and then inherits nothing. ValueError: TLS or sentinels.
    """
    prefix = PREFIXES[which]
    if not any(env.get(f"{prefix}REDIS_{part}") for part in ("URL", "HOST", "SENTINELS")):
        prefix = ""
    url = env.get(f"{prefix}REDIS_URL", "")
    if url.startswith("rediss:") or (not url and env.get(f"{prefix}REDIS_SENTINELS")):
        kind = "TLS" if url else "sentinels"
        raise ValueError(
            f"{prefix}REDIS_{'URL' if url else 'SENTINELS'} asks for {kind}, which the relay does not speak"
        )
    if url:
        parts = urlsplit(url)
        return RedisAt(
            parts.hostname or "localhost",
            parts.port or 6379,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            int(parts.path.lstrip("/") or 0),
        )
    return RedisAt(
        env.get(f"{prefix}REDIS_HOST") or "localhost",
        int(env.get(f"{prefix}REDIS_PORT") or 6379),
        env.get(f"{prefix}REDIS_USER", ""),
        env.get(f"{prefix}REDIS_PASSWORD", ""),
        int(env.get(f"{prefix}REDIS_DB") or 0),
    )


def redis_places(env: Mapping[str, str]) -> dict[str, RedisAt]:
    """{label: place} of the different ones; two logical ones at one place share a label. ValueError as above."""
    places: dict[RedisAt, list[str]] = {}
    for which in PREFIXES:
        places.setdefault(redis_at(env, which), []).append(which)
    return {"+".join(names): place for place, names in places.items()}


def store(env: Mapping[str, str]) -> StoreAt | None:
    """The object store, or None where media lie on the local disk (mastodon-facts 8.1)."""
    if env.get("S3_ENABLED") != "true":
        return None
    region = env.get("S3_REGION") or "us-east-1"
    endpoint = env.get("S3_ENDPOINT", "")
    return StoreAt(
        (endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/"),
        env.get(STORE, ""),
        region,
        env.get("AWS_ACCESS_KEY_ID", ""),
        env.get("AWS_SECRET_ACCESS_KEY", ""),
        bool(endpoint) and env.get("S3_OVERRIDE_PATH_STYLE") != "true",
        env.get("S3_KEY_PREFIX", "").strip("/"),
    )


def fingerprints(env: Mapping[str, str], nonce: str) -> dict[str, str]:
    """{name: HMAC-SHA256(nonce, name=value)} of what all hosts share. Says equal or not, and nothing of the value.

    The nonce is new in each run, so that nobody can try values against a kept one.
    """
    values = {name: env.get(name, "") for name in SHARED}
    values["WEB_DOMAIN"] = values["WEB_DOMAIN"] or values["LOCAL_DOMAIN"]
    if env.get("S3_ENABLED") == "true":
        values[STORE] = env.get(STORE, "")
    return {
        name: hmac.new(nonce.encode(), f"{name}={value}".encode(), hashlib.sha256).hexdigest()
        for name, value in values.items()
        if value
    }
