# GPL-3.0-or-later (see LICENSE)
"""Formulas: how many jobs threads do, how many a load needs, how soon a backlog is gone, what threads and users cost.

Times are in seconds, rates per second, sizes in MB of 1024 x 1024 bytes. A job takes cpu_s, in which it holds its
process' one core (the GVL), and wait_s for databases and servers elsewhere; service_s is both together.
Every function raises ValueError for a figure outside the range its docstring names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

THREAD_UTILISATION = 0.8  # of the threads busy on average; the rest is for bursts
NEAR_ENOUGH = 0.95  # of what one core could do: more threads than that bring little
PAGE_TABLE_PART = 512  # a page of 4 kB has an entry of 8 bytes
HUGE_PAGE_MB = 2
REDIS_BASE_MB = 64
FEED_KB = 127  # a home feed of 800 entries and the set of boosts that belongs to it
REQUEST_POOL = 512  # sockets to other servers that one process keeps at most
FILES_PER_THREAD = 5  # one for the database, three for Redis, one for the search
FILES_BASE = 100
REDIS_CLIENTS_BASE = 11  # Sidekiq's own ten and the circuit breaker's one


def _at_least(low: float, **figures: float) -> None:
    for name, value in figures.items():
        if not low <= value < math.inf:
            raise ValueError(f"{name} must be {low:g} or more, not {value}")


def _above_zero(**figures: float) -> None:
    for name, value in figures.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be more than 0, not {value}")


def _share(**figures: float) -> None:
    for name, value in figures.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be between 0 and 1, not {value}")


def little(processes: int, threads: int, service_s: float) -> float:
    """Jobs per second that all threads together can finish (Little's law, sizing 1.3)."""
    _at_least(0, processes=processes, threads=threads)
    _above_zero(service_s=service_s)
    return processes * threads / service_s


def busy_threads(rate: float, service_s: float) -> float:
    """Threads busy on average with that many jobs per second (Little's law, sizing 1.3)."""
    _at_least(0, rate=rate, service_s=service_s)
    return rate * service_s


def service_with_slow(service_s: float, slow_share: float, slow_s: float) -> float:
    """Mean seconds a job holds its thread when slow_share (0 to 1) of them take slow_s instead (sizing 1.7)."""
    _at_least(0, service_s=service_s, slow_s=slow_s)
    _share(slow_share=slow_share)
    return (1 - slow_share) * service_s + slow_share * slow_s


def threads_needed(
    rate: float, service_s: float, slow_share: float, slow_s: float, utilisation: float = THREAD_UTILISATION
) -> float:
    """Threads, not rounded, that stay within the utilisation while slow_share of the jobs take slow_s (sizing 1.7)."""
    _above_zero(utilisation=utilisation)
    return busy_threads(rate, service_with_slow(service_s, slow_share, slow_s)) / utilisation


def slow_share_survived(
    threads: float, rate: float, service_s: float, slow_s: float, utilisation: float = THREAD_UTILISATION
) -> float:
    """The share of slow jobs, 0 to 1, up to which so many threads keep up (sizing 1.7, "tolerance of a plan").

    1 where nothing arrives, or where even slow jobs fit. slow_s must be more than service_s.
    """
    _at_least(0, threads=threads, rate=rate, service_s=service_s)
    _above_zero(utilisation=utilisation)
    if not service_s < slow_s < math.inf:
        raise ValueError(f"slow_s must be more than service_s, {service_s}, not {slow_s}")
    if rate == 0:
        return 1.0
    return min(1.0, max(0.0, (utilisation * threads / rate - service_s) / (slow_s - service_s)))


def slow_threads_lost(inboxes: float, slow_s: float, in_flight: float = 0) -> float:
    """Threads that dead inboxes hold at most although a breaker cuts each off after 10 failures for 60 s (sizing 1.8).

    in_flight: deliveries to one inbox under way when its breaker opens. For ActivityPub deliveries only.
    """
    _at_least(0, inboxes=inboxes, slow_s=slow_s, in_flight=in_flight)
    return inboxes * (10 + in_flight) * slow_s / 60


def mva(threads: int, cpu_s: float, wait_s: float) -> float:
    """Jobs per second of one process whose job times vary (mean value analysis of a closed network, sizing 1.4)."""
    _at_least(1, threads=threads)
    _above_zero(cpu_s=cpu_s)
    _at_least(0, wait_s=wait_s)
    rate = queued = 0.0
    for jobs in range(1, threads + 1):
        in_turn = cpu_s * (1 + queued)
        rate = jobs / (in_turn + wait_s)
        queued = rate * in_turn
    return rate


def bounds(threads: int, cpu_s: float, wait_s: float) -> tuple[float, float]:
    """Jobs per second of one process, (lower, upper): mva, and min(threads / service time, 1 / cpu_s) (sizing 1.4).

    The upper bound is reached when all jobs take equally long.
    """
    lower = mva(threads, cpu_s, wait_s)
    upper = min(threads / (cpu_s + wait_s), 1 / cpu_s)
    return min(lower, upper), upper  # with a single thread both are the same but for rounding


def threads_95(cpu_s: float, wait_s: float, share: float = NEAR_ENOUGH, most: int = 200) -> int:
    """The fewest threads, up to most, that reach this share of what one core could do (sizing 1.5, not clamped).

    most itself where no number up to it is enough. share: above 0, below 1.
    """
    _above_zero(cpu_s=cpu_s)
    _at_least(0, wait_s=wait_s)
    _at_least(1, most=most)
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}")
    queued = 0.0
    for jobs in range(1, most + 1):  # the steps of mva, without beginning again for every number
        in_turn = cpu_s * (1 + queued)
        rate = jobs / (in_turn + wait_s)
        if rate * cpu_s >= share:
            return jobs
        queued = rate * in_turn
    return most


