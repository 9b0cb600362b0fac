# GPL-3.0-or-later (see LICENSE)
"""What pgtune would set, unmodified: the common yardstick next to which our own settings are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

MB = 1024  # kB
GB = 1024 * MB

Setting = Union[int, float, str]

# In kB; everything else is a plain number or a word.
MEMORY = frozenset(
    {
        "autovacuum_work_mem",
        "effective_cache_size",
        "maintenance_work_mem",
        "max_wal_size",
        "min_wal_size",
        "shared_buffers",
        "wal_buffers",
        "work_mem",
    }
)
CONNECTIONS = {"web": 200, "oltp": 300, "dw": 40, "desktop": 20, "mixed": 100}
WAL_MB = {"web": (1024, 4096), "oltp": (2048, 8192), "dw": (4096, 16384), "desktop": (100, 2048), "mixed": (1024, 4096)}
IO_CONCURRENCY = {"hdd": 2, "ssd": 200, "san": 300, "nvme": 1000}
SIZES = {
    "smaller": 13,
    "similar": 10,
    "larger": 9,
}  # tenths of work_mem: database below 1, 1 to 3, above 3 times the memory
WORK_MEM_DIVISOR = {"web": 1, "oltp": 1, "dw": 2, "desktop": 6, "mixed": 2}
WORK_MEM_FLOOR = 4 * MB
HUGE_PAGES_FROM = 2 * GB
DEFAULT_WORKERS = 8  # PostgreSQL's max_worker_processes


@dataclass(frozen=True)
class Machine:
    """What pgtune's form asks for; the system is Linux. memory_kb: memory for PostgreSQL in kB."""

    memory_kb: int
    cpus: int
    disk: str
    version: int
    workload: str
    connections: int | None = None
    size: str = "similar"

    def __post_init__(self) -> None:
        """Raises ValueError for what the form would not offer."""
        for name, value, known in (
            ("disk", self.disk, IO_CONCURRENCY),
            ("workload", self.workload, CONNECTIONS),
            ("size", self.size, SIZES),
        ):
            if value not in known:
                raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
        if self.memory_kb < 1 or self.cpus < 1 or self.version < 10 or (self.connections or 1) < 1:
            raise ValueError(f"memory, cpus and connections must be positive, the version 10 or later: {self}")


def settings(machine: Machine) -> dict[str, Setting]:
    """pgtune's settings for a machine, in its order; memory in kB (see MEMORY). Source: sizing 1.36."""
    workload, memory = machine.workload, machine.memory_kb
    connections = machine.connections or CONNECTIONS[workload]
    shared = memory // (16 if workload == "desktop" else 4)
    maintenance = min(memory // (8 if workload == "dw" else 16), 8 * GB)
    low, high = WAL_MB[workload]
    parallel = _parallel(machine)
    processes = int(parallel.get("max_worker_processes", DEFAULT_WORKERS))
    return {
        "max_connections": connections,
        "shared_buffers": shared,
        "effective_cache_size": memory // 4 if workload == "desktop" else memory * 3 // 4,
        "maintenance_work_mem": maintenance,
        "checkpoint_completion_target": 0.9,
        "wal_buffers": wal_buffers(shared),
        "default_statistics_target": 500 if workload == "dw" else 100,
        "random_page_cost": _random_page_cost(machine),
        "effective_io_concurrency": IO_CONCURRENCY[machine.disk],
        "work_mem": work_mem(machine, shared, connections, processes),
        "huge_pages": "try" if shared >= HUGE_PAGES_FROM else "off",
        "min_wal_size": low * MB,
        "max_wal_size": high * MB,
        **parallel,
        **_words(machine),
        **_autovacuum(machine.cpus, maintenance),
    }


def work_mem(machine: Machine, shared_kb: int, connections: int, processes: int) -> int:
    """kB for one sort or hash: a third of what the shared buffers leave, divided by everybody who might sort.

    processes: max_worker_processes. Never below 4 MB. Source: sizing 1.36.
    """
    share = (machine.memory_kb - shared_kb) * SIZES[machine.size]
    return max(WORK_MEM_FLOOR, share // (30 * (connections + processes) * WORK_MEM_DIVISOR[machine.workload]))


def wal_buffers(shared_kb: int) -> int:
    """kB: 3 % of the shared buffers; what comes near 16 MB is 16 MB, which is also the most. Source: sizing 1.36."""
    wanted = shared_kb * 3 // 100
    return 16 * MB if wanted > 14 * MB else max(wanted, 32)


def display(name: str, value: Setting) -> str:
    """A setting as postgresql.conf takes it: memory in whole GB, else whole MB, else kB."""
    if name in MEMORY and isinstance(value, int):
        for factor, unit in ((GB, "GB"), (MB, "MB")):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
        return f"{value}kB"
    return f"{value:g}" if isinstance(value, float) else str(value)


def displayed(values: Mapping[str, Setting]) -> dict[str, str]:
    """All settings as postgresql.conf takes them."""
    return {name: display(name, value) for name, value in values.items()}


def _random_page_cost(machine: Machine) -> float:
    slow = machine.disk == "hdd" or machine.workload == "dw"
    return 4.0 if slow and machine.size != "smaller" else 1.1


def _parallel(machine: Machine) -> dict[str, int]:
    """Nothing below four cores."""
    cpus = machine.cpus
    if cpus < 4:
        return {}
    half = (cpus + 1) // 2
    workers = {
        "max_worker_processes": cpus,
        "max_parallel_workers_per_gather": half if machine.workload == "dw" else min(4, half),
        "max_parallel_workers": cpus,
    }
    return {**workers, "max_parallel_maintenance_workers": min(4, half)} if machine.version >= 11 else workers


def _words(machine: Machine) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    if machine.version >= 12 and machine.workload in ("web", "oltp", "mixed"):
        found["jit"] = "off"
    found["wal_compression"] = "lz4" if machine.version >= 15 else "on"
    if machine.version >= 18:
        found["io_method"] = "io_uring"
    if machine.workload == "desktop":
        found.update({"wal_level": "minimal", "max_wal_senders": 0})
    return found


def _autovacuum(cpus: int, maintenance_kb: int) -> dict[str, int]:
    found: dict[str, int] = {}
    if cpus >= 16:
        found["autovacuum_max_workers"] = 5 if cpus >= 32 else 4
    if maintenance_kb >= 2 * GB:
        found["autovacuum_work_mem"] = 2 * GB
    return found
