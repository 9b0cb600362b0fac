# GPL-3.0-or-later (see LICENSE)
"""How many connections the processes open to Redis at most (sizing 1.30)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .model import ClusterInput
from .problems import Problems
from .queueing import redis_clients_puma, redis_clients_sidekiq
from .units import Units

CLIENTS_LEAST = 10_000  # Redis' own default
FILES = 65_535  # of one Redis process, in its unit
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


def relay_connections(units: Units) -> int:
    """maxconn of a host's relay: a quarter more than its processes open, in steps of 1024."""
    return max(RELAY_LEAST, math.ceil(of_host(units) * 1.25 / 1024) * 1024)


def limit(cluster: ClusterInput, units: Mapping[str, Units], problems: Problems) -> int:
    """maxclients of each Redis process, 5 % above what all hosts may open (sizing 2.3, I17)."""
    clients = sum(of_host(each) for each in units.values())
    most = max(CLIENTS_LEAST, math.ceil(clients / FREE / 1000) * 1000)
    if most + 32 > FILES:
        problems.add(
            [host.name for host in cluster.having("redis")],
            "",
            f"{clients} connections may be opened to Redis, and one process holds {FILES - 32} at most",
            "have fewer threads in mastodon_sidekiq_workers, or fewer worker hosts",
        )
    return most
