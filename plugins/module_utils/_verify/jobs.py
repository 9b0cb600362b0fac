# GNU General Public License v3.0 or later (see LICENSE)
"""Whether jobs that were pushed have been taken out of their queues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from .report import Check

NEWEST = 1000  # jobs are pushed at the head; more than this many younger ones in a few seconds is no small site


class Reader(Protocol):
    """What we need of a Redis connection."""

    def strings(self, *parts: str) -> list[str]: ...


def waiting(redis: Reader, jobs: Mapping[str, str]) -> dict[str, int]:
    """For each queue whose job still waits: how many are to be taken before it."""
    behind = {}
    for queue, jid in jobs.items():
        entries = redis.strings("LRANGE", f"queue:{queue}", "0", str(NEWEST - 1))
        for position, entry in enumerate(entries):
            if json.loads(entry).get("jid") == jid:
                behind[queue] = len(entries) - position - 1
    return behind


def drain(
    redis: Reader,
    jobs: Mapping[str, str],
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[dict[str, int], float]:
    """Wait until every job was taken. Returns those that were not, and the seconds it took."""
    started = clock()
    while True:
        left = waiting(redis, jobs)
        passed = clock() - started
        if not left or passed > timeout:
            return left, passed
        sleep(0.2)


def judge(where: str, jobs: Mapping[str, str], left: Mapping[str, int], seconds: float) -> Check:
    """The line about it."""
    name = "a job of every queue is taken"
    if not jobs:
        return Check(name, where, False, "no job was pushed", "The application did not start; see its line.")
    if not left:
        return Check(name, where, True, f"{len(jobs)} queues ({seconds * 1000:.0f} ms)")
    behind = ", ".join(f"{queue} (behind {count} others)" for queue, count in sorted(left.items()))
    return Check(
        name,
        where,
        False,
        f"still waiting after {seconds:.0f} s: {behind}",
        "Is a process listening, and keeping up? Look at /sidekiq and at journalctl -u 'mastodon-sidekiq@*'.",
    )
