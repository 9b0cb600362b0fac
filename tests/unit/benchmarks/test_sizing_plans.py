# GPL-3.0-or-later (see LICENSE)
"""From a plan to what is started, and to what is asked of the forecast."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.sizing import burn, plans
from benchmarks.sizing.model import MIXES, PLACES, Limits

LIMITS = Limits(2, 6144, 4761)


def unit(name: str, threads: int, *queues: str, **more: Any) -> dict[str, Any]:
    """A unit as in a plan."""
    found = {"name": name, "queues": [[queue, None] for queue in queues], "threads": threads, "on_demand": False}
    return {**found, "capacity": dict.fromkeys(queues, 10.0 * threads), **more}


PLAN = {
    "hosts": {
        "servers": {"sidekiq_workers": [unit("main", 10, "default")]},
        "worker": {
            "memory_mb": {"claims": {"sidekiq_workers": 1200}},
            "sidekiq_workers": [
                unit("push", 50, "push", breaker_pool=True),
                unit("latency", 5, "default", "scheduler"),
                unit("scheduler", 5, "scheduler"),
                unit("surge", 50, "push", on_demand=True),
            ],
        },
    }
}


def test_only_what_always_runs_is_started_and_no_timers() -> None:
    found = plans.configuration(PLAN, ("push",))
    assert found.shape() == "1×50 pool + 1×5"
    assert [[queue for queue, _ in one.queues] for one in found.processes] == [["push"], ["default"]]
    assert found.mixes == ("push",)
    assert found.claim_mb == 600  # two of the four that the plan claims 300 MB each for


def test_without_a_host_called_worker_the_biggest_counts() -> None:
    hosts = {"a": {"sidekiq_workers": [unit("x", 5, "push")]}, "b": {"sidekiq_workers": [unit("x", 6, "push")]}}
    assert plans.worker_of({"hosts": {**hosts, "db": {}}}) == "b"
    with pytest.raises(ValueError, match="no host with Sidekiq"):
        plans.worker_of({"hosts": {"db": {}}})


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("place", PLACES)
def test_the_inventory_asks_for_this_distance_and_these_queues(place: str, mix: str) -> None:
    children = plans.inventory(PLACES[place], mix, LIMITS, 50.0, 0.1)["mastodon"]["children"]
    worker = children["sidekiq_workers"]["hosts"]["worker"]
    assert worker["mastodon_sidekiq_queues"] == list(MIXES[mix])
    assert worker["mastodon_db_rtt_ms"] == worker["mastodon_redis_rtt_ms"] == PLACES[place].rtt_ms
    assert (worker["mastodon_cpus"], worker["mastodon_memory_mb"]) == (2, 6144)


def test_the_mixes_are_five_and_one_never_ends() -> None:
    assert len(burn.MIXES) == 5
    assert [mix.name for mix in burn.MIXES if any(share > 1 for share in mix.arrivals.values())] == [
        "more than it can do"
    ]
    assert {mix.place for mix in burn.MIXES} == {"near", "far20"}


def test_backlogs_follow_the_plan() -> None:
    units = plans.units_of(PLAN)
    capacity = burn.capacities(units, ("push", "default", "ingress"))
    assert capacity == {"push": 500.0, "default": 50.0, "ingress": 0.0}
    backlog, arrivals = burn.jobs(burn.Mix("x", "near", {"push": 8}, {"push": 0.3}), capacity)
    assert backlog == {"push": 4000} and arrivals == {"push": 150.0}


def test_cores_bound_what_units_could_do() -> None:
    costs = {"push": {"cpu_s": 0.006}, "default": {"cpu_s": 0.004}}
    assert burn.possible({"push": 900.0, "default": 50.0}, costs, 1.5) == {"push": 250.0, "default": 50.0}
    assert burn.cores_there(2, [1.6, 1.95]) == 1.95
    assert burn.cores_there(2, [0.3, 0.6]) == 2.0


@pytest.mark.parametrize("mix", burn.MIXES, ids=lambda mix: mix.name)
def test_the_collection_forecasts_each_mix(mix: burn.Mix) -> None:
    units = [unit("push", 25, "push"), unit("default", 2, "default"), unit("ingress", 10, "ingress")]
    costs = burn.costs_of(PLACES[mix.place], 50.0, {"push": 6.2, "default": 4.5, "ingress": 7.0})
    queues = dict.fromkeys([*mix.backlog_s, *mix.arrivals])
    backlog, arrivals = burn.jobs(mix, burn.possible(burn.capacities(units, queues), costs, 1.6))
    told = burn.forecast(units, costs, 1.6, backlog, arrivals)
    grows = any(share > 1 for share in mix.arrivals.values())
    assert {queue: seconds is None for queue, seconds in told.items()} == dict.fromkeys(mix.backlog_s, grows)
    assert all(0 < seconds < 90 for seconds in told.values() if seconds is not None)


def test_the_question_names_who_serves_a_queue_and_who_helps() -> None:
    helping = unit("ingress-1", 5, "ingress", "default")
    helping["queues"] = [["ingress", 8], ["default", 1]]
    units = [*plans.units_of(PLAN), helping]
    costs = {"push": {"cpu_s": 0.005, "service_s": 0.06}, "default": {"cpu_s": 0.004, "service_s": 0.005}}
    asked, able = burn.question(units, {"push": 4000}, {"default": 3.0}, costs)
    assert able == {"push": (500.0, 500.0), "default": (50.0, 50.0)}
    assert asked["push"]["threads"] == 50 and asked["push"]["unit"] != asked["default"]["unit"]
    assert asked["default"] == {
        **{"queued": 0, "arrivals": 3.0, "threads": 10, "processes": 1, "unit": "latency", "weight": 1.0},
        "helpers": [{"unit": "ingress", "processes": 1, "weight": 1.0, "capacity": (50.0, 50.0)}],
        **costs["default"],
    }


def test_the_middle_of_a_forecast_is_what_is_measured_against() -> None:
    answer = {"queues": {"a": {"clear_s": [10.0, 20.0]}, "b": {"clear_s": None}, "c": {"clear_s": [4.0, None]}}}
    told = burn.expected(answer)
    assert told == {"a": 15.0, "b": None, "c": 4.0}
    assert burn.limit(told) == 35.0
    assert burn.limit({"b": None}) == burn.NEVER_AFTER_S
