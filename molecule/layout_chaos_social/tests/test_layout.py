"""Four hosts, after chaos.social: all that holds everywhere, and what only several hosts can show."""

from __future__ import annotations

from tests.e2e.cluster import Cluster
from tests.e2e.layout import *  # noqa: F403
from tests.e2e.layout import connects_from, inner_ports


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
