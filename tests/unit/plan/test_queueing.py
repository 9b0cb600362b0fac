"""The formulas against published figures, and what must hold for any figure."""

from __future__ import annotations

import math

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import erlang, queueing
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=40)
BRIEF_S = st.floats(0.001, 0.5)
RATES = st.floats(0, 500)


def test_threads_times_processes_by_service_time() -> None:
    assert queueing.little(8, 20, 0.25) == 640


@pytest.mark.parametrize(("slow_share", "busy"), [(0, 10.4), (0.10, 49.4), (0.30, 127.3)])
def test_slow_servers_hold_threads(slow_share: float, busy: float) -> None:
    assert queueing.busy_threads(40, queueing.service_with_slow(0.26, slow_share, 10)) == pytest.approx(busy, abs=0.05)
    assert queueing.threads_needed(40, 0.26, slow_share, 10) == pytest.approx(busy / 0.8, abs=0.1)


def test_twenty_five_threads_give_way_at_four_percent() -> None:
    assert queueing.slow_share_survived(25, 40, 0.26, 10, utilisation=1) == pytest.approx(0.04, abs=0.003)


@pytest.mark.parametrize(("threads", "rate", "share"), [(1, 1000, 0), (10_000, 1, 1), (5, 0, 1)])
def test_the_survived_share_stays_a_share(threads: int, rate: float, share: float) -> None:
    assert queueing.slow_share_survived(threads, rate, 0.26, 10) == share


def test_dead_inboxes_hold_threads_although_the_breaker_opens() -> None:
    assert int(queueing.slow_threads_lost(50, 10)) == 83
    assert queueing.slow_threads_lost(50, 10, in_flight=2) == 100


@pytest.mark.parametrize(("threads", "part"), [(5, 0.49), (10, 0.852), (13, 0.95), (20, 1.0)])
def test_share_of_a_core_that_threads_reach(threads: int, part: float) -> None:
    assert queueing.mva(threads, 0.021, 0.18) * 0.021 == pytest.approx(part, abs=0.01)


def test_share_of_a_core_that_ten_threads_reach_exactly() -> None:
    assert round(queueing.mva(10, 0.021, 0.18) * 0.021, 3) == 0.852


@pytest.mark.parametrize(
    ("cpu_s", "wait_s", "t90", "t95"),
    [
        (0.015, 0.015, 3, 4),
        (0.025, 0.060, 5, 6),
        (0.041, 0.040, 3, 4),
        (0.021, 0.180, 12, 13),
        (0.006, 0.260, 45, 49),
        (0.0048, 0.396, 81, 88),
    ],
)
def test_threads_per_process(cpu_s: float, wait_s: float, t90: int, t95: int) -> None:
    assert queueing.threads_95(cpu_s, wait_s) == t95
    assert queueing.threads_95(cpu_s, wait_s, share=0.9) == t90


def test_threads_per_process_end_at_the_most_allowed() -> None:
    assert queueing.threads_95(0.0048, 0.396, most=50) == 50


@pytest.mark.parametrize(
    ("threads", "waits", "mean_ms"), [(11, 0.80, 347), (12, 0.54, 88), (14, 0.22, 16), (16, 0.077, 3.6)]
)
def test_waiting_for_a_thread(threads: int, waits: float, mean_ms: float) -> None:
    assert erlang.erlang_c(10.4, threads) == pytest.approx(waits, abs=0.006)
    assert erlang.wait_s(10.4, threads, 0.26) * 1000 == pytest.approx(mean_ms, rel=0.05)


def test_waiting_for_one_of_sixteen_threads_exactly() -> None:
    assert round(erlang.erlang_c(10.4, 16), 3) == 0.077
    assert round(erlang.wait_s(10.4, 16, 0.26), 4) == 0.0036


@pytest.mark.parametrize(("busy", "threads"), [(0.54, 3), (1.58, 5), (3.78, 8), (10.4, 17), (49.36, 63)])
def test_threads_so_that_one_job_in_twenty_waits(busy: float, threads: int) -> None:
    assert erlang.staffing(busy) == threads
    assert erlang.erlang_c(busy, threads) <= 0.05 < erlang.erlang_c(busy, threads - 1)


