"""Two hosts, after wandering.shop: the helper is behind NAT and has nothing but the tunnel."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.e2e import hosts
from tests.e2e.cluster import Cluster
from tests.e2e.hosts import fault, host, sql
from tests.e2e.layout import *  # noqa: F403
from tests.e2e.layout import connects_from
from tests.e2e.outside import wait
from tests.e2e.rounds import Round
from tests.tunnel.wire import plain_interface, watched

RETURN_SECONDS = 60  # until the helper works again after its line was dead


def ran_at(cluster: Cluster, name: str, count: int = 24) -> bool:
    """Whether the host takes some of so many jobs of the queue default."""
    note = uuid.uuid4().hex
    hosts.push(cluster, [{"queue": "default", "note": note, "wait_ms": 250} for _ in range(count)])
    finished = f"FROM lab_runs WHERE note = '{note}' AND finished_at IS NOT NULL"
    wait(lambda: sql(cluster, f"SELECT count(*) {finished}") == [[str(count)]], "the jobs", 60)
    return [name] in sql(cluster, f"SELECT DISTINCT hostname {finished}")


def test_the_planned_hosts_run_the_planned_roles(cluster: Cluster) -> None:
    assert cluster.with_role("wireguard") == ["shop1", "shop2"]
    assert cluster.with_role("sidekiq_workers") == ["shop1", "shop2"]
    assert cluster.with_role("postgres") == cluster.with_role("nginx") == ["shop1"]
    queues = {queue for unit in cluster.hosts["shop2"]["sidekiq_workers"] for queue, _weight in unit["queues"]}
    assert queues == {"default", "ingress", "mailers"}


def test_the_shop_reaches_its_helper_in_the_tunnel_only(cluster: Cluster) -> None:
    helper = cluster.hosts["shop2"]
    assert connects_from(cluster, "shop1", helper["address"], 22)
    assert not connects_from(cluster, "shop1", cluster.addresses["shop2"], 22)


def test_the_database_sees_the_helper_at_its_address_in_the_tunnel(cluster: Cluster) -> None:
    assert ran_at(cluster, "shop2")
    clients = {
        row[0]
        for row in sql(cluster, "SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
    }
    assert cluster.hosts["shop2"]["address"] in clients
    assert clients <= {"127.0.0.1", "::1", *(share["address"] for share in cluster.hosts.values())}


def test_what_the_helper_says_to_the_shop_is_not_to_be_read(cluster: Cluster) -> None:
    marker = f"marker-{uuid.uuid4().hex}"
    there = {name: host(cluster, name) for name in cluster.hosts}
    tunnel = cluster.hosts["shop2"]["network"]["interface"]
    plain = [(name, plain_interface(one)) for name, one in there.items()]
    query = f"SELECT count(*) FROM lab_runs WHERE note = '{marker}' AND finished_at IS NOT NULL"
    with watched(there, [*plain, ("shop2", tunnel)], marker) as seen:
        hosts.push(cluster, [{"queue": "default", "note": marker, "wait_ms": 250} for _ in range(24)])
        wait(lambda: sql(cluster, query) == [["24"]], "the jobs", 60)
    assert [pair for pair, one in seen.items() if one.dropped or not one.packets] == []
    assert seen["shop2", tunnel].marked > 0
    assert [pair for pair in plain if seen[pair].marked] == []


def test_the_helper_works_on_when_the_router_gives_it_another_port(cluster: Cluster, lab: str) -> None:
    def dialled_from() -> str:
        endpoints = host(cluster, "shop1").check_output("wg show all endpoints").split()
        return endpoints[-1]

    before = dialled_from()
    fault(lab, "forget", "home")
    assert ran_at(cluster, "shop2")
    assert dialled_from() != before


def test_the_helper_comes_back_by_itself_when_its_line_was_dead(cluster: Cluster, lab: str) -> None:
    fault(lab, "cut", "home")
    try:
        time.sleep(20)
        assert not connects_from(cluster, "shop1", cluster.hosts["shop2"]["address"], 22)
        assert not ran_at(cluster, "shop2")  # the shop does it all, meanwhile
    finally:
        fault(lab, "mend", "home")
    wait(lambda: ran_at(cluster, "shop2"), "a job on the helper", RETURN_SECONDS)


def test_a_helper_that_shuts_down_finishes_what_it_has_in_hand(cluster: Cluster, lab: str, this_round: Round) -> None:
    """Sidekiq stops before the tunnel does: the end of a job is written to the shop's database through it."""
    if this_round.before is None:
        pytest.skip("the second deployment compares processes first; this comes after it")
    note = uuid.uuid4().hex
    hosts.push(cluster, [{"queue": "default", "note": note, "wait_ms": 12_000} for _ in range(24)])
    there = f"FROM lab_runs WHERE note = '{note}' AND hostname = 'shop2'"
    wait(lambda: sql(cluster, f"SELECT count(*) {there}") != [["0"]], "a job on the helper", 30)
    fault(lab, "reboot", "shop2")
    wait(
        lambda: (
            sql(cluster, f"SELECT count(*) FROM lab_runs WHERE note = '{note}' AND finished_at IS NOT NULL") == [["24"]]
        ),
        "the jobs",
        120,
    )
    assert sql(cluster, f"SELECT count(*), count(finished_at) FROM lab_runs WHERE note = '{note}'") == [["24", "24"]]
    wait(lambda: ran_at(cluster, "shop2"), "a job on the helper", RETURN_SECONDS)
