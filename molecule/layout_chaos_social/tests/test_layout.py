"""Four hosts, after chaos.social: all that holds everywhere, and what only several hosts can show."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e import hosts
from tests.e2e.client import Visitor
from tests.e2e.cluster import Cluster, playbook
from tests.e2e.hosts import host, sql
from tests.e2e.layout import *  # noqa: F403
from tests.e2e.layout import connects_from, inner_ports
from tests.e2e.outside import wait
from tests.e2e.rounds import Round
from tests.tunnel.wire import plain_interface, watched


def test_hosts_reach_of_each_other_what_they_need(cluster: Cluster) -> None:
    hosts = cluster.hosts
    database, redis = hosts[cluster.settings["hosts"]["postgres"]], hosts[cluster.settings["hosts"]["redis"]]
    for name in cluster.with_role("relay"):
        assert connects_from(cluster, name, database["address"], database["postgres"]["port"])
        for instance in redis["redis"]:
            assert connects_from(cluster, name, redis["address"], instance["port"])


def test_hosts_reach_nothing_else_of_each_other(cluster: Cluster) -> None:
    """Pooler, relay and web answer on loopback only; nothing of ours answers at any host's plain address."""
    reached = []
    for source in cluster.hosts:
        for name, share in cluster.hosts.items():
            if name == source:
                continue
            for port, service in inner_ports(share).items():
                addresses = [cluster.addresses[name]]
                if service in ("pgbouncer", "relay"):
                    addresses.append(share["address"])
                reached += [
                    (source, name, port) for address in addresses if connects_from(cluster, source, address, port)
                ]
    assert reached == []


def test_the_planned_hosts_run_the_planned_roles(cluster: Cluster) -> None:
    assert cluster.with_role("postgres") == ["db"]
    assert cluster.with_role("minio") == ["media"]
    assert cluster.with_role("sidekiq_workers") == ["main", "worker"]
    assert cluster.with_role("nginx") == ["main"]


def test_verify_says_what_is_broken_and_where(cluster: Cluster, this_round: Round) -> None:
    if this_round.before is None:
        pytest.skip("units are stopped in the second round, when their process IDs have been compared")
    name = next(one["name"] for one in cluster.hosts["worker"]["sidekiq_workers"] if not one["on_demand"])
    unit = f"mastodon-sidekiq@{name}.service"
    host(cluster, "worker").check_output(f"systemctl stop {unit}")
    try:
        broken = playbook(cluster.inventory, "playbooks/verify.yml", ANSIBLE_CACHE_PLUGIN="memory")
    finally:
        host(cluster, "worker").check_output(f"systemctl start {unit}")
    assert broken.returncode != 0
    assert f"worker: units run: {unit} is inactive" in broken.stdout
    assert f"worker: Sidekiq {name} beats: no heartbeat" in broken.stdout
    mended = playbook(cluster.inventory, "playbooks/verify.yml", ANSIBLE_CACHE_PLUGIN="memory")
    assert mended.returncode == 0, mended.stdout
    assert "FAIL" not in mended.stdout and "the post reaches the socket" in mended.stdout
    assert [row for row in leftovers(cluster) if row != ["0"]] == []


def leftovers(cluster: Cluster) -> list[list[str]]:
    """What verify may have left behind: its posts and its tokens."""
    posts = "SELECT count(*) FROM statuses WHERE text LIKE 'fediverse.mastodon verify%' AND deleted_at IS NULL"
    tokens = "SELECT count(*) FROM oauth_access_tokens WHERE expires_in = 600"
    return sql(cluster, posts) + sql(cluster, tokens)


def test_nothing_but_the_tunnel_crosses_the_plain_network(cluster: Cluster, admin: Visitor) -> None:
    """A post and a job of every queue, watched at every host's plain interface, and in the tunnel as a control."""
    marker = f"marker-{uuid.uuid4().hex}"
    there = {name: host(cluster, name) for name in cluster.hosts}
    tunnel = cluster.hosts["main"]["network"]["interface"]
    plain = [(name, plain_interface(one)) for name, one in there.items()]
    orders = [{"queue": queue, "note": marker} for queue in cluster.settings["queues"]]
    query = f"SELECT count(*) FROM lab_runs WHERE note = '{marker}' AND finished_at IS NOT NULL"
    with watched(there, [*plain, ("main", tunnel)], marker) as seen:
        admin.api.status_post(marker, visibility="direct")
        hosts.push(cluster, orders)
        wait(lambda: sql(cluster, query) == [[str(len(orders))]], "the jobs", 60)
    assert [pair for pair, one in seen.items() if one.dropped or not one.packets] == []
    assert seen["main", tunnel].marked > 0  # Redis answers the worker in clear, inside the tunnel
    assert [pair for pair in plain if seen[pair].marked] == []
    addresses = {cluster.addresses[name] for name in cluster.hosts}
    port = cluster.hosts["main"]["wireguard"]["port"]
    flows = {flow for pair in plain for flow in seen[pair].between(addresses)}
    assert flows
    assert [flow for flow in flows if flow[0] != "udp" or flow[3:] not in ((port, port), (0, 0))] == []
