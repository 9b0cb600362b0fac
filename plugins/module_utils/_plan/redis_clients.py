# GPL-3.0-or-later (see LICENSE)
"""How many connections the processes open to Redis at most (sizing 1.30)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from .model import ClusterInput
from .problems import Problems
from .queueing import redis_clients_puma, redis_clients_sidekiq
from .sizing import SMALL_MB
from .units import Units

USUAL = 10_000  # Redis' own default; more is set only where it is needed, as some hosts cannot open so many files
MAXCLIENTS = 65_000  # of one Redis process
INTERNAL = 10  # of a Sidekiq process or a Puma worker, to the jobs
RELAY_LEAST = 4096
STREAMING = 2
FREE = 0.95


def of_host(units: Units) -> int:
    """Clients of one host, of all logical Redis servers together."""
    return (
        sum(redis_clients_sidekiq(unit.threads) for unit in units.sidekiq_workers)
        + sum(redis_clients_puma(puma.workers, puma.threads) for puma in units.puma)
        + STREAMING * len(units.streaming)
    )


def by_server(every: Iterable[Units]) -> dict[str, int]:
    """Clients of each logical Redis: a pool of as many as threads to each that a process uses (sizing 1.30).

    To base one more for the circuit breaker, to the jobs ten more for Sidekiq's own work. Streaming listens to base.
    """
    found = {"base": 0, "sidekiq": 0, "cache": 0}
    for units in every:
        sidekiq, web = units.sidekiq_workers, units.puma
        jobs = sum(unit.threads for unit in sidekiq)
        requests = sum(puma.workers * puma.threads for puma in web)
        workers = sum(puma.workers for puma in web)
        found["base"] += jobs + len(sidekiq) + requests + workers + STREAMING * len(units.streaming)
        found["sidekiq"] += jobs + INTERNAL * (len(sidekiq) + workers)
        found["cache"] += jobs + requests
    return found


def relay_connections(units: Units) -> int:
    """maxconn of a host's relay: a quarter more than its processes open, in steps of 1024."""
    return max(RELAY_LEAST, math.ceil(of_host(units) * 1.25 / 1024) * 1024)


def limit(cluster: ClusterInput, units: Mapping[str, Units], problems: Problems) -> int:
    """maxclients of each Redis process; a problem where 5 % of it would not stay free (sizing 2.3, I17)."""
    (store, *_) = cluster.having("redis")
    servers = by_server(units.values())
    clients = sum(servers.values()) if store.memory_mb < SMALL_MB else max(servers.values())
    if clients > FREE * MAXCLIENTS:
        problems.add(
            store.name,
            "",
            f"{clients} connections may be opened to one Redis process, and it takes {math.floor(FREE * MAXCLIENTS)}",
            "have fewer threads in mastodon_sidekiq_workers, or fewer worker hosts",
        )
    return min(MAXCLIENTS, max(USUAL, math.ceil(clients / FREE / 1000) * 1000))
