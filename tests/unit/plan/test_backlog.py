"""Forecasts of backlogs: alone, side by side, with retries and with a deadline."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import backlog, queueing
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import backlog_words as words
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=40)


def _job(queued: float, arrivals: float = 0, **more: Any) -> dict[str, Any]:
    return {"queued": queued, "arrivals": arrivals, "cpu_s": 0.01, "service_s": 0.1, **more}


def _clear(answer: dict[str, Any], queue: str) -> Any:
    return answer["queues"][queue]["clear_s"]


def test_one_backlog_between_the_bounds() -> None:
    capacity = tuple(2 * one for one in queueing.bounds(10, 0.021, 0.18))
    queue = {"queued": 5000, "arrivals": 40, "cpu_s": 0.021, "service_s": 0.201}
    answer = backlog.forecast({"push": queue}, {"push": capacity}, cores=2)
    assert _clear(answer, "push") == [pytest.approx(90.5, abs=0.1), pytest.approx(121.5, abs=0.1)]
    assert _clear(answer, "push")[0] < 109.6 < _clear(answer, "push")[1]  # what the simulation of sizing 1.11 gave
    assert answer["queues"]["push"]["sentence"] == "clear in 91 s to 2 min"


def test_a_queue_that_grows() -> None:
    answer = backlog.forecast({"push": _job(5000, 60)}, {"push": (47.6, 48)})
    assert _clear(answer, "push") is None
    assert answer["queues"]["push"]["grows_per_s"] == 12.4
    assert answer["queues"]["push"]["sentence"] == "never, grows 12 a second"
    assert answer["sentence"] == "push: never, grows 12 a second"


def test_a_queue_that_perhaps_grows() -> None:
    answer = backlog.forecast({"push": _job(4800, 50)}, {"push": (48, 60)})
    assert _clear(answer, "push") == [480, None]
    assert answer["queues"]["push"]["sentence"] == "clear in 8 min at best; at worst never, grows 2 a second"


def test_a_queue_that_nobody_serves() -> None:
    answer = backlog.forecast({"pull": _job(1), "push": _job(0)}, {"push": (1, 1)})
    assert answer["queues"]["pull"]["sentence"] == "never, nobody serves it"
    assert answer["queues"]["push"]["sentence"] == "clear now"
    late = backlog.forecast({"pull": _job(10, threads=5)}, {}, deadline_s=10, cores=1)["queues"]["pull"]["deadline"]
    assert late["units_factor"] is None
    assert "some processes that serve it" in late["sentence"]


def test_new_jobs_of_other_queues_take_their_part() -> None:
    queues = {"default": _job(0, 40), "push": _job(4200)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, cores=1)
    assert _clear(answer, "push") == [70, 70]  # 60 of the core's 100 jobs a second are left
    assert _clear(answer, "default") == [0, 0]


def test_a_backlog_squeezes_a_queue_that_needs_more_than_its_share() -> None:
    queues = {"default": _job(0, 60), "push": _job(4000)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, cores=1)
    assert _clear(answer, "push") == [80, 80]
    assert _clear(answer, "default") == [100, 100]  # 10 a second more for 80 s, then 40 a second less


def test_queues_of_one_process_are_bound_by_its_core_or_by_its_threads() -> None:
    queues = {
        "push": {"queued": 1000, "cpu_s": 0.005, "service_s": 0.5, "unit": "all", "weight": 1},
        "default": {"queued": 1000, "cpu_s": 0.005, "service_s": 0.01, "unit": "all", "weight": 1},
    }
    answer = backlog.forecast(queues, {"push": (40, 40), "default": (200, 200)}, cores=2)
    assert _clear(answer, "push")[0] == pytest.approx(1000 / 40, rel=0.03)  # 20 threads, hardly disturbed
    assert _clear(answer, "default")[0] == pytest.approx(1000 / 40, rel=0.03)  # taken in turn with slow jobs


def test_two_backlogs_share_the_cores_and_the_rest_gets_all() -> None:
    queues = {"default": _job(1000), "push": _job(2000)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, cores=1)
    assert _clear(answer, "default") == [20, 20]
    assert _clear(answer, "push") == [30, 30]
    enough = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, cores=2)
    assert [_clear(enough, name)[0] for name in queues] == [10, 20]


def test_more_processes_get_more_of_the_cores() -> None:
    queues = {"default": _job(1000, processes=1), "push": _job(3000, processes=3)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (300, 300)}, cores=1)
    assert _clear(answer, "default") == _clear(answer, "push") == [40, 40]


def test_queues_of_one_process_share_its_threads_by_weight() -> None:
    queues = {"push": _job(3000, unit="network", weight=6), "pull": _job(500, unit="network", weight=1)}
    answer = backlog.forecast(queues, {"push": (70, 70), "pull": (70, 70)}, cores=4)
    assert _clear(answer, "push") == _clear(answer, "pull") == [50, 50]


def test_what_a_waiting_queue_cannot_use_goes_to_the_other() -> None:
    queues = {"pull": _job(100, service_s=1.0, threads=10), "default": _job(900)}
    answer = backlog.forecast(queues, {"pull": (10, 10), "default": (200, 200)}, cores=1)
    assert _clear(answer, "pull") == _clear(answer, "default") == [10, 10]


def test_retries_count_if_they_return_before_the_end() -> None:
    soon = backlog.forecast({"push": _job(1000, retries=[[50, 500], [400, 500]])}, {"push": (10, 10)})
    assert _clear(soon, "push") == [150, 150]
    assert soon["queues"]["push"]["retries_within"] == 500
    now = backlog.forecast({"push": _job(1000, retries=500)}, {"push": (10, 10)})
    assert _clear(now, "push") == [150, 150]


def test_retries_that_return_take_from_other_queues() -> None:
    queues = {"default": _job(0, retries=[[10, 1000]]), "push": _job(3000)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, cores=1)
    assert _clear(answer, "default") == [0, 0]
    assert _clear(answer, "push") == [40, 40]


def test_when_failed_jobs_return() -> None:
    assert [backlog.retry_delay_s(n) for n in range(1, 6)] == [16, 31, 96, 271, 640]
    assert backlog.retry_waves(100, 0.5, retries=3) == [(15, 100), (31, 50), (62, 25)]
    assert len(backlog.retry_waves(100)) == 16
    assert backlog.retry_waves(100, 0) == [(15, 100)]


def test_a_deadline_that_waiting_misses() -> None:
    queue = {"queued": 6000, "arrivals": 40, "cpu_s": 0.006, "service_s": 0.25, "threads": 12}
    answer = backlog.forecast({"push": queue}, {"push": (45, 48)}, deadline_s=600, cores=2)
    asked = answer["queues"]["push"]["deadline"]
    assert (asked["met"], asked["binding"]) == ("no", "waiting")
    assert (asked["rate_per_s"], asked["threads"], asked["missing_threads"], asked["missing_cores"]) == (50, 12.5, 1, 0)
    assert asked["sentence"] == "not in time: 50 a second needed: 1 more thread; waiting binds"
    assert answer["deadline"]["sentence"] == f"push: {asked['sentence']}"


def test_a_deadline_that_the_processor_misses_names_one_sum_for_all() -> None:
    queues = {"default": _job(9000, 10, threads=100), "push": _job(9000, 10, threads=100)}
    answer = backlog.forecast(queues, {"default": (100, 100), "push": (100, 100)}, deadline_s=100, cores=1.5)
    assert answer["deadline"]["cores"] == 2
    assert answer["deadline"]["missing_cores"] == 0.5
    for queue in queues:
        asked = answer["queues"][queue]["deadline"]
        assert (asked["binding"], asked["missing_cores"], asked["missing_threads"]) == ("cpu", 0.5, 0)
        assert "0.5 more cores; CPU binds" in asked["sentence"]


def test_a_deadline_that_one_process_cannot_meet_with_threads_and_cores_to_spare() -> None:
    queue = {"queued": 6000, "arrivals": 0, "cpu_s": 0.021, "service_s": 0.2, "threads": 60}
    answer = backlog.forecast({"push": queue}, {"push": (47, 47.6)}, deadline_s=75, cores=2)
    asked = answer["queues"]["push"]["deadline"]
    assert (asked["missing_threads"], asked["missing_cores"], asked["binding"]) == (0, 0, "cpu")
    assert asked["units_factor"] == 1.7
    assert "1.8 times the processes that serve it; CPU binds" in asked["sentence"]


def test_a_breaker_lock_counts_as_waiting() -> None:
    queue = {"queued": 6000, "arrivals": 0, "cpu_s": 0.006, "service_s": 0.5, "threads": 50}
    answer = backlog.forecast({"push": queue}, {"push": (16, 16)}, deadline_s=100, cores=2)
    assert answer["queues"]["push"]["deadline"]["binding"] == "waiting"


@pytest.mark.parametrize(("deadline_s", "met"), [(700, "yes"), (550, "perhaps"), (300, "no")])
def test_a_deadline_is_met_surely_perhaps_or_not(deadline_s: float, met: str) -> None:
    answer = backlog.forecast({"push": _job(6000, 0)}, {"push": (10, 12)}, deadline_s=deadline_s)
    assert answer["deadline"]["met"] == answer["queues"]["push"]["deadline"]["met"] == met


def test_mastodons_queues_need_no_costs() -> None:
    answer = backlog.forecast({"push": {"queued": 900}, "fasp": {}}, {"push": (90, 100), "fasp": (1, 1)}, 60)
    assert _clear(answer, "push") == [9, 10]
    assert answer["deadline"]["sentence"] == "in time"


def test_all_problems_in_one_message() -> None:
    queues = {
        "push": {"queued": -1, "arrivals": "many", "priority": 1},
        "pull": {"retries": [[1]], "weight": 0},
        "jobs": {"queued": 1},
        "default": {"service_s": 0.0001},
    }
    with pytest.raises(ValueError) as raised:
        backlog.forecast(queues, {"push": (2, 1)}, deadline_s=0, cores=-1)
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "deadline_s",
        "cores",
        "queues.default.service_s",
        "queues.jobs",
        "queues.pull.weight",
        "queues.pull.retries",
        "queues.push.priority",
        "queues.push.queued",
        "queues.push.arrivals",
        "capacities.push",
    ]


@pytest.mark.parametrize(
    ("fast", "slow", "phrase"),
    [
        (480, 660, "8 to 11 min"),
        (90, 240, "90 s to 4 min"),
        (480, 490, "8 min"),
        (3, 4, "3 to 4 s"),
        (7200, 10800, "2 to 3 h"),
        (400_000, 900_000, "5 to 10 days"),
        (119.6, 119.6, "2 min"),
    ],
)
def test_spans_in_words(fast: float, slow: float, phrase: str) -> None:
    assert words.span(fast, slow) == phrase


@pytest.mark.parametrize(
    ("per_s", "phrase"),
    [
        (12.4, "grows 12 a second"),
        (0.05, "grows 3 a minute"),
        (0.001, "grows 3.6 an hour"),
        (0, "does not shrink"),
    ],
)
def test_growth_in_words(per_s: float, phrase: str) -> None:
    assert words.growth(per_s) == phrase


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, tuple[float, float]], float]:
    names = draw(st.lists(st.sampled_from(["default", "push", "pull", "ingress"]), min_size=1, unique=True))
    queues, capacities = {}, {}
    for name in names:
        cpu_s = draw(st.floats(0.001, 0.1))
        queues[name] = {
            "queued": draw(st.integers(0, 100_000)),
            "arrivals": draw(st.floats(0, 100)),
            "retries": draw(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 1000)), max_size=3)),
            "cpu_s": cpu_s,
            "service_s": cpu_s + draw(st.floats(0, 1)),
            "unit": draw(st.sampled_from(["a", "b", name])),
            "processes": draw(st.integers(1, 8)),
        }
        lower = draw(st.floats(0.1, 300))
        capacities[name] = (lower, lower * draw(st.floats(1, 2)))
    return queues, capacities, draw(st.floats(0.1, 16))


@FEW
@given(cases())
def test_a_forecast_is_plain_data_and_consistent(case: tuple[Any, Any, float]) -> None:
    queues, capacities, cores = case
    answer = backlog.forecast(queues, capacities, deadline_s=600, cores=cores)
    assert json.loads(json.dumps(answer)) == answer
    assert list(answer["queues"]) == sorted(queues)
    for name, queue in answer["queues"].items():
        if queue["clear_s"] is None:
            assert queue["sentence"].startswith("never")
            continue
        fast, slow = queue["clear_s"]
        alone = queueing.burn_down(queues[name]["queued"], queues[name]["arrivals"], capacities[name][1])
        assert slow is None or fast <= slow
        assert alone.seconds is not None and alone.seconds <= fast + 0.1  # company never makes it faster


@FEW
@given(st.integers(1, 100_000), st.floats(0, 100), st.floats(0.1, 100))
def test_one_queue_alone_burns_down_by_the_formula(queued: int, arrivals: float, capacity: float) -> None:
    answer = backlog.forecast({"push": _job(queued, arrivals)}, {"push": (capacity, capacity)})
    seconds = queueing.burn_down(queued, arrivals, capacity).seconds
    if seconds is None or seconds < 1e9:
        expected = None if seconds is None else [pytest.approx(seconds, abs=0.06, rel=1e-6)] * 2
        assert _clear(answer, "push") == expected


@FEW
@given(cases())
def test_the_last_backlog_ends_when_the_processor_has_done_all(case: tuple[Any, Any, float]) -> None:
    queues, _, cores = case
    for queue in queues.values():
        queue.update(arrivals=0, retries=0, unit="all")
    wide = dict.fromkeys(queues, (1e6, 1e6))
    answer = backlog.forecast(queues, wide, cores=cores)
    work = sum(queue["queued"] * queue["cpu_s"] for queue in queues.values())
    assert max(_clear(answer, name)[1] for name in queues) == pytest.approx(work / cores, rel=0.02, abs=0.2)
