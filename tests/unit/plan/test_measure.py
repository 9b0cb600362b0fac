"""What readings of a host mean."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import measure

# proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guest time is within user.
BEFORE = "cpu  1000 0 500 8000 100 0 0 400 300 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n"
AFTER = "cpu  1100 0 550 8100 100 0 0 550 400 0\ncpu0 9 9 9 9 9 9 9 9 9 9\nintr 2\n"


def test_the_line_of_all_cores_counts() -> None:
    assert measure.ticks(BEFORE) == measure.Ticks(total=10_000, idle=8100, steal=400)


def test_old_kernels_know_no_steal() -> None:
    assert measure.ticks("cpu  10 0 5 80 5\n") == measure.Ticks(100, 85, 0)
    assert measure.cpu("", "") == measure.Cpu(0.0, 0.0, 0.0, 0.0)


def test_shares_of_a_sample_and_since_boot() -> None:
    found = measure.cpu(BEFORE, AFTER)
    assert (found.sample, found.busy) == (0.38, 0.38)  # 150 of 400 ticks each, 100 idle
    assert found.since_boot == 0.05  # 550 of 10,400
    assert found.steal == found.sample


def test_a_quiet_sample_does_not_hide_what_was_stolen_before() -> None:
    quiet = BEFORE.replace("8000", "8300")
    found = measure.cpu(BEFORE, quiet)
    assert found.sample == 0 and found.steal == found.since_boot == 0.04


def test_counters_that_run_backwards_are_no_negative_share() -> None:
    found = measure.cpu(AFTER, BEFORE)
    assert (found.sample, found.busy) == (0, 0)
    assert measure.cpu(BEFORE, BEFORE.replace("400 300", "390 300").replace("8000", "8100")).sample == 0


@pytest.mark.parametrize(("steal", "planned"), [(0.0, 0.0), (0.01, 0.0), (0.02, 0.02), (0.3, 0.3), (0.97, 0.9)])
def test_what_goes_into_a_plan(steal: float, planned: float) -> None:
    assert measure.worth(steal) == planned


@pytest.mark.parametrize(
    ("tries", "ms"), [([0.41, 0.44, 9.0, 0.43, 0.42], 0.4), ([0.02], 0.1), ([20.06, 19.9, 20.3], 20.1)]
)
def test_one_figure_of_several_tries(tries: list[float], ms: float) -> None:
    assert measure.settle(tries) == ms


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [(10, 12, False), (10, 12.1, True), (12.1, 10, True), (0.1, 0.1, False), (0.5, 0.6, False)],
)
def test_distances_worth_a_figure_each(one: float, other: float, apart: bool) -> None:
    assert measure.differ(one, other) is apart
