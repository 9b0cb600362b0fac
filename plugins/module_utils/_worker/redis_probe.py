# GPL-3.0-or-later (see LICENSE)
"""Asks one Redis what Sidekiq will ask: who am I, INFO, a key written, read and deleted, the time, the way there."""

from __future__ import annotations

import os
import time

from .._join.preflight_clock import Reading, reading
from .._join.preflight_redis import RedisSeen, info
from .._verify.dotenv import RedisAt
from .._verify.resp import Disconnected, Redis, RedisError

PINGS = 5
# Enough for the probe; it deletes its key, and Redis does where the probe was killed.
LIFE = "30"


def ask(label: str, at: RedisAt, *, write: bool, timeout: float = 5.0) -> tuple[RedisSeen, Reading | None]:
    """What was seen, and its clock. Nothing raises: a failure is what was seen."""
    where = f"{at.host}:{at.port}"
    began = time.monotonic()
    try:
        redis = Redis(at.host, at.port, at.user, at.password, at.db, timeout)
    except (OSError, RedisError) as error:
        return _failed(label, where, error, began), None
    try:
        user = str(redis.call("ACL", "WHOAMI"))
        facts = info(str(redis.call("INFO")))
        if write and facts.get("role") == "master":
            _write(redis)
        before = time.time()
        seconds, microseconds = redis.strings("TIME")
        clock = reading("Redis", int(seconds) + int(microseconds) / 1e6, before, time.time())
        rtt = min(_ping(redis) for _ in range(PINGS))
    except (OSError, RedisError) as error:
        return _failed(label, where, error, began), None
    finally:
        redis.close()
    return RedisSeen(label, where, user=user, info=facts, rtt_ms=rtt, ms=(time.monotonic() - began) * 1000), clock


def _failed(label: str, where: str, error: Exception, began: float) -> RedisSeen:
    silent = isinstance(error, (OSError, Disconnected))
    said = "no answer in time" if isinstance(error, TimeoutError) else str(error)
    return RedisSeen(label, where, said, silent, ms=(time.monotonic() - began) * 1000)


def _write(redis: Redis) -> None:
    key, value = f"fediverse:probe:{os.urandom(8).hex()}", os.urandom(8).hex()
    redis.call("SET", key, value, "EX", LIFE)
    if redis.call("GET", key) != value:
        raise RedisError("ERR it took a key and gave another value back")
    redis.call("DEL", key)


def _ping(redis: Redis) -> float:
    began = time.monotonic()
    redis.call("PING")
    return (time.monotonic() - began) * 1000
