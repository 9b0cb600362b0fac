# GPL-3.0-or-later (see LICENSE)
"""What is compared: processes, configurations, places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Queue = tuple[str, "int | None"]
CLAIM_MB = 400  # of one Sidekiq process where the plan does not say (sizing 1.18, real-mastodon 3)


@dataclass(frozen=True)
class Process:
    """One Sidekiq process. A weight of None: strict order."""

    queues: tuple[Queue, ...]
    threads: int
    breaker_pool: bool = False

    def order(self) -> dict[str, Any]:
        """As the agent on the host takes it."""
        return {
            "queues": [list(queue) for queue in self.queues],
            "threads": self.threads,
            "db_pool": self.threads,
            "breaker_pool": self.breaker_pool,
        }

    def serves(self, queue: str) -> bool:
        """Whether it listens to the queue."""
        return any(name == queue for name, _ in self.queues)


@dataclass(frozen=True)
class Configuration:
    """A list of processes with a name.

    kind: plan, peer, sweep or reference. claim_mb: memory that it is given in all. mixes: measured on these only; none
    means all.
    """

    name: str
    kind: str
    processes: tuple[Process, ...]
    claim_mb: int
    mixes: tuple[str, ...] = ()

    @property
    def threads(self) -> int:
        """Of all processes."""
        return sum(process.threads for process in self.processes)

    def shape(self) -> str:
        """Processes × threads, for tables: `2×10`, or `1×25 + 1×5`."""
        sizes: dict[tuple[int, bool], int] = {}
        for process in self.processes:
            sizes[process.threads, process.breaker_pool] = sizes.get((process.threads, process.breaker_pool), 0) + 1
        return " + ".join(f"{count}×{threads}{' pool' if pool else ''}" for (threads, pool), count in sizes.items())


@dataclass(frozen=True)
class Place:
    """How far the servers are."""

    name: str
    rtt_ms: float


PLACES = {place.name: place for place in (Place("near", 0.0), Place("far10", 10.0), Place("far20", 20.0))}
# Arrivals per second and queue of the plan's profile are the mix; the others are one queue alone.
MIXES: Mapping[str, Mapping[str, float]] = {
    "push": {"push": 1.0},
    "ingress": {"ingress": 1.0},
    "default": {"default": 1.0},
    "mix": {"default": 20.0, "ingress": 12.0, "push": 40.0},
}


@dataclass(frozen=True)
class Limits:
    """The hardware that all configurations have."""

    cores: int
    memory_mb: int
    claims_mb: int  # of that, for Sidekiq
