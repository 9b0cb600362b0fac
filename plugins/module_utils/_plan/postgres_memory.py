# GPL-3.0-or-later (see LICENSE)
"""Whether PostgreSQL's memory fits what the host gives it, and what is reduced first where it does not. All in kB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

MB = 1024
GB = 1024 * MB
BLOCK = 8
HUGE_PAGE = 2 * MB
HUGE_PAGES_FROM = 2 * GB
BACKEND = 2 * MB

# In the order in which they are reduced: vacuum hardly ever uses its share in full, all live from the shared buffers.
FLOORS = {
    "autovacuum_work_mem": 16 * MB,
    "maintenance_work_mem": 16 * MB,
    "work_mem": 1 * MB,
    "shared_buffers": 32 * MB,
}


@dataclass(frozen=True)
class Sizes:
    """The settings that take memory, in kB."""

    shared_buffers: int
    work_mem: int
    maintenance_work_mem: int
    autovacuum_work_mem: int


@dataclass(frozen=True)
class Load:
    """Who takes it: connections that may be open, those that work at the same time, and vacuum's workers."""

    max_connections: int
    pool: int
    autovacuum_workers: int


def nr_hugepages(shared_kb: int, max_connections: int) -> int:
    """Pages of 2 MB to reserve; 0 below 2 GB of shared buffers. Source: sizing 1.35.

    With `huge_pages = try` one page too few means that all of them lie idle and the memory is taken twice, so what
    connections cost is added: PostgreSQL 15 needs 22 MB for 480 more (measured), later versions more.
    """
    if shared_kb < HUGE_PAGES_FROM:
        return 0
    return _ceil(103 * shared_kb, 100 * HUGE_PAGE) + 16 + _extra_pages(max_connections)


def parts(sizes: Sizes, load: Load) -> dict[str, int]:
    """What each part takes at its worst, in kB. Source: sizing 1.37h and 1.19, and one index build besides.

    With huge pages reserved, page tables are next to nothing.
    """
    pages = nr_hugepages(sizes.shared_buffers, load.max_connections)
    shared = sizes.shared_buffers
    return {
        "shared_buffers": pages * HUGE_PAGE if pages else _ceil(103 * shared, 100),
        "backends": BACKEND * load.max_connections,
        "page_tables": 0 if pages else _ceil(load.max_connections * shared, 512),
        "work_mem": sizes.work_mem * load.pool,
        "autovacuum": sizes.autovacuum_work_mem * load.autovacuum_workers,
        "maintenance": sizes.maintenance_work_mem,
    }


def fitted(sizes: Sizes, load: Load, memory_kb: int) -> Sizes:
    """The sizes reduced, in the order of FLOORS and each no further than needed, until the parts fit the memory.

    What is at or below its floor already stays. The result may still not fit: see `parts`.
    """
    for name, count in (
        ("autovacuum_work_mem", load.autovacuum_workers),
        ("maintenance_work_mem", 1),
        ("work_mem", load.pool),
    ):
        over = sum(parts(sizes, load).values()) - memory_kb
        if over <= 0:
            return sizes
        now = getattr(sizes, name)
        sizes = replace(sizes, **{name: max(min(now, FLOORS[name]), now - _ceil(over, count))})
    taken = parts(sizes, load)
    if sum(taken.values()) <= memory_kb:
        return sizes
    room = memory_kb - sum(taken.values()) + taken["shared_buffers"] + taken["page_tables"]
    least = min(sizes.shared_buffers, FLOORS["shared_buffers"])
    return replace(sizes, shared_buffers=max(least, min(sizes.shared_buffers, _most_shared(room, load))))


def in_mb(taken: Mapping[str, int]) -> dict[str, int]:
    """The parts in MB, rounded so that their sum is the sum in kB, rounded up."""
    found, before = {}, 0
    for name, value in taken.items():
        found[name] = _ceil(before + value, MB) - _ceil(before, MB)
        before += value
    return found


def _most_shared(room: int, load: Load) -> int:
    """The most shared buffers that fit, with their page tables or as huge pages, in whole blocks."""
    pages = room // HUGE_PAGE - 16 - _extra_pages(load.max_connections)
    with_pages = _blocks(pages * HUGE_PAGE * 100 // 103)
    if with_pages >= HUGE_PAGES_FROM:
        return with_pages
    # 2 kB, since both parts are rounded up.
    without = _blocks((room - 2) * 51200 // (103 * 512 + 100 * load.max_connections))
    return min(without, HUGE_PAGES_FROM - BLOCK)


def _extra_pages(max_connections: int) -> int:
    return max(0, _ceil(max_connections - 100, 20))


def _blocks(kilobytes: int) -> int:
    return kilobytes // BLOCK * BLOCK


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)
