"""Invariants of sizing 2.3 on random clusters, and what joining, leaving and growing may change."""

from __future__ import annotations

import copy
import json
from typing import Any

import invariants
import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import capacity, profile, queueing
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from plan_strategies import clusters

from tests import golden

# A cluster of 200 hosts is a long text, and wanted whole when it fails.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
# Without shrinking: a failing example is printed as found, at once.
FEW = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FEW
@given(clusters())
def test_every_invariant_holds(inventory: dict[str, Any]) -> None:
    invariants.hold(build(inventory))


def test_all_of_them_are_looked_at() -> None:
    numbers = {check.__name__.split("_")[0] for check in invariants.ALL}
    # I14 (kernel settings are never lowered) is the role's, I18 (growing never hurts) is below, I8 is with I7.
    assert numbers == {f"i{number}" for number in range(1, 18)} - {"i8", "i14"}


@pytest.mark.parametrize("layout", golden.layouts())
def test_they_hold_for_every_shipped_inventory(layout: str) -> None:
    invariants.hold(golden.plan(layout))


@FEW
@given(clusters(most=40))
def test_the_same_input_gives_the_same_bytes(inventory: dict[str, Any]) -> None:
    before = copy.deepcopy(inventory)
    first = json.dumps(build(inventory))
    assert inventory == before, "the input was changed"
    assert json.dumps(build(copy.deepcopy(inventory))) == first


def without_what_may_move(plan: dict[str, Any], newcomer: str, more_allowed: bool) -> dict[str, Any]:
    """A plan less the newcomer, pool sizes, who may connect, and what is said of the whole.

    more_allowed: whether the pools of so many hosts are more than PostgreSQL allowed before.
    """
    kept = copy.deepcopy(plan)
    for part in ("ledger", "forecast", "why", "warnings"):
        del kept[part]
    kept["hosts"].pop(newcomer, None)
    kept["cluster"]["hosts"]["sidekiq_workers"] = [
        name for name in kept["cluster"]["hosts"]["sidekiq_workers"] if name != newcomer
    ]
    for host in kept["hosts"].values():
        if "pgbouncer" in host:
            # Pool, reserve, and the descriptors that follow from them.
            del host["pgbouncer"]["pools"], host["pgbouncer"]["nofile"]
            del host["limits"]["nofile"]["pgbouncer"], host["limits"]["sysctl"]["fs.file-max"]
        if "postgres" in host:
            # Memory for more connections is the settings'.
            for key in ("max_connections", "settings", "nr_hugepages") if more_allowed else ():
                del host["postgres"][key]
            if more_allowed:
                del host["limits"]
            host["postgres"]["clients"] = [one for one in host["postgres"]["clients"] if one["host"] != newcomer]
        for redis in host.get("redis", ()):
            del redis["maxclients"]  # beyond Redis' own default it follows the clients
        if "firewall" in host:
            host["firewall"]["clients"] = [one for one in host["firewall"]["clients"] if one["host"] != newcomer]
        if "nginx" in host:
            host["nginx"]["app_addresses"] = [one for one in host["nginx"]["app_addresses"] if one != "10.41.0.1"]
    return kept


@FEW
@given(clusters(most=60), st.integers(1, 8), st.integers(2048, 32768))
def test_a_new_worker_host_moves_nobody_and_leaves_no_trace(inventory: dict[str, Any], cores: int, memory: int) -> None:
    size = {"mastodon_cpus": cores, "mastodon_memory_mb": memory}
    # A setting of the whole cluster is on every host.
    some = next(iter(inventory["hosts"].values()))
    shared = {name: some[name] for name in some if name not in ("mastodon_address", "mastodon_disk", *size)}
    joined = cases.with_worker(inventory, "newcomer", "10.41.0.1", **{**shared, **size})
    before, after = build(inventory), build(joined)
    invariants.hold(after)
    assert list(after["hosts"]) == [*before["hosts"], "newcomer"]
    ledger = after["ledger"]
    opened = sum(ledger[key] for key in ("server_pool", "reserve", "direct", "reserved"))
    more = not ledger["server_pool"] or opened > before["ledger"]["max_connections"]
    now, then = (without_what_may_move(plan, "newcomer", more) for plan in (after, before))
    assert now["cluster"] == then["cluster"]
    for name, host in then["hosts"].items():
        for part, value in host.items():
            assert now["hosts"][name][part] == value
    assert more or after["ledger"]["max_connections"] == before["ledger"]["max_connections"]
    assert json.dumps(build(inventory)) == json.dumps(before)


