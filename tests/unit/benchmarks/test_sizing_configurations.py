# GPL-3.0-or-later (see LICENSE)
"""Who is compared, and in which order."""

from __future__ import annotations

import pytest

from benchmarks.sizing import configurations
from benchmarks.sizing.model import CLAIM_MB, MIXES, PLACES, Configuration, Limits, Process

NEAR, FAR = PLACES["near"], PLACES["far20"]


def test_the_sweep_is_bounded_by_memory_only() -> None:
    all_of_them = configurations.sweep(NEAR, 100_000)
    assert len(all_of_them) == len(configurations.SWEEP_PROCESSES) * len(configurations.SWEEP_THREADS)
    assert {one.shape() for one in all_of_them} >= {"1×1", "6×50"}
    small = configurations.sweep(NEAR, 2 * CLAIM_MB)
    assert {len(one.processes) for one in small} == {1, 2}
    assert len(small) == 2 * len(configurations.SWEEP_THREADS)


def test_far_away_the_sweep_has_the_pool_too() -> None:
    far = configurations.sweep(FAR, 100_000)
    pooled = [one for one in far if all(process.breaker_pool for process in one.processes)]
    # Without it the small ones alone: there, more threads only wait for the same connection.
    others = [one for one in far if one not in pooled]
    assert len(pooled) == len(configurations.SWEEP_PROCESSES) * len(configurations.FAR_SWEEP_THREADS)
    assert {process.threads for one in others for process in one.processes} == {5}
    assert len({one.name for one in far}) == len(far)


def test_no_peer_has_the_pool_and_all_serve_what_is_measured() -> None:
    for one in configurations.peers(2):
        assert not any(process.breaker_pool for process in one.processes), one.name
        assert all(configurations.measures(one, mix, FAR) for mix in MIXES), one.name


@pytest.mark.parametrize(("cores", "chaos", "per_core"), [(1, 1, 1), (2, 2, 2), (4, 3, 4), (10, 8, 10)])
def test_layouts_of_several_hosts_are_scaled(cores: int, chaos: int, per_core: int) -> None:
    by_name = {one.name: one for one in configurations.peers(cores)}
    assert by_name["chaos.social n×60"].shape() == f"{chaos}×60"
    assert by_name["20 threads per core"].shape() == f"{per_core}×20"
    assert by_name["tooting.ch 4×15"].shape() == "4×15"


def test_what_does_not_fit_is_named() -> None:
    kept, without = configurations.fitting(configurations.peers(2), Limits(2, 2048, 2 * CLAIM_MB))
    assert "tooting.ch 4×15" in without
    assert all(one.claim_mb <= 2 * CLAIM_MB for one in kept)
    assert len(kept) + len(without) == len(configurations.peers(2))


def test_each_repetition_has_its_order_and_each_run_the_same() -> None:
    all_of_them = configurations.sweep(NEAR, 100_000)
    first, second = (configurations.shuffled(all_of_them, 1, "near", number) for number in (0, 1))
    assert first != second
    assert first == configurations.shuffled(all_of_them, 1, "near", 0)
    assert set(first) == set(second) == set(all_of_them)


def test_the_pool_is_measured_where_it_matters() -> None:
    pooled = Configuration("p", "sweep", (Process(configurations.WEIGHTED, 5, True),), 400)
    assert [mix for mix in MIXES if configurations.measures(pooled, mix, FAR)] == ["push", "mix"]


def test_a_configuration_for_one_queue_is_not_measured_on_others() -> None:
    only = Configuration("x", "plan", (Process((("push", None),), 5),), 400)
    assert [mix for mix in MIXES if configurations.measures(only, mix, NEAR)] == ["push"]
    told = Configuration("x", "plan", (Process(configurations.WEIGHTED, 5),), 400, ("ingress",))
    assert [mix for mix in MIXES if configurations.measures(told, mix, NEAR)] == ["ingress"]


def test_shapes_can_be_read() -> None:
    split = next(one for one in configurations.peers(2) if one.name == "NixOS split")
    assert split.shape() == "1×25 + 2×5 + 1×10"
    assert [one.shape() for one in configurations.quick()] == ["1×50", "1×50 pool", "10×5"]
