"""PostgreSQL's settings as we correct them: they fit, grow with the memory, and are of a form that PostgreSQL takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import pgtune, postgres_memory
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.postgres_memory import Load, Sizes
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.postgres_settings import (
    tune,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres.cluster import render_conf
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=150)
UNITS = {"kB": 1, "MB": 1024, "GB": 1024 * 1024}
# What PostgreSQL allows (kB, or a plain number), from the server's own description of its settings.
LIMITS = {
    "autovacuum_max_workers": (1, 262143),
    "autovacuum_work_mem": (64, 2147483647),
    "default_statistics_target": (1, 10000),
    "effective_cache_size": (8, 17179869176),
    "effective_io_concurrency": (0, 1000),
    "io_workers": (1, 32),
    "maintenance_work_mem": (1024, 2147483647),
    "max_parallel_maintenance_workers": (0, 1024),
    "max_parallel_workers": (0, 1024),
    "max_parallel_workers_per_gather": (0, 1024),
    "max_wal_size": (32 * 1024, 2147483647 * 1024),
    "max_worker_processes": (0, 262143),
    "min_wal_size": (32 * 1024, 2147483647 * 1024),
    "shared_buffers": (128, 8589934584),
    "wal_buffers": (32, 2097144),
    "work_mem": (64, 2147483647),
}
WORDS = {
    "checkpoint_completion_target": ("0.9",),
    "huge_pages": ("try",),
    "io_method": ("worker", "io_uring"),
    "jit": ("off",),
    "random_page_cost": ("1.1", "4"),
    "wal_compression": ("on", "lz4"),
}
SINCE = {"io_method": 18, "io_workers": 18}


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """256 MB to 1 TB, small machines as often as large ones."""
    connections = draw(st.integers(20, 500))
    return {
        "memory_mb": draw(st.one_of(st.integers(256, 4096), st.integers(256, 16384), st.integers(256, 1048576))),
        "cores": draw(st.integers(1, 128)),
        "disk": draw(st.sampled_from(sorted(pgtune.IO_CONCURRENCY))),
        "version": draw(st.sampled_from([None, 14, 15, 16, 17, 18])),
        "max_connections": connections,
        "pool": draw(st.one_of(st.just(connections), st.integers(1, connections))),
        "has_io_uring": draw(st.booleans()),
        "has_lz4": draw(st.booleans()),
        "wal_disk_mb": draw(st.one_of(st.none(), st.integers(1, 100000))),
        "shared": draw(st.booleans()),
    }


def kilobytes(value: str | int) -> int:
    assert isinstance(value, str)
    return int(value[:-2]) * UNITS[value[-2:]]


def least_mb(values: dict[str, Any]) -> int:
    """What no reduction goes below: 2 MB a connection, 33 MB shared with its page tables, 1 MB a worker, vacuum."""
    connections = values["max_connections"]
    workers = 5 if values["cores"] >= 32 else 4 if values["cores"] >= 16 else 3
    return 2 * connections + 33 + connections // 16 + values["pool"] + (workers + 1) * 16 + 2


@QUICK
@given(asked())
def test_it_fits_or_says_what_is_missing(values: dict[str, Any]) -> None:
    found = tune(**values)
    claimed = sum(found.fit_mb.values())
    assert claimed - found.short_mb <= values["memory_mb"]
    assert (found.short_mb > 0) == (claimed > values["memory_mb"])
    assert found.short_mb == 0 or values["memory_mb"] < least_mb(values)
    assert (found.short_mb > 0) == any(note.setting == "max_connections" for note in found.notes)


@QUICK
@given(asked())
def test_the_claims_are_those_of_the_settings(values: dict[str, Any]) -> None:
    """Counted anew from the text that PostgreSQL gets (sizing 1.37h)."""
    found = tune(**values)
    kb = {name: kilobytes(value) for name, value in found.settings.items() if name in pgtune.MEMORY}
    workers = int(found.settings.get("autovacuum_max_workers", 3))
    connections, shared = values["max_connections"], kb["shared_buffers"]
    huge = found.nr_hugepages > 0
    whole = (
        (2048 * found.nr_hugepages if huge else 1.03 * shared + connections * shared / 512)
        + 2048 * connections
        + values["pool"] * kb["work_mem"]
        + workers * kb["autovacuum_work_mem"]
        + kb["maintenance_work_mem"]
    )
    assert whole / 1024 <= sum(found.fit_mb.values()) <= whole / 1024 + 1.01
    assert huge == (shared >= 2 * UNITS["GB"])
    assert not huge or 2048 * found.nr_hugepages >= 1.03 * shared + 16 * 2048
    assert found.shared_buffers_mb - 1 < shared / 1024 <= found.shared_buffers_mb
    assert kb["wal_buffers"] == pgtune.wal_buffers(shared)


@QUICK
@given(asked(), st.one_of(st.integers(1, 64), st.integers(1, 100000)))
def test_more_memory_never_gives_less(values: dict[str, Any], more: int) -> None:
    before, after = (tune(**{**values, "memory_mb": values["memory_mb"] + add}) for add in (0, more))
    for name in ("shared_buffers", "effective_cache_size", "work_mem"):
        assert kilobytes(after.settings[name]) >= kilobytes(before.settings[name]), name
    assert after.short_mb <= before.short_mb


@pytest.mark.parametrize("connections", [20, 100, 500])
def test_more_memory_never_gives_less_where_huge_pages_begin(connections: int) -> None:
    shown = [
        tune(memory, 4, "ssd", 17, connections, connections).settings
        for memory in (*range(2000, 2100), *range(8150, 8250))
    ]
    for name in ("shared_buffers", "work_mem"):
        values = [kilobytes(item[name]) for item in shown]
        assert values == sorted(values)


@QUICK
@given(asked())
def test_every_setting_is_known_and_of_the_right_form(values: dict[str, Any]) -> None:
    found = tune(**values)
    for name, value in found.settings.items():
        if name in WORDS:
            assert value in WORDS[name], name
            continue
        low, high = LIMITS[name]
        if name in pgtune.MEMORY:
            assert re.fullmatch(r"[1-9][0-9]*(kB|MB|GB)", str(value)), name
            assert low <= kilobytes(value) <= high, name
        else:
            assert isinstance(value, int) and low <= value <= high, name
        assert SINCE.get(name, 14) <= (values["version"] or 14), name
    assert "max_connections" not in found.settings
    assert kilobytes(found.settings["min_wal_size"]) <= kilobytes(found.settings["max_wal_size"])
    assert int(found.settings["max_worker_processes"]) >= 8


@QUICK
@given(asked())
def test_nothing_is_reduced_in_silence(values: dict[str, Any]) -> None:
    """Every memory setting is either pgtune's or has a note."""
    found = tune(**values)
    told = {note.setting for note in found.notes if note.reduced}
    free = tune(**{**values, "max_connections": 20, "pool": 1, "wal_disk_mb": None})
    for name in ("shared_buffers", "maintenance_work_mem", "autovacuum_work_mem", "max_wal_size"):
        if kilobytes(found.settings[name]) < kilobytes(free.settings[name]):
            assert name in told, name
    floor = "work_mem" in told
    assert floor or kilobytes(found.settings["work_mem"]) >= 4 * 1024
    assert all(note.text for note in found.notes)


