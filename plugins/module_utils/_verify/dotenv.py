# GNU General Public License v3.0 or later (see LICENSE)
"""Reads the application's environment file and finds the Redis that Sidekiq uses, as Mastodon itself does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class RedisAt:
    """Where a logical Redis answers."""

    host: str
    port: int
    user: str
    password: str
    db: int


def parse(text: str) -> dict[str, str]:
    """KEY=value lines: single or double quotes, or a bare value that ends at an unquoted `#`."""
    values: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("export "):
            line = line[len("export ") :].lstrip()
        key, separator, rest = line.partition("=")
        if not separator or line.startswith("#"):
            continue
        rest = rest.strip()
        if rest[:1] in ("'", '"') and rest.find(rest[0], 1) > 0:
            value = rest[1 : rest.find(rest[0], 1)]
        else:
            value = rest.split(" #")[0].split("\t#")[0].strip()
        values[key.strip()] = value
    return values


def sidekiq_redis(env: Mapping[str, str]) -> RedisAt:
    """A prefixed set counts only with a URL or a host, and then inherits nothing from the unprefixed one."""
    prefix = "SIDEKIQ_" if env.get("SIDEKIQ_REDIS_URL") or env.get("SIDEKIQ_REDIS_HOST") else ""
    url = env.get(f"{prefix}REDIS_URL", "")
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