@pytest.mark.parametrize(("busy", "threads"), [(10.4, 16), (49.4, 61)])
def test_the_square_root_rule(busy: float, threads: int) -> None:
    assert erlang.staffing_estimate(busy) == threads


def test_erlang_of_many_threads_does_not_overflow() -> None:
    assert 0 < erlang.erlang_c(980, 1000) < 1
    assert 1000 < erlang.staffing(1000) < 1100


def test_threads_that_cannot_keep_up_wait_for_ever() -> None:
    assert erlang.erlang_c(10, 10) == 1
    assert erlang.wait_s(10, 10, 0.1) == math.inf


@pytest.mark.parametrize(("processes", "seconds"), [(1, 656), (2, 90.5)])
def test_a_backlog_burns_down(processes: int, seconds: float) -> None:
    burnt = queueing.burn_down(5000, 40, processes / 0.021)
    assert burnt.seconds == pytest.approx(seconds, abs=0.3)
    assert burnt.growth_per_s == 0


def test_a_backlog_that_grows() -> None:
    burnt = queueing.burn_down(5000, 60, 47.6)
    assert burnt.seconds is None
    assert burnt.growth_per_s == pytest.approx(12.4)


def test_catching_up_after_an_outage() -> None:
    assert queueing.catch_up(2 * 3600, 20 * 3600) == pytest.approx(1.10)
    assert queueing.recovery_s(2 * 3600, 100, 110) == pytest.approx(20 * 3600)
    assert queueing.recovery_s(3600, 100, 100) is None


def test_queue_that_is_asked_first() -> None:
    weights = {"default": 8, "push": 6, "ingress": 4, "mailers": 2, "pull": 1, "scheduler": 1, "fasp": 1}
    shares = queueing.first_polled(weights)
    assert [round(share, 3) for share in shares.values()] == [0.348, 0.261, 0.174, 0.087, 0.043, 0.043, 0.043]
    assert sum(shares.values()) == pytest.approx(1)


def test_a_deadline_names_the_side_that_binds() -> None:
    waiting = queueing.for_deadline(6000, 40, 600, 0.006, 0.26, present_threads=10, present_cores=2)
    assert (waiting.rate, waiting.binding) == (50, "waiting")
    assert waiting.missing_threads == pytest.approx(3)
    assert waiting.missing_cores == 0
    assert not waiting.met
    cpu = queueing.for_deadline(60_000, 40, 60, 0.006, 0.26, present_threads=400, present_cores=2)
    assert cpu.binding == "cpu"
    assert cpu.missing_cores == pytest.approx(1040 * 0.006 - 2)
    assert queueing.for_deadline(0, 1, 60, 0.006, 0.26, present_threads=10, present_cores=2).met


def test_page_tables_and_huge_pages() -> None:
    assert queueing.page_tables_mb(9 * 1024, 700) / 1024 == pytest.approx(12.3, abs=0.01)
    assert queueing.huge_pages(9031) == 4667


def test_redis_data_and_clients() -> None:
    assert queueing.redis_data_mb(10_000, 1.3) == 1776
    assert 8 * queueing.redis_clients_sidekiq(60) == 1528
    assert queueing.redis_clients_puma(2, 5) == 42


@pytest.mark.parametrize(("threads", "files"), [(50, 862), (100, 1112)])
def test_files_of_a_sidekiq_process(threads: int, files: int) -> None:
    assert queueing.sidekiq_files(threads) == files


@FEW
@given(BRIEF_S, BRIEF_S, st.integers(1, 60))
def test_threads_never_lower_throughput_nor_pass_the_bounds(cpu_s: float, wait_s: float, threads: int) -> None:
    fewer, more = queueing.mva(threads, cpu_s, wait_s), queueing.mva(threads + 1, cpu_s, wait_s)
    assert fewer <= more * (1 + 1e-9)
    lower, upper = queueing.bounds(threads, cpu_s, wait_s)
    assert 0 < lower <= upper <= min(threads / (cpu_s + wait_s), 1 / cpu_s)
    assert fewer == pytest.approx(lower)


