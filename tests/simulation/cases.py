"""Plans of the shipped inventories, with what these know of the hosts and a plan does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.cpu import SHARED_STEAL
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT

from tests import golden

from .from_plan import cluster, load_at_cpu, run, simulate
from .model import Result

LAYOUTS = tuple(golden.layouts())


@dataclass(frozen=True)
class Case:
    """A plan; milliseconds from hosts to PostgreSQL and Redis; the share of hosts' cores that others take."""

    plan: Mapping[str, Any]
    round_trips: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    steal: Mapping[str, float] = field(default_factory=dict)

    def simulate(self, load: float, slow_share: float, seconds: float = 30.0) -> Result:
        """At a share of what hosts and processes can do in processor time; see from_plan.simulate."""
        return simulate(self.plan, self.round_trips, load, slow_share, steal=self.steal, seconds=seconds)

    def as_forecast(self, slow_share: float, seconds: float = 40.0) -> Result:
        """With the arrivals that the plan's forecast calls its load."""
        hosts, processes = cluster(self.plan, self.round_trips, self.steal)
        scale = self.plan["forecast"]["jobs_per_second"]["push"] / DEFAULT.queues["push"].rate
        return run(hosts, processes, scale, slow_share, seconds=seconds)

    def load_at_cpu(self, share: float) -> float:
        """The load at which the busiest host uses this share of its cores."""
        return load_at_cpu(self.plan, self.round_trips, share, self.steal)


@cache
def of(layout: str) -> Case:
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
