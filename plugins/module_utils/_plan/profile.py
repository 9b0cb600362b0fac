# GPL-3.0-or-later (see LICENSE)
"""What a job of each queue costs: processor time, round trips, waiting, memory.

Costs per job type are measured on Mastodon 4.6.5 (docs/plan.md, "Where the figures come"
" from"); the mix of job types in a
queue and the arrival rates are assumptions, which `mastodon_job_profile` replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BREAKER_ROUND_TRIPS = 3  # the circuit breaker's commands of one delivery; without its pool they share one connection
BREAKER_MS = 4.0  # what else passes through that one connection per delivery
BUSY_LIMIT = 0.93  # of a core that one Ruby process gets at most
FETCH_ROUND_TRIPS = 1  # to Redis, for the job itself
SWITCH_MS = 0.125  # processor time that a command costs more where many threads of one process take turns
NEAR_WAIT_MS = 0.035  # until a server on the same network has answered, besides the round trip


@dataclass(frozen=True)
class QueueProfile:
    """One queue's jobs.

    rate: arrivals per second at scale 1. cpu_ms: processor time of one job in a process with a single thread. sql,
    redis:
    statements and commands, each a round trip. wait_ms: waiting for servers of others (HTTP, SMTP) when they are
    healthy.
    slow: whether a slow server elsewhere can hold a thread. latency: whether somebody waits for the result.
    """

    rate: float
    cpu_ms: float
    sql: float
    redis: float
    wait_ms: float = 0.0
    slow: bool = False
    latency: bool = False

    @property
    def round_trips(self) -> float:
        """Statements and commands together."""
        return self.sql + self.redis


@dataclass(frozen=True)
class Profile:
    """The jobs of a whole installation."""

    queues: Mapping[str, QueueProfile]
    slow_share: float = 0.10  # of deliveries and fetches that run into the time limit
    slow_s: float = 10.0  # that limit


# default: 85 % feed inserts, 10 % notifications, 5 % fan-outs to local followers. ingress: 60 % posts with local
# followers,
# 40 % others, a fifth of all fetches something first. push: one delivery. mailers: half welcome, half mention.
DEFAULT = Profile(
    queues={
        "default": QueueProfile(rate=20, cpu_ms=4.8, sql=12.5, redis=5.5, latency=True),
        "ingress": QueueProfile(rate=12, cpu_ms=5.0, sql=13.0, redis=8.0, wait_ms=80, latency=True),
        "push": QueueProfile(rate=40, cpu_ms=5.2, sql=3.0, redis=7.0, wait_ms=250, slow=True),
        "pull": QueueProfile(rate=6, cpu_ms=10.0, sql=13.0, redis=8.0, wait_ms=600, slow=True),
        "mailers": QueueProfile(rate=0.2, cpu_ms=80, sql=15.0, redis=4.0, wait_ms=400, latency=True),
        "fasp": QueueProfile(rate=0.05, cpu_ms=8.0, sql=10.0, redis=5.0, wait_ms=300, slow=True),
        "scheduler": QueueProfile(rate=0.05, cpu_ms=50, sql=30.0, redis=10.0),
    }
)
