# GPL-3.0-or-later (see LICENSE)
"""What the status reads of Sidekiq, Redis and PostgreSQL, turned from their answers into plain values. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from .._redis.instance import info
from .._verify import heartbeat
from .access_postgres import MARK
from .identity import PREFIX

# Jobs of a minute are written with the heartbeats after it (every 10 s), so the last whole minute is complete then.
METRICS_DELAY = 12.0
_MB = 1024 * 1024


def latency(oldest: str | None, now: float) -> float:
    """Seconds that the oldest job of a queue has waited. 0: an empty queue.

    Sidekiq 8 writes whole milliseconds, older versions seconds with a fraction (mastodon-facts 3.5).
    """
    if oldest is None:
        return 0.0
    try:
        job: dict[str, Any] = json.loads(oldest)
    except ValueError:
        return 0.0
    at = job.get("enqueued_at") or job.get("created_at")
    if not isinstance(at, (int, float)):
        return 0.0
    seconds = at / 1000 if isinstance(at, int) else at
    return max(0.0, round(now - seconds, 1))


def growth(before: Mapping[str, int], after: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Jobs per second by which each queue grows (below 0: shrinks), from two readings."""
    if seconds <= 0:
        return dict.fromkeys(after, 0.0)
    return {queue: round((size - before.get(queue, size)) / seconds, 1) for queue, size in after.items()}


def metrics_key(now: float) -> str:
    """Where Sidekiq 8 counts the jobs of the last complete minute, in UTC."""
    last = datetime.fromtimestamp(now - 60 - METRICS_DELAY, timezone.utc)
    return f"j|{last:%y%m%d}|{last.hour}:{last:%M}"


def rates(counted: Mapping[str, str]) -> dict[str, float] | None:
    """Jobs per second that ended well and that failed, from the hash of a minute. None: nothing was counted."""
    if not counted:
        return None
    sums = {"p": 0, "f": 0}
    for name, value in counted.items():
        kind = name.rpartition("|")[2]
        if kind in sums:
            sums[kind] += int(value)
    # Sidekiq counts a failed job as processed too.
    return {"done": round((sums["p"] - sums["f"]) / 60, 1), "failed": round(sums["f"] / 60, 1)}


def process(identity: str, fields: Mapping[str, str], now: float) -> dict[str, Any] | None:
    """One heartbeat, plain. None: it has expired, the process is dead."""
    one = heartbeat.parse(identity, fields)
    if one is None:
        return None
    return {
        "identity": identity,
        "hostname": one.hostname,
        "pid": one.pid,
        "tag": str(json.loads(fields["info"]).get("tag") or ""),
        "queues": sorted(one.queues),
        "threads": one.concurrency,
        "busy": one.busy,
        "quiet": one.quiet,
        "beat_age_s": max(0.0, round(now - float(fields.get("beat") or now), 1)),
        "rtt_ms": round(int(fields.get("rtt_us") or 0) / 1000, 1),
        "memory_mb": int(fields.get("rss") or 0) // 1024,
    }


def server(label: str, text: str) -> dict[str, Any]:
    """A Redis, from INFO."""
    told = info(text)
    return {
        "name": label,
        "version": told.get("redis_version", ""),
        "role": told.get("role", ""),
        "policy": told.get("maxmemory_policy", ""),
        "memory_mb": int(told.get("used_memory") or 0) // _MB,
        "memory_limit_mb": int(told.get("maxmemory") or 0) // _MB,
        "clients": int(told.get("connected_clients") or 0),
        "clients_limit": int(told.get("maxclients") or 0),
        "loading": told.get("loading", "0") != "0",
        "log_written": told.get("aof_last_write_status", "ok") == "ok",
    }


def users(listed: Iterable[str]) -> list[str]:
    """Names of workers' users in `ACL LIST`."""
    names = (line.split()[1] for line in listed if line.startswith("user "))
    return sorted(name for name in names if name.startswith(PREFIX))


QUERY = f"""
SELECT current_setting('server_version'), current_setting('max_connections'),
  current_setting('superuser_reserved_connections'), pg_is_in_recovery(),
  coalesce((SELECT max(version) FROM schema_migrations), '');
SELECT 'connections', usename, count(*) FROM pg_stat_activity
  WHERE datid IS NOT NULL AND usename IS NOT NULL GROUP BY 2 ORDER BY 2;
SELECT 'worker', rolname, substr(shobj_description(oid, 'pg_authid'), {len(MARK) + 1}) FROM pg_roles
  WHERE shobj_description(oid, 'pg_authid') LIKE '{MARK}%' ORDER BY 2;
"""


def database(text: str) -> dict[str, Any]:
    """The answer to QUERY: rows of tabs. ValueError: it is something else."""
    rows = [line.split("\t") for line in text.splitlines() if line]
    if not rows or len(rows[0]) != 5:
        raise ValueError(f"PostgreSQL answered {len(rows)} lines, which are not the ones asked for")
    version, most, kept, recovering, migration = rows[0]
    roles = {name: int(count) for kind, name, count in rows[1:] if kind == "connections"}
    workers = {name: host for kind, name, host in rows[1:] if kind == "worker"}
    return {
        "version": version,
        "connections_limit": int(most),
        "reserved": int(kept),
        "recovering": recovering == "t",
        "migration": migration,
        "connections": sum(roles.values()),
        "by_role": roles,
        "workers": workers,
    }


def tunnels(
    interface: str, handshakes: str, keepalives: str, names: Mapping[str, str], now: float
) -> list[dict[str, Any]]:
    """Peers of an interface, from `wg show IF latest-handshakes` and `… persistent-keepalive`. names: {key: host}."""
    keeps = dict(line.split("\t") for line in keepalives.splitlines() if "\t" in line)
    found = []
    for line in handshakes.splitlines():
        key, _, at = line.partition("\t")
        if not at:
            continue
        found.append(
            {
                "interface": interface,
                "peer": names.get(key, f"{key[:8]}…"),
                "handshake_age_s": max(0, round(now - int(at))) if int(at) else None,
                "keepalive": keeps.get(key, "off") != "off",
            }
        )
    return sorted(found, key=lambda one: str(one["peer"]))


def pools(rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """The pooler's use, from SHOW POOLS, its own console left out."""
    counted = {"clients": 0, "waiting": 0, "servers": 0, "longest_wait_s": 0}
    for row in rows:
        if row.get("database") == "pgbouncer":
            continue
        number = {
            name: int(row.get(name) or 0) for name in ("cl_active", "cl_waiting", "sv_active", "sv_idle", "maxwait")
        }
        counted["clients"] += number["cl_active"] + number["cl_waiting"]
        counted["waiting"] += number["cl_waiting"]
        counted["servers"] += number["sv_active"] + number["sv_idle"]
        counted["longest_wait_s"] = max(counted["longest_wait_s"], number["maxwait"])
    return counted
