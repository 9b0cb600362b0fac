# GPL-3.0-or-later (see LICENSE)
"""What Redis answered a worker: one check over all logical ones (wireguard-join c.10, S6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .checks import Check

OLDEST = (7, 0)  # Sidekiq 8 raises below
POLICY = "noeviction"
WORKABLE_MS = 10  # Sidekiq's own word; above 50 it warns


@dataclass(frozen=True)
class RedisSeen:
    """One place. error: the server's own words, or the system's when there was no server (`silent`)."""

    label: str  # base, sidekiq, cache, or several with a plus sign
    where: str
    error: str = ""
    silent: bool = False
    user: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    rtt_ms: float = 0.0
    ms: float = 0.0


def info(text: str) -> dict[str, str]:
    """The reply of INFO."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))


def judge(seen: Sequence[RedisSeen], max_rtt_ms: float, env_file: str) -> Check:
    """The first reason of the first place that has one; a password that is wrong everywhere is one fault."""
    total = sum(one.ms for one in seen)
    for one in seen:
        value, limit, hint = _fault(one, max_rtt_ms, env_file)
        if value:
            follows = ("tunnel",) if one.silent or limit.endswith(" ms") else ()
            return Check("redis", False, f"{one.label} at {one.where}: {value}", limit, hint, total, follows)
    slowest = max((one.rtt_ms for one in seen), default=0.0)
    versions = ", ".join(sorted({one.info.get("redis_version", "?") for one in seen}))
    slow = " (Sidekiq calls up to 10 ms workable)" if slowest > WORKABLE_MS else ""
    users = ", ".join(sorted({one.user for one in seen if one.user}))
    return Check("redis", True, f"{versions} as {users or 'default'}, {slowest:.1f} ms away{slow}", ms=total)


def _fault(one: RedisSeen, max_rtt_ms: float, env_file: str) -> tuple[str, str, str]:
    if one.error:
        return one.error, "", _hint(one, env_file)
    version = one.info.get("redis_version", "")
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        return f"Redis {version or 'of unknown version'}", "7.0", "Sidekiq does not start with less. Upgrade Redis."
    role = one.info.get("role", "")
    if role != "master":
        primary = one.info.get("master_host", "")
        whose = f" of {primary}" if primary else ""
        return (
            f"role:{role}{whose}",
            "role:master",
            "It is a replica and takes no writes: point the relay at the primary.",
        )
    if one.info.get("loading", "0") != "0":
        return "loading:1", "loading:0", "It is reading its data from disk after a start: wait, then run again."
    policy = one.info.get("maxmemory_policy", "")
    if one.label != "cache" and policy != POLICY:
        return (
            f"maxmemory_policy {policy or 'unknown'}",
            POLICY,
            "It would throw jobs and timelines away when it is full. Only the cache may evict.",
        )
    if one.rtt_ms > max_rtt_ms:
        return (
            f"{one.rtt_ms:.1f} ms away",
            f"{max_rtt_ms:g} ms",
            "Jobs would mostly wait. Move the host nearer, or raise max_rtt_ms and give it deliveries only.",
        )
    return "", "", ""


def _hint(one: RedisSeen, env_file: str) -> str:
    code = one.error.split(" ", 1)[0]
    user = "REDIS_USER or REDIS_PASSWORD"
    if code == "WRONGPASS":
        return f"{user} in {env_file} is wrong (Redis says the same of an unknown user): grant access again."
    if code == "NOAUTH":
        return f"{env_file} has no password for it: set REDIS_PASSWORD (and the prefixed ones)."
    if code == "NOPERM":
        lacking = re.search(r"'([^']+)' command", one.error)
        what = f"+{lacking.group(1).lower()}" if lacking else "its right"
        return f"The ACL user lacks {what}: Sidekiq does not start without INFO. Grant access again (worker_access)."
    if code == "READONLY":
        return "It is a replica: point the relay at the primary."
    if code == "LOADING":
        return "It is reading its data from disk after a start: wait, then run again."
    if code in ("OOM", "MISCONF"):
        return "It takes no writes: look at its memory limit and its disk."
    if one.silent:
        return "Look at journalctl -u mastodon-relay here, then at the Redis host and its firewall."
    return "Look at the log of that Redis."
