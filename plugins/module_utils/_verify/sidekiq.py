# GNU General Public License v3.0 or later (see LICENSE)
"""Speaks to the Redis that Sidekiq uses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import heartbeat
from . import jobs as queued
from .dotenv import parse, sidekiq_redis
from .report import Check
from .resp import Redis, RedisError


def processes(redis: Redis) -> list[heartbeat.Process]:
    """All that are alive."""
    identities = redis.strings("SMEMBERS", "processes")
    found = [heartbeat.parse(identity, redis.pairs("HGETALL", identity)) for identity in identities]
    return [process for process in found if process]


def ask(
    plan: Mapping[str, Any],
    observed: Mapping[str, Mapping[str, Any]],
    environment_file: str,
    queues: Sequence[str],
    jobs: Mapping[str, str] | None,
    timeout: float,
    where: str,
) -> list[Check]:
    """Heartbeats, which a process that started just now gets time for, then the jobs, if any were pushed."""
    at = sidekiq_redis(parse(Path(environment_file).read_text()))
    try:
        redis = Redis(at.host, at.port, at.user, at.password, at.db)
    except (OSError, RedisError) as error:
        fix = "Look at journalctl -u mastodon-relay here and at the Redis instances."
        return [Check("Sidekiq's Redis answers", where, False, f"{at.host}:{at.port}: {error}", fix)]
    wanted = heartbeat.instances(plan, observed, queues)
    # A process that runs may not have beaten yet; one that does not run never will.
    dead = any(not instance.pid and not instance.on_demand for instance in wanted)
    deadline = time.monotonic() + (0 if dead else timeout)
    while True:
        checks = heartbeat.judge(wanted, queues, processes(redis), where)
        if all(check.ok for check in checks) or time.monotonic() > deadline:
            break
        time.sleep(1)
    if jobs is not None:
        left, seconds = queued.drain(redis, jobs, timeout)
        checks.append(queued.judge(where, jobs, left, seconds))
    redis.close()
    return checks
