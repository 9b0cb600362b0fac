"""A far host: its join while others talk, and work that it has for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host
from tests.tunnel.traffic import Streams, streams

from .join import Join, join


@dataclass(frozen=True)
class Far:
    """The join of a far host, and the traffic between two others meanwhile."""

    join: Join
    streams: Streams

    @property
    def cluster(self) -> Cluster:
        """With the far host."""
        return self.join.cluster


def far_join(before: Cluster, worker: str, pair: tuple[str, str], tell: Callable[[str], None]) -> Far:
    """A host joins while a pair of others send each other packets through their tunnel."""
    there = {name: host(before, name) for name in pair}
    addresses = {name: before.hosts[name]["address"] for name in pair}
    with streams(there, addresses, [pair]) as traffic:
        joined = join(before, worker, tell)
    tell(str(traffic))
    return Far(joined, traffic)


@contextmanager
def without_workers(cluster: Cluster, name: str) -> Iterator[None]:
    """The Sidekiq processes of a host are off meanwhile, so that others have all jobs."""
    units = " ".join(f"mastodon-sidekiq@{unit['name']}" for unit in cluster.hosts[name]["sidekiq_workers"])
    host(cluster, name).check_output(f"systemctl stop {units}")
    try:
        yield
    finally:
        host(cluster, name).check_output(f"systemctl start {units}")