@dataclass(frozen=True)
class BurnDown:
    """When a queue is clear, or None for never; and how fast it grows meanwhile, 0 if it does not."""

    seconds: float | None
    growth_per_s: float


def burn_down(queued: float, arrivals: float, capacity: float) -> BurnDown:
    """When a backlog is gone (sizing 1.11): queued jobs, arrivals and capacity in jobs per second.

    With capacity equal to arrivals a backlog neither shrinks nor grows: never, growth 0. Nothing queued: 0 seconds,
    unless the queue grows.
    """
    _at_least(0, queued=queued, arrivals=arrivals, capacity=capacity)
    if capacity > arrivals:
        return BurnDown(queued / (capacity - arrivals), 0.0)
    if queued == 0 and capacity == arrivals:
        return BurnDown(0.0, 0.0)
    return BurnDown(None, arrivals - capacity)


@dataclass(frozen=True)
class Requirement:
    """What a deadline asks for: rate in jobs per second, busy threads and cores; what of them is not there.

    binding: the side that is short or would be first, "cpu" or "waiting" (threads that wait).
    """

    rate: float
    threads: float
    cores: float
    binding: str
    missing_threads: float
    missing_cores: float

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return self.missing_threads == 0 and self.missing_cores == 0


def for_deadline(
    queued: float,
    arrivals: float,
    deadline_s: float,
    cpu_s: float,
    service_s: float,
    present_threads: float,
    present_cores: float,
) -> Requirement:
    """What it takes to have a backlog gone in deadline_s seconds, next to what is there (sizing 1.11).

    Threads for the time jobs hold them, cores for their processor time; the side further beyond what is there binds.
    A process uses at most one core, so cores count only as far as there are processes. deadline_s, cpu_s: more than 0;
    service_s: at least cpu_s.
    """
    _at_least(0, queued=queued, arrivals=arrivals, present_threads=present_threads, present_cores=present_cores)
    _above_zero(deadline_s=deadline_s, cpu_s=cpu_s)
    _at_least(cpu_s, service_s=service_s)
    rate = arrivals + queued / deadline_s
    threads, cores = rate * service_s, rate * cpu_s
    # threads / present_threads > cores / present_cores, but 0 may be present
    waiting = threads * present_cores > cores * present_threads
    return Requirement(
        rate=rate,
        threads=threads,
        cores=cores,
        binding="waiting" if waiting else "cpu",
        missing_threads=max(0.0, threads - present_threads),
        missing_cores=max(0.0, cores - present_cores),
    )


