"""What one process does, against what Mastodon 4.6.5 did (real-mastodon 1.1 to 1.3), and the units that follow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import capacity, sidekiq
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.capacity import Distance
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import QUEUES
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT, QueueProfile

JOBS = DEFAULT.queues
# The jobs that were measured, alone: one thread's processor time, statements and commands (real-mastodon 1.3 and 2).
# The mix of ingress made about 12 round trips (490 ms at 41 ms, 1.2). The inbox answered at once.
FEED = QueueProfile(rate=1, cpu_ms=3.8, sql=11, redis=5)
INGRESS = QueueProfile(rate=1, cpu_ms=3.9, sql=9, redis=3)
PUSH = QueueProfile(rate=1, cpu_ms=5.2, sql=3, redis=7)


def jobs(queue: str, job: QueueProfile, threads: int, ms: float, pool: bool = False) -> float:
    """Jobs a second of one process."""
    return capacity.unit(queue, job, threads, Distance(ms, ms), pool).per_second


@pytest.mark.parametrize(
    ("ms", "threads", "measured"), [(2.3, 25, 90), (4.3, 25, 58), (10.5, 25, 28), (10.5, 5, 27), (41, 25, 7.9)]
)
def test_a_far_process_delivers_what_its_breaker_lets_through(ms: float, threads: int, measured: float) -> None:
    assert jobs("push", PUSH, threads, ms) == pytest.approx(measured, rel=0.15)
    assert capacity.unit("push", PUSH, threads, Distance(ms, ms), False).binding == capacity.BREAKER


def test_five_processes_of_five_threads_deliver_several_times_what_one_of_25_does() -> None:
    assert 5 * jobs("push", PUSH, 5, 10.5) == pytest.approx(124, rel=0.15)
    assert 5 * jobs("push", PUSH, 5, 10.5) > 4 * jobs("push", PUSH, 25, 10.5)


@pytest.mark.parametrize(("ms", "threads", "measured"), [(10.5, 25, 137), (41, 25, 64), (41, 50, 115)])
def test_the_breaker_pool_lifts_it(ms: float, threads: int, measured: float) -> None:
    found = jobs("push", PUSH, threads, ms, pool=True)
    assert found == pytest.approx(measured, rel=0.15)
    assert found > 4 * jobs("push", PUSH, threads, ms)


def test_near_the_core_binds_deliveries() -> None:
    assert 142 * 0.85 <= jobs("push", PUSH, 25, 0.1) <= 185 * 1.15
    assert capacity.unit("push", PUSH, 25, Distance(0.1, 0.1), False).binding == capacity.CORE


@pytest.mark.parametrize(
    ("job", "threads", "ms", "measured"),
    [(FEED, 10, 10.5, 53), (FEED, 25, 10.5, 119), (FEED, 25, 41, 36), (INGRESS, 25, 10.5, 157), (INGRESS, 25, 41, 51)],
)
def test_far_away_the_other_queues_scale_with_threads(
    job: QueueProfile, threads: int, ms: float, measured: float
) -> None:
    assert jobs("default", job, threads, ms) == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize(
    ("job", "threads", "measured"),
    [
        (FEED, 1, 230),
        (FEED, 2, 190),
        (FEED, 5, 157),
        (FEED, 10, 150),
        (FEED, 25, 162),
        (INGRESS, 1, 219),
        (INGRESS, 5, 186),
        (INGRESS, 25, 185),
    ],
)
def test_near_the_database_threads_cost_throughput(job: QueueProfile, threads: int, measured: float) -> None:
    # Database and Redis were on the same host.
    assert jobs("default", job, threads, 0.0) == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("queue", QUEUES)
def test_more_distance_is_never_worth_more(queue: str) -> None:
    for threads in (1, 5, 25, 50):
        found = [jobs(queue, JOBS[queue], threads, ms) for ms in (0.0, 0.5, 2, 5, 10, 20, 50)]
        assert found == sorted(found, reverse=True)


def room(ms: float, memory_mb: int = 16_000, cores: float = 4, pool: bool = True) -> sidekiq.Room:
    """A host for all queues but the scheduler."""
    queues = tuple(queue for queue in QUEUES if queue != "scheduler")
    return sidekiq.Room(cores, memory_mb, 400, Distance(ms, ms), queues, False, pool, DEFAULT)


def kinds(given: sidekiq.Room) -> dict[str, sidekiq.Chosen]:
    """What is chosen, by name."""
    return {each.kind.name: each for each in sidekiq.choose(given)}


def test_near_the_database_processes_have_few_threads() -> None:
    assert kinds(room(0.1))["latency"].threads <= 3


def test_far_away_they_have_many() -> None:
    near, far = kinds(room(0.1)), kinds(room(20))
    assert far["latency"].threads >= 5 and far["latency"].threads > near["latency"].threads
    assert sum(each.threads * each.processes for each in far.values()) > sum(
        each.threads * each.processes for each in near.values()
    )
    assert far["push"].breaker_pool and not near["push"].breaker_pool


def test_far_away_without_the_breaker_pool_deliveries_get_several_small_processes() -> None:
    with_pool, without = kinds(room(20))["push"], kinds(room(20, pool=False))["push"]
    assert without.threads <= 10 and not without.breaker_pool
    assert without.wanted > with_pool.wanted and without.processes > 1
    limit = capacity.breaker_limit(Distance(20, 20))
    assert without.wanted * limit >= sidekiq._scale(room(20)) * JOBS["push"].rate


@pytest.mark.parametrize("memory_mb", [0, 399, 400, 800, 1200, 1600, 2000, 2800, 4000, 8000])
@pytest.mark.parametrize("ms", [0.1, 20])
def test_memory_is_never_given_twice_and_no_queue_is_forgotten(memory_mb: int, ms: float) -> None:
    given = room(ms, memory_mb)
    found = sidekiq.choose(given)
    assert sum(each.processes for each in found) * 400 <= memory_mb
    served = {queue for each in found for queue, _ in each.kind.queues}
    assert served == (set(given.queues) if memory_mb >= 400 else set())
    for each in found:
        assert each.processes >= 1
        assert each.processes >= each.wanted or each.binding == "memory"


def test_where_memory_is_short_it_is_squeezed_and_said() -> None:
    wide, tight = kinds(room(0.1, 40_000, cores=8)), kinds(room(0.1, 2000, cores=8))
    assert sum(each.processes for each in tight.values()) == 5 < sum(each.processes for each in wide.values())
    assert any(each.binding == "memory" for each in tight.values())
    assert not any(each.binding == "memory" for each in wide.values())


def test_a_measured_profile_moves_the_choice() -> None:
    heavy = replace(JOBS["pull"], rate=60.0)
    given = replace(room(0.1), profile=replace(DEFAULT, queues={**JOBS, "pull": heavy}))
    assert kinds(given)["pull"].processes > kinds(room(0.1))["pull"].processes


def test_the_scheduler_has_a_process_of_its_own_where_there_is_room() -> None:
    given = replace(room(0.1), scheduler=True, queues=QUEUES)
    assert [each.processes for each in sidekiq.choose(given) if each.kind.name == "scheduler"] == [1]
    only = sidekiq.choose(replace(given, queues=("scheduler",)))
    assert [(each.kind.name, each.processes) for each in only] == [("scheduler", 1)]
