# GPL-3.0-or-later (see LICENSE)
"""Sidekiq's queues in Redis: fill, count, empty."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from .jobs import QUEUES, payload
from .resp import Redis

BATCH = 500


class Queues:
    """Knows how many jobs it pushed, so that what is missing from a list has been fetched."""

    def __init__(self, redis: Redis, world: dict[str, Any], inbox: str) -> None:
        self._redis, self._world, self._inbox = redis, world, inbox
        self._number = 0
        self.pushed: Counter[str] = Counter()
        self.taken = 0  # in all, before the queues were emptied last
        redis.call("SADD", "queues", *QUEUES)

    def push(self, queue: str, count: int) -> None:
        """Put jobs at the end of a queue."""
        while count > 0:
            size = min(count, BATCH)
            now = time.time()
            jobs = [payload(queue, self._number + n, self._world, self._inbox, now) for n in range(size)]
            self._redis.call("LPUSH", f"queue:{queue}", *jobs)
            self._number += size
            self.pushed[queue] += size
            count -= size

    def lengths(self) -> dict[str, int]:
        """Jobs that wait, per queue."""
        return {queue: int(str(self._redis.call("LLEN", f"queue:{queue}"))) for queue in QUEUES}

    def fetched(self) -> dict[str, int]:
        """Jobs that processes took since the queues were emptied."""
        return {queue: self.pushed[queue] - length for queue, length in self.lengths().items()}

    def empty(self) -> None:
        """Forget all jobs, and what failed."""
        self.taken += sum(self.fetched().values()) if self.pushed else 0
        self._redis.call("DEL", *(f"queue:{queue}" for queue in QUEUES), "retry", "dead", "schedule")
        self.pushed.clear()

    def failures(self) -> dict[str, int]:
        """Jobs that wait to be tried again or are dead, by the class of their error."""
        found: Counter[str] = Counter()
        for name in ("retry", "dead"):
            found.update(
                json.loads(job).get("error_class", "unknown") for job in self._redis.strings("ZRANGE", name, "0", "-1")
            )
        return dict(found)

    def processed(self) -> int:
        """Sidekiq's own count, which each process adds to every ten seconds and when it stops."""
        return int(str(self._redis.call("GET", "stat:processed") or 0))