def test_chaos_social() -> None:
    """Layout S3 of sizing 3.2."""
    found = tune(36124, 10, "nvme", 14, 80, 50)
    expected = {
        "shared_buffers": "9031MB",
        "effective_cache_size": "27093MB",
        "maintenance_work_mem": "2311936kB",
        "autovacuum_work_mem": "2GB",
        "work_mem": "64MB",
        "max_worker_processes": 10,
        "wal_compression": "on",
        "random_page_cost": "1.1",
    }
    assert {name: found.settings[name] for name in expected} == expected
    assert (found.shared_buffers_mb, found.nr_hugepages, found.short_mb) == (9031, 4667, 0)
    assert found.fit_mb["page_tables"] == 0 and found.fit_mb["work_mem"] == 3200
    assert [note.setting for note in found.notes] == ["work_mem"] and "102752kB" in found.notes[0].text


@pytest.mark.parametrize(
    ("memory_mb", "cores", "shared_buffers", "work_mem"),
    [(4957, 6, "1268992kB", "10939kB"), (2472, 4, "618MB", "5455kB")],
    ids=["wandering_shop", "tooting"],
)
def test_hosts_with_other_services(memory_mb: int, cores: int, shared_buffers: str, work_mem: str) -> None:
    """Layouts S1 and S2 of sizing 3.2."""
    found = tune(memory_mb, cores, "ssd", 17, 50, 18, shared=True)
    assert (found.settings["shared_buffers"], found.settings["work_mem"]) == (shared_buffers, work_mem)
    assert found.nr_hugepages == 0 and not any(note.reduced for note in found.notes)