@FEW
@given(BRIEF_S, BRIEF_S)
def test_threads_per_process_are_the_fewest(cpu_s: float, wait_s: float) -> None:
    threads = queueing.threads_95(cpu_s, wait_s, most=1000)
    assert queueing.mva(threads, cpu_s, wait_s) * cpu_s >= 0.95
    assert threads == 1 or queueing.mva(threads - 1, cpu_s, wait_s) * cpu_s < 0.95


@FEW
@given(st.floats(0, 200), st.integers(1, 250))
def test_more_threads_make_fewer_jobs_wait(busy: float, threads: int) -> None:
    fewer, more = erlang.erlang_c(busy, threads), erlang.erlang_c(busy, threads + 1)
    assert 0 <= more <= fewer <= 1
    assert erlang.wait_s(busy, threads + 1, 0.1) <= erlang.wait_s(busy, threads, 0.1)


@FEW
@given(st.floats(1, 1e6), RATES, RATES)
def test_what_burns_down_is_gone_after_that_time(queued: float, arrivals: float, capacity: float) -> None:
    burnt = queueing.burn_down(queued, arrivals, capacity)
    assert (burnt.seconds is None) == (capacity <= arrivals)
    assert burnt.growth_per_s == max(0.0, arrivals - capacity)
    if burnt.seconds is not None and burnt.seconds < 1e12:
        assert queued + arrivals * burnt.seconds == pytest.approx(capacity * burnt.seconds)


@FEW
@given(st.floats(1, 1e5), st.floats(0, 100), st.floats(10, 7200))
def test_a_requirement_that_is_fulfilled_meets_the_deadline(queued: float, arrivals: float, deadline_s: float) -> None:
    asked = queueing.for_deadline(queued, arrivals, deadline_s, 0.006, 0.26, 10, 1)
    given = queueing.for_deadline(queued, arrivals, deadline_s, 0.006, 0.26, asked.threads, asked.cores)
    assert given.met
    burnt = queueing.burn_down(queued, arrivals, queueing.little(1, 1, 0.26) * asked.threads)
    assert burnt.seconds == pytest.approx(deadline_s)


@FEW
@given(st.floats(0.01, 1), st.floats(0.1, 100), st.floats(1, 500))
def test_the_survived_share_is_where_the_threads_are_just_enough(service_s: float, rate: float, threads: float) -> None:
    share = queueing.slow_share_survived(threads, rate, service_s, 10)
    if 0 < share < 1:
        assert queueing.threads_needed(rate, service_s, share, 10) == pytest.approx(threads)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: queueing.little(1, 1, 0), "service_s"),
        (lambda: queueing.busy_threads(-1, 1), "rate"),
        (lambda: queueing.service_with_slow(1, 1.1, 1), "slow_share"),
        (lambda: queueing.slow_share_survived(1, 1, 2, 2), "slow_s"),
        (lambda: queueing.mva(0, 1, 1), "threads"),
        (lambda: queueing.mva(1, math.nan, 1), "cpu_s"),
        (lambda: queueing.threads_95(1, 1, share=1), "share"),
        (lambda: queueing.burn_down(-1, 1, 1), "queued"),
        (lambda: queueing.for_deadline(1, 1, 0, 1, 1, 1, 1), "deadline_s"),
        (lambda: queueing.for_deadline(1, 1, 1, 2, 1, 1, 1), "service_s"),
        (lambda: queueing.catch_up(1, 0), "recovery_s"),
        (lambda: queueing.first_polled({"push": 0}), "push"),
        (lambda: queueing.first_polled({}), "no queue"),
        (lambda: erlang.erlang_c(1, 0), "threads"),
        (lambda: erlang.wait_s(1, 2, -1), "service time"),
        (lambda: erlang.staffing(1, 0), "share"),
        (lambda: erlang.staffing_estimate(-1), "busy"),
        (lambda: queueing.redis_data_mb(-1, 1), "users_7d"),
    ],
)
def test_a_figure_out_of_range_is_named(call, named: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=named):
        call()