@FEW
@given(st.integers(1, 150), st.integers(1, 150))
def test_more_threads_by_wish_move_no_limit_of_postgresql(few: int, many: int) -> None:
    def wished(threads: int) -> dict[str, Any]:
        unit = {"name": "all", "queues": ["default", "ingress", "mailers", "push", "pull", "fasp"], "threads": threads}
        return build(cases.four(worker={"mastodon_sidekiq_workers": [unit]}))

    first, second = wished(few), wished(many)
    assert first["ledger"]["max_connections"] == second["ledger"]["max_connections"]
    assert first["hosts"]["db"] == second["hosts"]["db"]


def workers(cores: int, memory: int, trip: float) -> dict[str, Any]:
    """A cluster whose jobs are all done by one worker host."""
    size = {"mastodon_cpus": cores, "mastodon_memory_mb": memory, "mastodon_db_rtt_ms": trip}
    return build(cases.four(main={"mastodon_sidekiq_queues": ["scheduler"]}, worker=size))


def survived(plan: dict[str, Any], trip: float, rate: float) -> float:
    """The share of slow deliveries at this rate; `forecast` has it at the rate that the plan is designed for."""
    (units,) = (
        [unit for unit in host["sidekiq_workers"] if "push" in unit["capacity"]]
        for name, host in plan["hosts"].items()
        if name == "worker"
    )
    jobs = profile.DEFAULT.queues
    threads = sum(
        unit["threads"] * jobs["push"].rate / sum(jobs[queue].rate for queue in unit["capacity"] if jobs[queue].slow)
        for unit in units
    )
    service = capacity.service_s(jobs["push"], capacity.Distance(trip, trip))
    return queueing.slow_share_survived(threads, rate, service, profile.DEFAULT.slow_s)


def assert_not_less(more: dict[str, Any], less: dict[str, Any]) -> None:
    """Of any queue, apart from what more threads cost their process (real-mastodon 1.3) and from what whole processes
    are too coarse for where memory is short: 9 cores with 6 GB at 5 ms do 4 % more than 12."""
    for queue, rate in less["forecast"]["jobs_per_second"].items():
        assert more["forecast"]["jobs_per_second"][queue] >= rate - max(0.1, 0.05 * rate)


GROWN = settings(FEW, max_examples=40)
TRIPS = st.sampled_from([0.3, 0.5, 1.5, 5.0, 20.0])


@GROWN
@given(st.integers(1, 16), st.integers(1, 8), st.integers(1024, 32768), TRIPS)
def test_more_cores_never_do_less(cores: int, more: int, memory: int, trip: float) -> None:
    assert_not_less(workers(cores + more, memory, trip), workers(cores, memory, trip))


@GROWN
@given(st.integers(2, 16), st.integers(1024, 32768), st.integers(1, 16384), TRIPS)
def test_more_memory_never_does_less(cores: int, memory: int, more: int, trip: float) -> None:
    large, small = workers(cores, memory + more, trip), workers(cores, memory, trip)
    assert_not_less(large, small)
    rate = small["forecast"]["jobs_per_second"]["push"]
    assert survived(large, trip, rate) >= survived(small, trip, rate) - 0.001


@GROWN
@given(st.integers(1, 16), st.integers(5120, 65536), st.integers(1, 16384))
def test_more_memory_never_does_less_where_everything_is_on_one_host(cores: int, memory: int, more: int) -> None:
    small, large = (
        build(cases.single(mastodon_cpus=cores, mastodon_memory_mb=size)) for size in (memory, memory + more)
    )
    assert_not_less(large, small)


@GROWN
@given(st.integers(1, 16), st.integers(1, 8), st.integers(5120, 40960))
def test_more_cores_never_do_less_where_everything_is_on_one_host(cores: int, more: int, memory: int) -> None:
    """Puma's further workers come after the Sidekiq processes that so many cores need."""
    few, many = (build(cases.single(mastodon_cpus=size, mastodon_memory_mb=memory)) for size in (cores, cores + more))
    assert_not_less(many, few)
    (before,), (after,) = (plan["hosts"]["main"]["puma"] for plan in (few, many))
    assert after["workers"] >= before["workers"]


@pytest.mark.parametrize(("cores", "memory"), [(13, 11264), (20, 14370), (36, 21300)])
def test_a_core_more_gives_no_process_of_sidekiq_to_puma_that_it_needs(cores: int, memory: int) -> None:
    """The fourth, sixth and tenth Puma worker took the process without which half of the pushes were not done."""
    few, many = (build(cases.single(mastodon_cpus=size, mastodon_memory_mb=memory)) for size in (cores, cores + 2))
    assert_not_less(many, few)
