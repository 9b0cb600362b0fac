"""Plans to simulate, with what the inventory knows of the hosts and a plan does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.cpu import SHARED_STEAL

from tests import golden

from . import examples


@dataclass(frozen=True)
class Case:
    """A plan; milliseconds from hosts to PostgreSQL and Redis; the share of hosts' cores that others take."""

    plan: Mapping[str, Any]
    round_trips: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    steal: Mapping[str, float] = field(default_factory=dict)


def written(layout: str) -> Case:
    """A plan from examples.py."""
    return Case(examples.PLANS[layout], examples.ROUND_TRIPS.get(layout, {}), examples.STEAL.get(layout, {}))


def shipped(layout: str) -> Case:
    """The plan that the planner makes of a shipped inventory."""
    variables = golden.hostvars(golden.ROOT / "inventories" / layout)
    plan = golden.plan(layout)
    round_trips, steal = {}, {}
    for name in plan["hosts"]:
        host = variables[name]
        to_database = float(host.get("mastodon_db_rtt_ms", 0))
        round_trips[name] = (to_database, float(host.get("mastodon_redis_rtt_ms", to_database)))
        shared = SHARED_STEAL if host.get("mastodon_shared_cpu", False) else 0
        steal[name] = float(host.get("mastodon_cpu_steal", shared))
    return Case(plan, round_trips, steal)