def test_page_tables_without_huge_pages() -> None:
    """sizing 1.19: 700 backends on 9 GB are 12.3 GB of page tables, were it not for huge pages."""
    load = Load(max_connections=700, pool=50, autovacuum_workers=3)
    sizes = Sizes(2 * UNITS["GB"] - 8, 4096, 65536, 65536)
    assert postgres_memory.in_mb(postgres_memory.parts(sizes, load))["page_tables"] == 2800
    huge = postgres_memory.parts(Sizes(9 * UNITS["GB"], 4096, 65536, 65536), load)
    assert huge["page_tables"] == 0


@pytest.mark.parametrize(
    ("shared_mb", "connections", "needed"),
    [(2048, 20, 1059), (2048, 500, 1070), (9031, 80, 4627), (65536, 500, 33515), (262144, 500, 133710)],
)
def test_huge_pages_are_enough_for_a_real_server(shared_mb: int, connections: int, needed: int) -> None:
    """What PostgreSQL 15 asks for (shared_memory_size_in_huge_pages), with a little for what later versions add."""
    pages = postgres_memory.nr_hugepages(shared_mb * 1024, connections)
    assert needed + 10 <= pages <= needed * 1.04


def test_reductions_come_in_order_and_no_further_than_needed() -> None:
    load = Load(max_connections=100, pool=50, autovacuum_workers=3)
    wanted = Sizes(512 * 1024, 8 * 1024, 128 * 1024, 128 * 1024)
    whole = sum(postgres_memory.parts(wanted, load).values())
    order = ("autovacuum_work_mem", "maintenance_work_mem", "work_mem", "shared_buffers")
    reached = set()
    for memory in range(whole, whole // 3, -4096):
        sizes = postgres_memory.fitted(wanted, load, memory)
        below = [getattr(sizes, name) < getattr(wanted, name) for name in order]
        assert below == sorted(below, reverse=True)
        last = sum(below)
        for name in order[: max(0, last - 1)]:
            assert getattr(sizes, name) == postgres_memory.FLOORS[name]
        taken = sum(postgres_memory.parts(sizes, load).values())
        assert taken <= memory or sizes.shared_buffers == postgres_memory.FLOORS["shared_buffers"]
        assert memory - taken < 64 or last == 0  # kB: rounding, no more
        reached.add(last)
        if taken > memory:
            break
    assert reached == {0, 1, 2, 3, 4}


def test_features_follow_the_server() -> None:
    def words(**changes: Any) -> dict[str, Any]:
        values = {"memory_mb": 16384, "cores": 16, "disk": "nvme", "max_connections": 100, "pool": 30, **changes}
        return dict(tune(**values).settings)

    assert words(version=18)["io_method"] == "worker" and words(version=18)["io_workers"] == 4
    uring = words(version=18, has_io_uring=True)
    assert uring["io_method"] == "io_uring" and "io_workers" not in uring
    assert "io_workers" not in words(version=18, cores=8)
    assert words(version=17)["wal_compression"] == "lz4"
    assert words(version=17, has_lz4=False)["wal_compression"] == "on"
    assert words(version=None) == words(version=14)
    assert words(version=19) == words(version=18)


def test_the_log_stays_within_its_disk() -> None:
    def sizes(disk: int | None) -> tuple[str | int, str | int, int]:
        found = tune(8192, 4, "ssd", 17, 100, 30, wal_disk_mb=disk)
        told = sum(note.setting == "max_wal_size" and note.reduced for note in found.notes)
        return found.settings["min_wal_size"], found.settings["max_wal_size"], told

    assert sizes(None) == sizes(100000) == ("2GB", "8GB", 0)
    assert sizes(10240) == ("1536MB", "6GB", 1)
    assert sizes(50) == ("32MB", "64MB", 1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"version": 13}, "version"),
        ({"pool": 101}, "pool"),
        ({"pool": 0}, "pool"),
        ({"memory_mb": 0}, "memory_mb"),
        ({"wal_disk_mb": 0}, "wal_disk_mb"),
        ({"disk": "tape"}, "disk"),
        ({"cores": 0}, "cpus"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], word: str) -> None:
    values = {"memory_mb": 8192, "cores": 4, "disk": "ssd", "version": 17, "max_connections": 100, "pool": 30}
    with pytest.raises(ValueError, match=word):
        tune(**{**values, **change})


def test_the_role_writes_them_as_they_are() -> None:
    found = tune(36124, 10, "nvme", 18, 80, 50)
    lines = dict(line.split(" = ") for line in render_conf(found.settings).splitlines() if not line.startswith("#"))
    assert lines == {name: f"'{value}'" for name, value in found.settings.items()}
    assert (lines["shared_buffers"], lines["jit"], lines["max_worker_processes"]) == ("'9031MB'", "'off'", "'10'")
