"""What the simulation takes and gives: hosts, processes, jobs as slices, results. Seconds, unless a name says ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import (
    BREAKER_MS,
    BREAKER_ROUND_TRIPS,
    NEAR_WAIT_MS,
    QueueProfile,
)

HANDOFF_MS = (
    0.026  # the lock of the interpreter is nobody's while it changes hands: 0.93 of a core at 0.35 ms per command
)
MERGE = 4  # round trips that are simulated as one; test_merging_round_trips_changes_little says what it costs
LARGEST_SLICE_MS = 2.0  # merging stops there, else one mail would hold its process longer than it does
LOCKED_QUEUE = "push"  # the queue whose jobs pass the circuit breaker


@dataclass(frozen=True)
class Host:
    """A machine. cores: those that Sidekiq may use, a fraction is allowed. Round trips to PostgreSQL and Redis."""

    cores: float
    rtt_db_ms: float = 0.0
    rtt_redis_ms: float = 0.0


@dataclass(frozen=True)
class Process:
    """One Sidekiq process. host: a name. queues: names with weights; no weight at all means strict order."""

    host: str
    queues: tuple[tuple[str, int | None], ...]
    threads: int
    breaker_pool: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Its queues without weights."""
        return tuple(name for name, _ in self.queues)


@dataclass(frozen=True)
class Stage:
    """A slice of processor time, then a wait.

    commands: statements and commands in it; each costs more where threads compete. lock: the wait holds the one breaker
    connection of the process. remote: the wait for another server comes on top, drawn for each job.
    """

    cpu: float
    commands: float
    wait: float
    lock: bool = False
    remote: bool = False


@dataclass(frozen=True)
class Job:
    """A queue's jobs on one host."""

    stages: tuple[Stage, ...]
    remote: float = 0.0
    slow: bool = False


@dataclass(frozen=True)
class QueueResult:
    """What became of a queue. Waits are from arrival to fetch; jobs still queued at the end count with their age."""

    wait_p50: float
    wait_p95: float
    wait_max: float
    arrived: int
    done: int
    left: int
    starved: float  # longest time without a fetch while jobs waited
    left_half: int  # queued at half time
    rate: float  # done per second after the warm-up


@dataclass(frozen=True)
class Result:
    """Queues by name; of each host's cores, the share used."""

    queues: Mapping[str, QueueResult]
    cpu: Mapping[str, float] = field(default_factory=dict)


def job(queue: str, profile: QueueProfile, host: Host, breaker_pool: bool, merge: int = MERGE) -> Job:
    """A queue's jobs as slices (real-mastodon 6).

    Every round trip is a slice of equal processor time and a wait. `merge` of them become one slice and one wait of the
    same sums. The breaker's round trips stay apart: as one hold of its lock they would let 4 % more jobs through.
    At the end the thread asks Redis for its next job; measured rates at a distance contain that round trip too.
    """
    locked = BREAKER_ROUND_TRIPS if queue == LOCKED_QUEUE and not breaker_pool else 0
    trips = max(profile.round_trips, 1.0)
    cpu = profile.cpu_ms / 1000 / trips
    plain = max(trips - locked, 0.0)
    wait = profile.sql * (host.rtt_db_ms + NEAR_WAIT_MS) + (profile.redis - locked) * (host.rtt_redis_ms + NEAR_WAIT_MS)
    number = max(ceil(plain / merge), ceil(profile.cpu_ms / LARGEST_SLICE_MS) if merge > 1 else 1, 1)
    share = plain / number
    stages = [Stage(cpu * share, share, wait / 1000 / number) for _ in range(number)]
    for _ in range(locked):
        stages.insert(1, Stage(cpu, 1.0, (host.rtt_redis_ms + BREAKER_MS / locked) / 1000, lock=True))
    last = stages.pop()
    fetch = (host.rtt_redis_ms + NEAR_WAIT_MS) / 1000
    stages.append(Stage(last.cpu, last.commands, last.wait + fetch, remote=bool(profile.wait_ms)))
    return Job(tuple(stages), profile.wait_ms / 1000, profile.slow)


def constant(cpu_ms: float, wait_ms: float, slices: int = 4) -> Job:
    """A job of equal slices that uses no database (the pilot of sizing 4.1)."""
    return Job(tuple(Stage(cpu_ms / 1000 / slices, 0, wait_ms / 1000 / slices) for _ in range(slices)))
