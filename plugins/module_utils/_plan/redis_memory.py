# GPL-3.0-or-later (see LICENSE)
"""How much each Redis may hold. All figures in MB."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .queueing import redis_data_mb

LISTS = 1.3  # feeds per active person, lists included
CACHE_MB = 256
CACHE_SHARE = 0.03  # of the host, where that is less
BACKLOG_MB = 100
BACKLOG_SHARE = 0.04  # of the host: a backlog must not be what kills Redis
GROWTH = 1.5  # maxmemory over what is expected
COPY_ON_WRITE = 1.5  # claim over maxmemory, for the child that writes the file (sizing 1.22)


def limits(users_7d: int, total_mb: int) -> dict[str, int]:
    """maxmemory of base (feeds), sidekiq (jobs) and cache.

    users_7d: people active within seven days, who have a home feed. total_mb: the host's memory.
    """
    feeds = redis_data_mb(users_7d, LISTS, 0)
    jobs = max(BACKLOG_MB, math.floor(total_mb * BACKLOG_SHARE))
    return {
        "base": math.ceil(feeds * GROWTH),
        "sidekiq": math.ceil(jobs * GROWTH),
        "cache": max(32, min(CACHE_MB, math.floor(total_mb * CACHE_SHARE))),
    }


def claim(serves: Mapping[str, int]) -> int:
    """What one process claims that serves these, with their maxmemory. A cache writes no file."""
    return sum(
        size if name == "cache" and len(serves) == 1 else math.ceil(size * COPY_ON_WRITE)
        for name, size in serves.items()
    )
