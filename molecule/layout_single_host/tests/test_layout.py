"""Everything on one host: all that holds everywhere."""

from __future__ import annotations

from tests.e2e.cluster import Cluster
from tests.e2e.layout import *  # noqa: F403


def test_one_host_does_it_all(cluster: Cluster) -> None:
    assert list(cluster.hosts) == ["main"]
    services = {"postgres", "pgbouncer", "relay", "redis", "minio", "puma", "streaming", "sidekiq_workers", "nginx"}
    assert services <= set(cluster.hosts["main"]["roles"])
