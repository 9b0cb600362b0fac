# GPL-3.0-or-later (see LICENSE)
"""PostgreSQL's settings for Mastodon: pgtune's, corrected, and made to fit the memory that PostgreSQL gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from . import pgtune
from .pgtune import MB
from .postgres_memory import Load, Sizes, fitted, in_mb, nr_hugepages, parts

OLDEST, NEWEST = 14, 18  # major versions whose settings we know
WORK_MEM_MOST = 64 * MB
WORKERS_LEAST = 8
AUTOVACUUM_WORKERS = 3  # PostgreSQL's default
AUTOVACUUM_MOST = 2 * 1024 * MB
WAL_SHARE = 60  # percent of the disk that the write-ahead log may take
WAL_LEAST = 64 * MB  # four segments


@dataclass(frozen=True)
class Note:
    """Where a setting is not pgtune's. reduced: less than we would set, for want of room; the admin is to be told."""

    setting: str
    text: str
    reduced: bool = False


@dataclass(frozen=True)
class Tuning:
    """PostgreSQL's settings and what they claim.

    settings: as conf.d takes them. fit_mb: the parts at their worst, within the memory given unless short_mb says how
    much is missing even with everything at its least. nr_hugepages: 2 MB pages to reserve, counted in fit_mb.
    """

    settings: Mapping[str, str | int]
    shared_buffers_mb: int
    nr_hugepages: int
    fit_mb: Mapping[str, int]
    notes: tuple[Note, ...]
    short_mb: int = 0


