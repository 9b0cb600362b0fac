# GPL-3.0-or-later (see LICENSE)
"""How many jobs a second one Sidekiq process does, and what keeps it from doing more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .profile import (
    BREAKER_MS,
    BREAKER_ROUND_TRIPS,
    BUSY_LIMIT,
    FETCH_ROUND_TRIPS,
    NEAR_WAIT_MS,
    SWITCH_MS,
    QueueProfile,
)

FAR_MS = 2.0  # from here on a delivering process waits more for its breaker than for its core (real-mastodon 1.1)
CORE, THREADS, BREAKER = "core", "threads", "breaker lock"


@dataclass(frozen=True)
class Distance:
    """Round trips in milliseconds; 0 where the server is on the same host."""

    db_ms: float
    redis_ms: float

    @property
    def is_far(self) -> bool:
        """Far from Redis, as deliveries see it."""
        return self.redis_ms > FAR_MS


@dataclass(frozen=True)
class Capacity:
    """Jobs per second, and the limit that binds: core, threads or breaker lock."""

    per_second: float
    binding: str


def cpu_ms(job: QueueProfile, threads: int) -> float:
    """Processor time of a job in a busy process of that many threads, in milliseconds.

    Each command gives the interpreter's lock away and queues for it again; with several threads that costs time
    (real-mastodon 1.3: feed inserts 3.8 ms with 1 thread, 5.0 with 2, 5.8 with 5 and more).
    """
    taking_turns = (threads - 1) / (threads - 1 / 3)
    return job.cpu_ms + job.round_trips * SWITCH_MS * taking_turns


def wait_ms(job: QueueProfile, distance: Distance) -> float:
    """What a job waits for the database, Redis and servers of others, in milliseconds (sizing 1.16)."""
    return (
        job.sql * (distance.db_ms + NEAR_WAIT_MS)
        + (job.redis + FETCH_ROUND_TRIPS) * (distance.redis_ms + NEAR_WAIT_MS)
        + job.wait_ms
    )


def service_s(job: QueueProfile, distance: Distance, slow_share: float = 0.0, slow_s: float = 0.0) -> float:
    """Seconds for which a job holds a thread, a share of slow servers included (sizing 1.7)."""
    quick = (job.cpu_ms + wait_ms(job, distance)) / 1000
    return quick * (1 - slow_share) + slow_share * slow_s if job.slow else quick


def breaker_limit(distance: Distance) -> float:
    """Deliveries per second of a process whose circuit breaker has one connection (real-mastodon 1.1)."""
    return 1000 / (BREAKER_ROUND_TRIPS * distance.redis_ms + BREAKER_MS)


def unit(queue: str, job: QueueProfile, threads: int, distance: Distance, breaker_pool: bool) -> Capacity:
    """Jobs per second of one process that does nothing but this queue, its core and its servers being free.

    The least of three limits (real-mastodon 6): a core, threads over time per job, the breaker's one connection.
    """
    limits = [
        (BUSY_LIMIT * 1000 / cpu_ms(job, threads), CORE),
        (threads / service_s(job, distance), THREADS),
    ]
    if queue == "push" and not breaker_pool:
        limits.append((breaker_limit(distance), BREAKER))
    return Capacity(*min(limits))


def mix_cpu_ms(jobs: Iterable[QueueProfile], threads: int) -> float:
    """Processor milliseconds per second at scale 1 of these queues."""
    return sum(job.rate * cpu_ms(job, threads) for job in jobs)
