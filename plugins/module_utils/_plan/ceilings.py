# GPL-3.0-or-later (see LICENSE)
"""What threads, clients and users cost at most besides processor time: page tables, Redis' data, clients, open files.

Sizes are in MB of 1024 x 1024 bytes. Every function raises ValueError for a negative figure.
"""

from __future__ import annotations

import math

PAGE_TABLE_PART = 512  # a page of 4 kB has an entry of 8 bytes
HUGE_PAGE_MB = 2
REDIS_BASE_MB = 64
FEED_KB = 127  # a home feed of 800 entries and the set of boosts that belongs to it
REQUEST_POOL = 512  # sockets to other servers that one process keeps at most
FILES_PER_THREAD = 5  # one for the database, three for Redis, one for the search
FILES_BASE = 100
REDIS_CLIENTS_BASE = 11  # Sidekiq's own ten and the circuit breaker's one


def _not_negative(**figures: float) -> None:
    for name, value in figures.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be 0 or more, not {value}")


def page_tables_mb(shared_buffers_mb: float, backends: float) -> float:
    """Page tables of all PostgreSQL backends once each has touched the whole cache, with pages of 4 kB (sizing 1.19).

    With huge pages they are next to nothing.
    """
    _not_negative(shared_buffers_mb=shared_buffers_mb, backends=backends)
    return shared_buffers_mb / PAGE_TABLE_PART * backends


def huge_pages(shared_buffers_mb: float) -> int:
    """Huge pages of 2 MB to reserve for PostgreSQL: its cache, 3 % for its other shared memory, and 16 (sizing 1.35)."""
    _not_negative(shared_buffers_mb=shared_buffers_mb)
    return math.ceil(1.03 * shared_buffers_mb / HUGE_PAGE_MB) + 16


def redis_data_mb(users_7d: float, lists_factor: float, backlog_mb: float = 100) -> int:
    """Redis' data in whole MB: a base, the home feeds, and room for a backlog of jobs (sizing 1.22).

    users_7d: users active in the last 7 days; only they have feeds. lists_factor: 1 + lists per user.
    """
    _not_negative(users_7d=users_7d, lists_factor=lists_factor, backlog_mb=backlog_mb)
    return int(REDIS_BASE_MB + users_7d * FEED_KB * lists_factor / 1024 + backlog_mb)


def redis_clients_sidekiq(threads: int) -> int:
    """Connections that one Sidekiq process opens to Redis at most (sizing 1.30)."""
    _not_negative(threads=threads)
    return 3 * threads + REDIS_CLIENTS_BASE


def redis_clients_puma(workers: int, threads: int) -> int:
    """Connections that one Puma opens to Redis at most, all its workers together (sizing 1.30)."""
    _not_negative(workers=workers, threads=threads)
    return workers * (2 * threads + REDIS_CLIENTS_BASE)


def sidekiq_files(threads: int) -> int:
    """Files and sockets that one Sidekiq process has open at most (sizing 1.32)."""
    _not_negative(threads=threads)
    return REQUEST_POOL + FILES_PER_THREAD * threads + FILES_BASE
