"""The Raspberry Pi is to join, and its last check fails: nobody keeps a tunnel to it.

This file's name puts it before the join.
"""

from __future__ import annotations

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import sql
from tests.journey import inventory, tunnels
from tests.journey.run import run

# A name that no resolver has (RFC 6761).
NOWHERE = "nowhere.invalid"


def test_everything_is_taken_back_the_tunnels_too(before: Cluster) -> None:
    peers = tunnels.reached(before, before.hosts)
    assert all(peers.values())
    inventory.write("pi")
    done = run("add_worker", worker="pi", worker_outside=[NOWHERE])
    assert done.code == 2 and done.lines("pi: did not join"), done.text
    assert "Not everything was taken back" not in done.text
    assert tunnels.reached(before, before.hosts) == peers
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_pi'") == []
