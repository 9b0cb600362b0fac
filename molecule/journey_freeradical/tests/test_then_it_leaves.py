"""The Raspberry Pi leaves: first the keys are taken from it, then the tunnel."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.hosts import redis, sql
from tests.journey import tunnels
from tests.journey.far import Far
from tests.journey.run import fine

OTHERS = ("home", "cloud")


def test_nobody_knows_it_any_more(far: Far, tell: Callable[[str], None]) -> None:
    address = far.cluster.hosts["pi"]["address"]
    assert all(f"{address}/32" in peers for peers in tunnels.reached(far.cluster, OTHERS).values())
    assert "user mastodon_pi " in redis(far.cluster, "redis acl list")
    done = fine("remove_worker", worker="pi", confirm="pi")
    tell(f"leave: {done.seconds:.1f} s wall")
    assert not any(f"{address}/32" in peers for peers in tunnels.reached(far.cluster, OTHERS).values()), done.text
    assert "user mastodon_pi " not in redis(far.cluster, "redis acl list")
    assert sql(far.cluster, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_pi'") == []
    assert fine("remove_worker", worker="pi", confirm="pi").changed == {}
