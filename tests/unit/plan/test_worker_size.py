"""One host alone gets what the plan of a whole cluster gives it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.worker_size import (
    SETTINGS,
    UNIT_KEYS,
    WorkerSizeError,
    worker_size,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan import plan_cases

HOST: dict[str, Any] = {"cores": 4, "memory_mb": 8192, "db_rtt_ms": 0.5}
CLUSTER_WIDE = ("breaker_pool", "job_profile", "slow_share")
ROOMY = {"mastodon_cpus": 16, "mastodon_memory_mb": 65536}
PROFILE = {"push": {"rate": 90, "wait_ms": 400}, "ingress": {"cpu_ms": 9}}


def planned(options: dict[str, Any]) -> dict[str, Any]:
    """The plan of a cluster in which the host does nothing but Sidekiq, and which has no other such host."""
    own, everybody = {}, {}
    for option, value in options.items():
        if option not in SETTINGS:
            continue
        value = {"sidekiq": value} if option == "unit_memory_mb" else value
        (everybody if option in CLUSTER_WIDE else own)[SETTINGS[option]] = value
    groups = {role: ["main"] for role in ("postgres", "redis", "puma", "streaming", "nginx")}
    groups["sidekiq_workers"] = ["worker"]
    plain = {"mastodon_pgbouncer": {"enabled": False}} if not options["pgbouncer"] else None
    plan = build(plan_cases.raw(groups, {**everybody, **(plain or {})}, main=ROOMY, worker=own))
    return dict(plan)


def same(options: dict[str, Any]) -> None:
    """Units, memory and forecast of both."""
    options = {"breaker_pool": True, "relay": True, "pgbouncer": True, "scheduler": True, **options}
    plan, alone = planned(options), worker_size("worker", options)
    share = plan["hosts"]["worker"]
    assert alone["units"] == [{key: unit[key] for key in UNIT_KEYS} for unit in share["sidekiq_workers"]]
    assert alone["memory"] == share["memory_mb"]
    assert alone["cores"] == share["cores"]
    assert alone["forecast"] == {
        queue: rate for queue, rate in plan["forecast"]["jobs_per_second"].items() if queue in alone["forecast"]
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"db_rtt_ms": 20},
        {"db_rtt_ms": 20, "breaker_pool": False},
        {"db_rtt_ms": 0.3, "redis_rtt_ms": 12.5},
        {"cpu_steal": 0.5, "memory_mb": 4096},
        {"memory_mb": 1024, "cores": 1},
        {"unit_memory_mb": 700, "slow_share": 0.3, "job_profile": PROFILE},
        {"pgbouncer": False, "cores": 3},
    ],
    ids=str,
)
def test_the_same_as_the_plan(change: dict[str, Any]) -> None:
    same({**HOST, **change})


@settings(max_examples=25)
@given(
    st.fixed_dictionaries(
        {
            "cores": st.integers(1, 64),
            "memory_mb": st.integers(1024, 65536),
            "cpu_steal": st.sampled_from([0.0, 0.1, 0.5]),
            "db_rtt_ms": st.sampled_from([0.1, 0.5, 2.0, 10.0, 60.0]),
            "redis_rtt_ms": st.sampled_from([None, 0.4, 20.0]),
            "breaker_pool": st.booleans(),
            "pgbouncer": st.booleans(),
        }
    )
)
def test_the_same_as_the_plan_whatever_the_host(options: dict[str, Any]) -> None:
    same(options)


def test_without_other_services_there_is_more_room() -> None:
    alone = worker_size("w", HOST)["memory"]
    beside = worker_size("w", {**HOST, "pgbouncer": True, "relay": True})["memory"]
    assert set(alone["claims"]) == {"system", "sidekiq_workers"}
    assert set(beside["claims"]) == {"system", "relay", "pgbouncer", "sidekiq_workers"}
    assert alone["total"] == alone["reserve"] + sum(alone["claims"].values()) + alone["free"]


def test_the_scheduler_is_where_it_is_asked_for() -> None:
    def queues(**options: Any) -> set[str]:
        return {queue for unit in worker_size("w", {**HOST, **options})["units"] for queue, _ in unit["queues"]}

    assert queues() == {"default", "push", "ingress", "mailers", "pull", "fasp"}
    assert queues(scheduler=True) == queues() | {"scheduler"}
    assert queues(queues=["push", "fasp"]) == {"push", "fasp"}
    assert queues(queues=[], scheduler=True) == {"scheduler"}


def test_a_host_for_some_queues_forecasts_those() -> None:
    some, every = worker_size("w", {**HOST, "queues": ["push", "pull"]}), worker_size("w", HOST)
    assert set(some["forecast"]) == {"push", "pull"}
    assert some["forecast"]["push"] > every["forecast"]["push"] > 0


def test_far_deliveries_tell_of_their_limit_and_the_way_out() -> None:
    far = {**HOST, "db_rtt_ms": 20, "breaker_pool": False}
    without, with_pool = worker_size("w", far), worker_size("w", {**far, "breaker_pool": True})
    assert any("at most 16 a second" in text and "breaker_pool: true" in text for text in without["warnings"])
    assert not any("breaker_pool: true" in text for text in with_pool["warnings"])
    assert any(unit["breaker_pool"] for unit in with_pool["units"])
    assert not any(unit["breaker_pool"] for unit in without["units"])


def test_what_is_assumed_is_said() -> None:
    told = worker_size("w", {"cores": 2, "memory_mb": 4096, "redis_rtt_ms": 1})["warnings"]
    assert "w: the round trip to the database was neither given nor measured: 0.5 ms assumed." in told
    assert not any("round trip to Redis" in text for text in told)
    assert not any("assumed" in text for text in worker_size("w", HOST)["warnings"])


def test_every_unit_has_its_reason() -> None:
    sized = worker_size("w", {**HOST, "db_rtt_ms": 20, "breaker_pool": False})
    explained = {kind for text in sized["why"] for kind in text.partition(":")[0].split(", ")}
    assert {re.sub(r"-\d+$", "", unit["name"]) for unit in sized["units"]} <= explained
    assert any(re.match(r"push: 10 threads: far from Redis.*limit: breaker lock", text) for text in sized["why"])
    assert sized["why"][0].startswith("4 cores, of which others take 0 %")
    assert all(text.endswith(".") for text in sized["why"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cores": 0}, "host w, cores: 0 is out of range. Fix: write a number from 1 to 1024"),
        ({"cpu_steal": 2}, "cpu_steal: 2 is out of range"),
        ({"queues": ["pusch"]}, "queues[0]: there is no queue 'pusch'. Fix: write push"),
        ({"queues": []}, "queues: [] is not a list of queues"),
        ({"job_profile": {"push": {"cpu": 1}}}, "job_profile.push.cpu: there is no such key"),
        ({"slow_share": "much"}, "slow_share: 'much' is not a number"),
        ({"unit_memory_mb": 1}, "unit_memory_mb.sidekiq: 1 is out of range"),
    ],
)
def test_refusals_use_the_names_of_options(change: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkerSizeError) as refusal:
        worker_size("w", {**HOST, **change})
    assert words in str(refusal.value) and "mastodon_" not in str(refusal.value)


def test_all_problems_at_once() -> None:
    with pytest.raises(WorkerSizeError, match="2 problems"):
        worker_size("w", {**HOST, "cores": 0, "db_rtt_ms": -1})


@pytest.mark.parametrize("memory_mb", [256, 600, 940])
def test_too_little_memory_names_what_is_enough(memory_mb: int) -> None:
    with pytest.raises(
        WorkerSizeError, match=r"no room for one Sidekiq process of 400 MB\. Fix: give it (\d+) MB"
    ) as no:
        worker_size("w", {**HOST, "memory_mb": memory_mb})
    enough = int(str(no.value).rsplit("give it ", 1)[1].split()[0])
    assert worker_size("w", {**HOST, "memory_mb": enough})["units"]
    with pytest.raises(WorkerSizeError):
        worker_size("w", {**HOST, "memory_mb": enough - 64})
