"""pgtune's published behaviour: eighteen vectors (sizing 3.3), and the rules that they do not reach."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import pgtune

MB = 1024
GB = 1024 * MB

# name, workload, memory, cpus, disk, version, connections, size | connections, shared_buffers, effective_cache_size,
# maintenance_work_mem, wal_buffers, work_mem, workers/per gather/maintenance, huge_pages, page cost/io, what else.
VECTORS = """
V01 web   1GB   1  ssd  15 -   similar | 200 256MB    768MB    64MB    7864kB 4MB      -      off 1.1/200  wal_compression=lz4 min_wal_size=1GB max_wal_size=4GB
V02 web   2GB   2  ssd  15 -   similar | 200 512MB    1536MB   128MB   16MB   4MB      -      off 1.1/200
V03 web   4GB   2  ssd  17 -   similar | 200 1GB      3GB      256MB   16MB   5041kB   -      off 1.1/200
V04 mixed 4GB   2  ssd  17 -   similar | 100 1GB      3GB      256MB   16MB   4854kB   -      off 1.1/200
V05 web   8GB   4  ssd  17 -   similar | 200 2GB      6GB      512MB   16MB   10280kB  4/2/2  try 1.1/200
V06 oltp  8GB   4  ssd  17 -   similar | 300 2GB      6GB      512MB   16MB   6898kB   4/2/2  try 1.1/200  min_wal_size=2GB max_wal_size=8GB
V07 mixed 8GB   6  ssd  14 100 similar | 100 2GB      6GB      512MB   16MB   9892kB   6/3/3  try 1.1/200  wal_compression=on
V08 oltp  16GB  8  nvme 17 100 similar | 100 4GB      12GB     1GB     16MB   38836kB  8/4/4  try 1.1/1000
V09 web   16GB  8  hdd  16 -   similar | 200 4GB      12GB     1GB     16MB   20164kB  8/4/4  try 4/2
V10 oltp  32GB  10 nvme 14 -   similar | 300 8GB      24GB     2GB     16MB   27060kB  10/4/4 try 1.1/1000 autovacuum_work_mem=2GB
V11 oltp  36GB  10 nvme 14 700 similar | 700 9GB      27GB     2304MB  16MB   13291kB  10/4/4 try 1.1/1000 autovacuum_work_mem=2GB
V12 oltp  46GB  10 nvme 17 120 similar | 120 11776MB  35328MB  2944MB  16MB   92758kB  10/4/4 try 1.1/1000 autovacuum_work_mem=2GB
V13 web   64GB  16 nvme 18 -   similar | 200 16GB     48GB     4GB     16MB   77672kB  16/4/4 try 1.1/1000 autovacuum_max_workers=4 autovacuum_work_mem=2GB io_method=io_uring
V14 oltp  128GB 32 nvme 18 -   smaller | 300 32GB     96GB     8GB     16MB   131387kB 32/4/4 try 1.1/1000 autovacuum_max_workers=5 autovacuum_work_mem=2GB io_method=io_uring
V15 oltp  256GB 64 nvme 18 500 larger  | 500 64GB     192GB    8GB     16MB   107088kB 64/4/4 try 1.1/1000 autovacuum_max_workers=5 autovacuum_work_mem=2GB io_method=io_uring
V16 oltp  4GB   4  ssd  17 500 similar | 500 1GB      3GB      256MB   16MB   4MB      4/2/2  off 1.1/200
V17 web   750MB 2  ssd  17 -   similar | 200 192000kB 576000kB 48000kB 5760kB 4MB      -      off 1.1/200
V18 dw    16GB  8  ssd  17 -   similar | 40  4GB      12GB     2GB     16MB   43690kB  8/4/4  try 4/200    default_statistics_target=500 min_wal_size=4GB max_wal_size=16GB autovacuum_work_mem=2GB
"""  # noqa: E501 one line per vector, as the table has it
NAMES = ("max_connections", "shared_buffers", "effective_cache_size", "maintenance_work_mem", "wal_buffers", "work_mem")
WORKERS = ("max_worker_processes", "max_parallel_workers_per_gather", "max_parallel_maintenance_workers")


def kilobytes(text: str) -> int:
    return int(text[:-2]) * {"kB": 1, "MB": MB, "GB": GB}[text[-2:]]


def machine(workload: str = "web", memory: str = "4GB", **changes: Any) -> pgtune.Machine:
    values: dict[str, Any] = {"memory_kb": kilobytes(memory), "cpus": 4, "disk": "ssd", "version": 17}
    return pgtune.Machine(workload=workload, **{**values, **changes})


@pytest.mark.parametrize("vector", VECTORS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_vector(vector: str) -> None:
    asked, answer = (side.split() for side in vector.split("|"))
    _, workload, memory, cpus, disk, version, connections, size = asked
    found = pgtune.displayed(
        pgtune.settings(
            machine(
                workload,
                memory,
                cpus=int(cpus),
                disk=disk,
                version=int(version),
                connections=None if connections == "-" else int(connections),
                size=size,
            )
        )
    )
    expected = dict(zip(NAMES, answer))
    workers, huge_pages, costs = answer[6:9]
    expected |= {"huge_pages": huge_pages, "checkpoint_completion_target": "0.9", "default_statistics_target": "100"}
    expected |= dict(zip(("random_page_cost", "effective_io_concurrency"), costs.split("/")))
    if workers != "-":
        expected |= dict(zip(WORKERS, workers.split("/")))
        expected["max_parallel_workers"] = expected["max_worker_processes"]
    if workload != "dw":
        expected["jit"] = "off"
    expected |= dict(item.split("=") for item in answer[9:])
    assert {name: found.get(name) for name in expected} == expected
    beside = {"wal_compression", "min_wal_size", "max_wal_size"}  # the table names them only where they differ
    assert set(found) - set(expected) <= beside


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (machine("desktop"), {"shared_buffers": 256 * MB, "effective_cache_size": GB, "max_connections": 20}),
        (machine("desktop"), {"wal_level": "minimal", "max_wal_senders": 0, "min_wal_size": 100 * MB}),
        (machine(disk="hdd", size="smaller"), {"random_page_cost": 1.1, "effective_io_concurrency": 2}),
        (machine("dw", size="smaller"), {"random_page_cost": 1.1}),
        (machine("dw", cpus=20), {"max_parallel_workers_per_gather": 10, "max_parallel_maintenance_workers": 4}),
        (machine("oltp", "1024GB"), {"maintenance_work_mem": 8 * GB, "autovacuum_work_mem": 2 * GB}),
        (machine(cpus=5), {"max_parallel_workers_per_gather": 3}),
        (machine(memory="3MB"), {"wal_buffers": 32}),
        (machine(disk="san"), {"effective_io_concurrency": 300}),
    ],
)
def test_what_no_vector_reaches(asked: pgtune.Machine, expected: dict[str, Any]) -> None:
    found = pgtune.settings(asked)
    assert {name: found[name] for name in expected} == expected


def test_settings_that_old_versions_do_not_know_are_left_out() -> None:
    assert not {"jit", "max_parallel_maintenance_workers"} & set(pgtune.settings(machine(version=10)))
    assert "io_method" not in pgtune.settings(machine(version=17))
    assert "jit" not in pgtune.settings(machine("desktop"))


@pytest.mark.parametrize("change", [{"disk": "floppy"}, {"size": "huge"}, {"cpus": 0}, {"version": 9}])
def test_what_the_form_does_not_offer_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        machine(**change)


def test_memory_is_shown_in_the_largest_whole_unit() -> None:
    shown = {value: pgtune.display("work_mem", value) for value in (1, 1023, MB, 1536 * MB, 2 * GB, 0)}
    assert shown == {1: "1kB", 1023: "1023kB", MB: "1MB", 1536 * MB: "1536MB", 2 * GB: "2GB", 0: "0kB"}