def tune(
    memory_mb: int,
    cores: int,
    disk: str,
    version: int | None,
    max_connections: int,
    pool: int,
    has_io_uring: bool = False,
    has_lz4: bool = True,
    wal_disk_mb: int | None = None,
    shared: bool = False,
) -> Tuning:
    """The settings for PostgreSQL on one host, without max_connections. Source: sizing 1.36, 1.37, 1.35, 1.19.

    memory_mb: what PostgreSQL gets, not what the host has. disk: hdd, ssd, san, nvme. version: major version; None if
    unknown, then only settings that 14 to 18 know. pool: connections that work at the same time (all server pools and
    reserves). wal_disk_mb: size of the file system with the write-ahead log, where known. shared: other services on
    the host (pgtune's `mixed`, else its `oltp`). Raises ValueError for figures that make no sense.
    """
    _check(memory_mb, version, max_connections, pool, wal_disk_mb)
    machine = pgtune.Machine(
        memory_kb=memory_mb * MB,
        cpus=cores,
        disk=disk,
        version=OLDEST if version is None else min(version, NEWEST),
        workload="mixed" if shared else "oltp",
        connections=max_connections,
    )
    values = pgtune.settings(machine)
    del values["max_connections"]
    notes = [
        *_processes(values, cores),
        *_features(values, cores, has_io_uring, has_lz4),
        *_wal(values, wal_disk_mb),
    ]
    load = Load(max_connections, pool, int(values.get("autovacuum_max_workers", AUTOVACUUM_WORKERS)))
    wanted, capped = _sizes(values, machine, max_connections)
    sizes = fitted(wanted, load, memory_mb * MB)
    taken = parts(sizes, load)
    short = max(0, -(-sum(taken.values()) // MB) - memory_mb)
    values.update(asdict(sizes))
    values["wal_buffers"] = pgtune.wal_buffers(sizes.shared_buffers)
    values["huge_pages"] = "try"
    return Tuning(
        settings={
            name: value if isinstance(value, int) and name not in pgtune.MEMORY else pgtune.display(name, value)
            for name, value in sorted(values.items())
        },
        shared_buffers_mb=-(-sizes.shared_buffers // MB),
        nr_hugepages=nr_hugepages(sizes.shared_buffers, max_connections),
        fit_mb=in_mb(taken),
        notes=(*notes, *capped, *_reductions(wanted, sizes, load, memory_mb, short)),
        short_mb=short,
    )


def _check(memory_mb: int, version: int | None, max_connections: int, pool: int, wal_disk_mb: int | None) -> None:
    if version is not None and version < OLDEST:
        raise ValueError(f"version: {version} is older than {OLDEST}, the oldest supported")
    if not 1 <= pool <= max_connections:
        raise ValueError(f"pool: {pool} is not between 1 and max_connections, {max_connections}")
    if memory_mb < 1:
        raise ValueError(f"memory_mb: {memory_mb} is not positive")
    if wal_disk_mb is not None and wal_disk_mb < 1:
        raise ValueError(f"wal_disk_mb: {wal_disk_mb} is not positive")


def _processes(values: dict[str, pgtune.Setting], cores: int) -> list[Note]:
    """Never below PostgreSQL's default, which replication and extensions count on (sizing 1.37c)."""
    values["max_worker_processes"] = max(WORKERS_LEAST, cores)
    if not 4 <= cores < WORKERS_LEAST:
        return []
    return [Note("max_worker_processes", f"{WORKERS_LEAST}, PostgreSQL's default; pgtune would lower it to {cores}")]


def _features(values: dict[str, pgtune.Setting], cores: int, has_io_uring: bool, has_lz4: bool) -> list[Note]:
    """Only what this server was built with (sizing 1.37d and e)."""
    notes = []
    if values["wal_compression"] == "lz4" and not has_lz4:
        values["wal_compression"] = "on"
        notes.append(Note("wal_compression", "on (pglz): this server has no lz4"))
    if "io_method" in values and not has_io_uring:
        values["io_method"] = "worker"
        workers = min(32, max(3, cores // 4))
        if workers > 3:  # the default
            values["io_workers"] = workers
        notes.append(Note("io_method", "worker: not known to have io_uring"))
    return notes


def _wal(values: dict[str, pgtune.Setting], disk_mb: int | None) -> list[Note]:
    """At most 60 % of its disk, the least in the same proportion to the most as before (sizing 1.37g)."""
    most, least = int(values["max_wal_size"]), int(values["min_wal_size"])
    if disk_mb is None or disk_mb * MB * WAL_SHARE // 100 >= most:
        return []
    room = disk_mb * WAL_SHARE // 100 * MB
    values["max_wal_size"] = max(WAL_LEAST, room)
    values["min_wal_size"] = max(WAL_LEAST // 2, room * least // most // MB * MB)
    shown = {name: pgtune.display(name, values[name]) for name in ("min_wal_size", "max_wal_size")}
    beyond = "" if room >= WAL_LEAST else "; that is more than its share, but less does not work"
    text = f"{shown['min_wal_size']} to {shown['max_wal_size']}: {WAL_SHARE} % of a disk of {disk_mb} MB{beyond}"
    return [Note("max_wal_size", text, reduced=True)]


def _sizes(
    values: Mapping[str, pgtune.Setting], machine: pgtune.Machine, max_connections: int
) -> tuple[Sizes, list[Note]]:
    """What the memory settings would be if all fits (sizing 1.37f caps work_mem)."""
    shared, maintenance = int(values["shared_buffers"]), int(values["maintenance_work_mem"])
    share = pgtune.work_mem(machine, shared, max_connections, int(values["max_worker_processes"]))
    sizes = Sizes(shared, min(share, WORK_MEM_MOST), maintenance, min(maintenance, AUTOVACUUM_MOST))
    if share <= WORK_MEM_MOST:
        return sizes, []
    return sizes, [
        Note("work_mem", f"64MB is enough for Mastodon's short queries; pgtune: {pgtune.display('work_mem', share)}")
    ]


def _reductions(wanted: Sizes, sizes: Sizes, load: Load, memory_mb: int, short: int) -> list[Note]:
    """What had to shrink, in the order in which it did (sizing 1.37h)."""
    needed = -(-sum(parts(wanted, load).values()) // MB)
    why = f"all parts at their worst come to {needed} MB of {memory_mb} MB"
    before, after = asdict(wanted), asdict(sizes)
    notes = [
        Note(
            name,
            f"{pgtune.display(name, after[name])} instead of {pgtune.display(name, before[name])}: {why}",
            reduced=True,
        )
        for name in ("autovacuum_work_mem", "maintenance_work_mem", "work_mem", "shared_buffers")
        if after[name] < before[name]
    ]
    if short:
        text = (
            f"{short} MB missing of {memory_mb + short} MB with everything at its least; "
            f"{load.max_connections} connections take {2 * load.max_connections} MB of it: "
            "lower max_connections or give PostgreSQL more memory"
        )
        notes.append(Note("max_connections", text, reduced=True))
    return notes
