# GPL-3.0-or-later (see LICENSE)
"""What the whole cluster can do: jobs a second, slow servers survived, time to recover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import capacity
from .cpu import DESIGN_LOAD
from .model import ClusterInput
from .names import QUEUES
from .profile import BUSY_LIMIT
from .queueing import recovery_s, slow_share_survived
from .sizing import Size
from .units import SidekiqUnit, Units

OUTAGE_S = 3600.0
# 35 to 40 jobs a second were seen on 10,000 monthly active users (sizing 2.1).
JOBS_PER_USER = 0.004


@dataclass(frozen=True)
class Forecast:
    """jobs_per_second: of each queue, when all arrive in the profile's proportion. most: capacity of the units if
    nothing
    else ran. expected: arrivals that so many people cause. slow_share_survived: of deliveries at that load.
    recovery_after_one_hour_s: None where arrivals leave nothing to catch up with. binding: what to add for more.
    """

    jobs_per_second: Mapping[str, float]
    most: Mapping[str, float]
    expected: Mapping[str, float]
    slow_share_survived: float
    recovery_after_one_hour_s: int | None
    binding: str


def forecast(cluster: ClusterInput, sizes: Mapping[str, Size], units: Mapping[str, Units]) -> Forecast:
    """Sum up the units (sizing 2.2, step 14)."""
    always = [
        (sizes[name], unit) for name, each in units.items() for unit in each.sidekiq_workers if not unit.on_demand
    ]
    jobs = cluster.profile.queues
    most = {queue: sum(unit.capacity.get(queue, 0.0) for _, unit in always) for queue in QUEUES}
    limits: dict[str, float] = {}
    for queue in QUEUES:
        if jobs[queue].rate > 0 and queue != "scheduler":
            limits[queue] = _of_queue(queue, always, cluster) / jobs[queue].rate
    limits["cores"] = _cores(always, sizes, units, cluster)
    scale = min(limits.values(), default=0.0)
    binding = min(limits, key=lambda name: limits[name], default="")
    rates = {queue: jobs[queue].rate * scale for queue in QUEUES}
    total_rate = sum(job.rate for job in jobs.values())
    wanted = cluster.monthly_active_users * JOBS_PER_USER / total_rate if total_rate else 0.0
    expected = {queue: jobs[queue].rate * wanted for queue in QUEUES}
    back = recovery_s(OUTAGE_S, 1.0, BUSY_LIMIT / DESIGN_LOAD * scale / wanted) if wanted and scale else None
    return Forecast(
        jobs_per_second={queue: round(rate, 1) for queue, rate in rates.items()},
        most={queue: round(value, 1) for queue, value in most.items()},
        expected={queue: round(rate, 2) for queue, rate in expected.items()},
        slow_share_survived=round(_slow(cluster, always, rates["push"]), 3),
        recovery_after_one_hour_s=None if back is None else round(back),
        binding=_named(binding, most, jobs, scale),
    )


def _of_queue(queue: str, always: list[tuple[Size, SidekiqUnit]], cluster: ClusterInput) -> float:
    """Jobs a second at design load, each unit giving its queues time in the profile's proportion."""
    jobs = cluster.profile.queues
    found = 0.0
    for _, unit in always:
        if queue not in unit.capacity:
            continue
        load = sum(jobs[other].rate / each for other, each in unit.capacity.items() if each > 0)
        found += jobs[queue].rate / load if load else 0.0
    return DESIGN_LOAD / BUSY_LIMIT * found


def _cores(
    always: list[tuple[Size, SidekiqUnit]], sizes: Mapping[str, Size], units: Mapping[str, Units], cluster: ClusterInput
) -> float:
    """How many times the profile all hosts' cores for Sidekiq take at design load."""
    jobs = cluster.profile.queues
    found = 0.0
    for name, each in units.items():
        running = [unit for unit in each.sidekiq_workers if not unit.on_demand]
        if not running:
            continue
        queues = {queue: unit.threads for unit in running for queue in unit.capacity if queue != "scheduler"}
        cost = sum(jobs[queue].rate * capacity.cpu_ms(jobs[queue], threads) for queue, threads in queues.items())
        whole = sum(job.rate * capacity.cpu_ms(job, 5) for queue, job in jobs.items() if queue != "scheduler")
        # A host that serves some queues only carries their part of the profile.
        if cost > 0:
            found += DESIGN_LOAD * sizes[name].shares["sidekiq_workers"] * 1000 / whole
    return found


def _slow(cluster: ClusterInput, always: list[tuple[Size, SidekiqUnit]], rate: float) -> float:
    """The share of deliveries that may run into their time limit while the rest keeps up (sizing 1.7)."""
    jobs, slow_s = cluster.profile.queues, cluster.profile.slow_s
    threads = 0.0
    service = 0.0
    for size, unit in always:
        if "push" not in unit.capacity:
            continue
        others = sum(jobs[queue].rate for queue in unit.capacity if jobs[queue].slow)
        part = unit.threads * (jobs["push"].rate / others if others else 1.0)
        threads += part
        service += part * capacity.service_s(jobs["push"], size.distance)
    if not threads or rate <= 0:
        return 0.0
    return slow_share_survived(threads, rate, service / threads, slow_s)


def _named(binding: str, most: Mapping[str, float], jobs: Mapping[str, object], scale: float) -> str:
    if binding == "cores":
        return "cores: a worker host more, or more cores, adds to every queue"
    return f"{binding}: its processes; more memory or one more process for {binding} adds"
