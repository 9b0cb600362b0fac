"""The simulation against measurements: real Sidekiq (sizing 4.1), real Mastodon (real-mastodon, findings 1 to 3)."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import QueueProfile

from . import model
from .engine import Load, Simulation
from .model import Host, Job, Process

# Feed inserts: counted. Deliveries: the remote answers after 50 ms. Ingress: the round trips that 25 threads at 41 ms
# show (51 jobs per second make 12, one of them the fetch).
FEED = QueueProfile(rate=0, cpu_ms=3.8, sql=11, redis=5)
DELIVERY = QueueProfile(rate=0, cpu_ms=5.2, sql=3, redis=7, wait_ms=50)
INGRESS = QueueProfile(rate=0, cpu_ms=3.9, sql=9, redis=2)
FAR = Host(cores=2, rtt_db_ms=10.5, rtt_redis_ms=10.5)
NEAR = Host(cores=2)
SECONDS = 20.0


def throughput(host: Host, processes: int, threads: int, job: Job, slices_vary: bool = True) -> float:
    """Jobs per second of alike processes that always have work."""
    load = Load(backlog={"push": 20_000}, slices_vary=slices_vary, jobs_vary=False)
    alike = [Process("here", (("push", None),), threads)] * processes
    result = Simulation({"here": host}, alike, lambda *_: job, load).run(SECONDS, warm_s=5.0).queues["push"]
    assert result.left, "the backlog must outlast the run"
    return result.rate


@pytest.mark.parametrize(
    ("processes", "threads", "cpu_ms", "wait_ms", "measured"),
    [
        # 20 ms of work and 1 ms of Sidekiq's own (sizing 4.1, column CPU)
        (1, 10, 21.0, 180, 47.7),
        (2, 10, 21.0, 180, 92.8),
        (4, 5, 21.0, 180, 86.9),
        (4, 15, 21.0, 180, 92.3),
        (1, 60, 4.8, 396, 146.5),
    ],
)
def test_constant_slices_as_on_real_sidekiq(
    processes: int, threads: int, cpu_ms: float, wait_ms: float, measured: float
) -> None:
    job = model.constant(cpu_ms, wait_ms)
    assert throughput(NEAR, processes, threads, job, slices_vary=False) == pytest.approx(measured, rel=0.06)


@pytest.mark.parametrize(
    ("processes", "threads", "breaker_pool", "measured"),
    [(1, 25, False, 28), (1, 5, False, 27), (5, 5, False, 124), (1, 25, True, 137)],
)
def test_the_breaker_limits_a_process_far_away(
    processes: int, threads: int, breaker_pool: bool, measured: float
) -> None:
    job = model.job("push", DELIVERY, FAR, breaker_pool)
    assert throughput(FAR, processes, threads, job) == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("rtt_ms, measured", [(2.3, 90), (4.3, 58), (41, 7.9)])
def test_the_breaker_at_other_distances(rtt_ms: float, measured: float) -> None:
    host = Host(2, rtt_ms, rtt_ms)
    assert throughput(host, 1, 25, model.job("push", DELIVERY, host, False)) == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize(
    ("profile", "threads", "measured"), [(INGRESS, 25, 157.5), (FEED, 25, 119), (FEED, 10, 53)], ids=str
)
def test_other_queues_far_away_need_threads(profile: QueueProfile, threads: int, measured: float) -> None:
    assert throughput(FAR, 1, threads, model.job("default", profile, FAR, False)) == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize(("threads", "measured"), [(1, 230), (2, 190), (5, 157), (10, 150)])
def test_near_the_database_threads_cost_throughput(threads: int, measured: float) -> None:
    assert throughput(NEAR, 1, threads, model.job("default", FEED, NEAR, False)) == pytest.approx(measured, rel=0.12)


@pytest.mark.parametrize("host", [NEAR, FAR], ids=["near", "far"])
@pytest.mark.parametrize(("queue", "profile"), [("default", FEED), ("push", DELIVERY)])
@pytest.mark.parametrize("threads", [1, 5, 25])
def test_merging_round_trips_changes_little(host: Host, queue: str, profile: QueueProfile, threads: int) -> None:
    merged = throughput(host, 1, threads, model.job(queue, profile, host, False))
    each = throughput(host, 1, threads, model.job(queue, profile, host, False, merge=1))
    assert merged == pytest.approx(each, rel=0.03)


def test_merging_keeps_the_sums() -> None:
    for breaker_pool in (False, True):
        merged, each = (model.job("push", DELIVERY, FAR, breaker_pool, merge) for merge in (model.MERGE, 1))
        for part in ("cpu", "commands", "wait"):
            assert sum(getattr(stage, part) for stage in merged.stages) == pytest.approx(
                sum(getattr(stage, part) for stage in each.stages)
            )
        assert len(merged.stages) < len(each.stages)


def _two_queues(weights: tuple[int | None, int | None]) -> dict[str, int]:
    job = model.constant(5, 5)
    process = Process("here", (("default", weights[0]), ("pull", weights[1])), 5)
    load = Load(backlog={"default": 5_000, "pull": 5_000})
    result = Simulation({"here": NEAR}, [process], lambda *_: job, load).run(10)
    return {name: queue.done for name, queue in result.queues.items()}


def test_strict_order_starves_and_weights_share() -> None:
    strict, weighted = _two_queues((None, None)), _two_queues((3, 1))
    assert strict["default"] > 1_000 and strict["pull"] == 0
    assert weighted["default"] / weighted["pull"] == pytest.approx(3, rel=0.1)


def test_starvation_is_seen() -> None:
    job = model.constant(5, 5)
    process = Process("here", (("default", None), ("pull", None)), 5)
    load = Load(backlog={"default": 5_000, "pull": 1})
    result = Simulation({"here": NEAR}, [process], lambda *_: job, load).run(10)
    assert result.queues["pull"].starved == pytest.approx(10)
    assert result.queues["default"].starved < 0.1


def test_waits_follow_queueing_theory() -> None:
    """One thread, exponential service of 10 ms, half busy: M/M/1, mean wait 10 ms, half of the jobs wait not at all."""
    job = model.constant(10, 0, slices=1)
    load = Load(rates={"default": 50.0}, jobs_vary=False)
    result = Simulation({"here": Host(1)}, [Process("here", (("default", None),), 1)], lambda *_: job, load).run(400)
    queue = result.queues["default"]
    assert result.cpu["here"] == pytest.approx(0.5, rel=0.03)
    assert queue.wait_p95 == pytest.approx(0.0461, rel=0.1)  # ln(0.5 / 0.05) / (100 - 50)
    assert 0 <= queue.arrived - queue.done - queue.left <= 1  # at most the one in hand


def test_the_same_seed_gives_the_same_result() -> None:
    def once(seed: int) -> model.Result:
        job = model.job("push", DELIVERY, NEAR, True)
        load = Load(rates={"push": 100.0}, slow_share=0.1)
        processes = [Process("here", (("push", 1),), 20)] * 2
        return Simulation({"here": NEAR}, processes, lambda *_: job, load, seed).run(5)

    assert once(1) == once(1)
    assert once(1) != once(2)