def catch_up(outage_s: float, recovery_s: float) -> float:
    """Capacity divided by arrivals, seen from an outage and the time it took to recover from it (sizing 1.12)."""
    _at_least(0, outage_s=outage_s)
    _above_zero(recovery_s=recovery_s)
    return 1 + outage_s / recovery_s


def recovery_s(outage_s: float, arrivals: float, capacity: float) -> float | None:
    """Seconds until the backlog of an outage is gone, after it; None for never (sizing 1.12). Rates are constant."""
    _at_least(0, outage_s=outage_s)
    return burn_down(outage_s * arrivals, arrivals, capacity).seconds


def first_polled(weights: Mapping[str, float]) -> dict[str, float]:
    """How often a weighted process asks each of its queues first, as shares that sum up to 1 (sizing 1.13).

    Raises ValueError for no queue, or a weight that is not above 0.
    """
    if not weights:
        raise ValueError("no queue to poll")
    for queue, weight in weights.items():
        if not 0 < weight < math.inf:
            raise ValueError(f"the weight of {queue} must be more than 0, not {weight}")
    total = sum(weights.values())
    return {queue: weight / total for queue, weight in weights.items()}


def page_tables_mb(shared_buffers_mb: float, backends: float) -> float:
    """Page tables of all PostgreSQL backends once each has touched the whole cache, with pages of 4 kB (sizing 1.19).

    With huge pages they are next to nothing.
    """
    _at_least(0, shared_buffers_mb=shared_buffers_mb, backends=backends)
    return shared_buffers_mb / PAGE_TABLE_PART * backends


def huge_pages(shared_buffers_mb: float) -> int:
    """Huge pages of 2 MB to reserve for PostgreSQL: its cache, 3 % for other shared memory, and 16 (sizing 1.35)."""
    _at_least(0, shared_buffers_mb=shared_buffers_mb)
    return math.ceil(1.03 * shared_buffers_mb / HUGE_PAGE_MB) + 16


def redis_data_mb(users_7d: float, lists_factor: float, backlog_mb: float = 100) -> int:
    """Redis' data in whole MB: a base, the home feeds, and room for a backlog of jobs (sizing 1.22).

    users_7d: users active in the last 7 days; only they have feeds. lists_factor: 1 + lists per user.
    """
    _at_least(0, users_7d=users_7d, lists_factor=lists_factor, backlog_mb=backlog_mb)
    return int(REDIS_BASE_MB + users_7d * FEED_KB * lists_factor / 1024 + backlog_mb)


def redis_clients_sidekiq(threads: int) -> int:
    """Connections that one Sidekiq process opens to Redis at most (sizing 1.30)."""
    _at_least(0, threads=threads)
    return 3 * threads + REDIS_CLIENTS_BASE


def redis_clients_puma(workers: int, threads: int) -> int:
    """Connections that one Puma opens to Redis at most, all its workers together (sizing 1.30)."""
    _at_least(0, workers=workers, threads=threads)
    return workers * (2 * threads + REDIS_CLIENTS_BASE)


def sidekiq_files(threads: int) -> int:
    """Files and sockets that one Sidekiq process has open at most (sizing 1.32)."""
    _at_least(0, threads=threads)
    return REQUEST_POOL + FILES_PER_THREAD * threads + FILES_BASE
