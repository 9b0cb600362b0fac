# GPL-3.0-or-later (see LICENSE)
"""What the whole cluster can do: jobs a second, slow servers survived, time to recover."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from . import capacity
from .backlog import forecast as backlog
from .backlog_units import Process, serving
from .cpu import DESIGN_LOAD
from .model import ClusterInput
from .names import QUEUES
from .problems import Problems
from .profile import BUSY_LIMIT, Profile
from .queueing import bounds, recovery_s, slow_share_survived
from .sizing import Size
from .units import SidekiqUnit, Units
from .why import Ledger

OUTAGE_S = 3600.0
TYPICAL_THREADS = 5  # what a job costs depends a little on the threads beside it
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


def forecast(cluster: ClusterInput, sizes: Mapping[str, Size], units: Mapping[str, Units], ledger: Ledger) -> Forecast:
    """Sum up the units (sizing 2.2, step 14)."""
    always = [
        (sizes[name], unit) for name, each in units.items() for unit in each.sidekiq_workers if not unit.on_demand
    ]
    jobs = cluster.profile.queues
    most = {queue: sum(unit.capacity.get(queue, 0.0) for _, unit in always) for queue in QUEUES}
    full, queues = largest_scale(_carriers(sizes, units), cluster.profile)
    scale = DESIGN_LOAD * full
    rates = {queue: jobs[queue].rate * scale for queue in QUEUES}
    total_rate = sum(job.rate for job in jobs.values())
    wanted = cluster.monthly_active_users * JOBS_PER_USER / total_rate if total_rate else 0.0
    expected = {queue: jobs[queue].rate * wanted for queue in QUEUES}
    back = recovery_s(OUTAGE_S, 1.0, BUSY_LIMIT / DESIGN_LOAD * scale / wanted) if wanted and scale else None
    found = Forecast(
        jobs_per_second={queue: round(rate, 1) for queue, rate in rates.items()},
        most={queue: round(value, 1) for queue, value in most.items()},
        expected={queue: round(rate, 2) for queue, rate in expected.items()},
        slow_share_survived=round(_slow(cluster, always, rates["push"]), 3),
        recovery_after_one_hour_s=None if back is None else round(back),
        binding=_named(queues),
    )
    _explain(found, cluster, full, queues, sum(unit.threads for _, unit in always if "push" in unit.capacity), ledger)
    return found


def _explain(
    found: Forecast, cluster: ClusterInput, full: float, queues: tuple[str, ...], threads: int, ledger: Ledger
) -> None:
    """Why each figure: the rules, and what went in."""
    people = cluster.monthly_active_users
    ledger.because(
        "forecast.jobs_per_second",
        dict(found.jobs_per_second),
        f"{DESIGN_LOAD * 100:.0f} % of what processes and cores carry when all queues arrive in the profile's"
        " proportion: the tightest set of queues decides (sizing 2.2, 14)",
        f"the work of {', '.join(queues)}" if queues else None,
        times_the_profile=round(full, 2),
    )
    ledger.because(
        "forecast.most",
        dict(found.most),
        "the capacities of all processes that always run and have the queue, as if nothing else ran",
    )
    ledger.because(
        "forecast.expected",
        dict(found.expected),
        f"{JOBS_PER_USER:g} jobs a second for each monthly active person, in the profile's proportion (sizing 2.1)",
        monthly_active_users=people,
    )
    ledger.because(
        "forecast.slow_share_survived",
        found.slow_share_survived,
        "the share of deliveries that may hold a thread up to the time limit until no thread is left for the others"
        " (sizing 1.7)",
        f"{threads} threads that deliver",
        threads=threads,
        limit_s=cluster.profile.slow_s,
        deliveries_per_second=found.jobs_per_second["push"],
    )
    ledger.because(
        "forecast.recovery_after_one_hour_s",
        found.recovery_after_one_hour_s,
        f"an hour of expected jobs, done by what is over at {BUSY_LIMIT * 100:.0f} % of the cores while new ones arrive"
        " (sizing 1.11)",
        "arrivals leave nothing to catch up with" if found.recovery_after_one_hour_s is None else None,
        monthly_active_users=people,
    )
    ledger.because(
        "forecast.binding",
        found.binding,
        "the queues whose work fills their processes and cores first",
        queues=list(queues),
    )


@dataclass(frozen=True)
class Carrier:
    """A kind of host: cores for Sidekiq, and per process what it can spend on each queue if it does nothing else."""

    cores: float
    processes: tuple[tuple[tuple[str, float], ...], ...]


def _carriers(sizes: Mapping[str, Size], units: Mapping[str, Units]) -> dict[Carrier, int]:
    """Hosts that are alike are counted: thousands of them are a few kinds."""
    found: dict[Carrier, int] = {}
    for name, each in units.items():
        running = [unit for unit in each.sidekiq_workers if not unit.on_demand]
        if running:
            kind = Carrier(
                round(sizes[name].shares["sidekiq_workers"], 6),
                tuple(sorted(tuple(sorted(unit.capacity.items())) for unit in running)),
            )
            found[kind] = found.get(kind, 0) + 1
    return found


def largest_scale(carriers: Mapping[Carrier, int], profile: Profile) -> tuple[float, tuple[str, ...]]:
    """The factor on the profile's rates that processes and cores carry, and the queues that bind.

    Whatever set of queues is looked at, its work must fit the processes that serve one of them and their hosts' cores;
    the tightest set decides (the smallest cut between queues, processes and hosts). Threads that slow servers hold are
    not in it: slow_share_survived says those.
    """
    queues = [queue for queue in QUEUES if profile.queues[queue].rate > 0]
    costs = {queue: capacity.cpu_ms(profile.queues[queue], TYPICAL_THREADS) / 1000 for queue in queues}
    found: tuple[float, tuple[str, ...]] = (math.inf, ())
    for size in range(1, len(queues) + 1):
        for chosen in combinations(queues, size):
            need = sum(profile.queues[queue].rate * costs[queue] for queue in chosen)
            have = sum(
                count * min(carrier.cores, sum(_spent(process, chosen, costs) for process in carrier.processes))
                for carrier, count in carriers.items()
            )
            found = min(found, (have / need, chosen), key=lambda each: each[0])
    return found if found[1] else (0.0, ())


def _spent(process: tuple[tuple[str, float], ...], chosen: tuple[str, ...], costs: Mapping[str, float]) -> float:
    return max((rate * costs[queue] for queue, rate in process if queue in chosen), default=0.0)


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


def _named(queues: tuple[str, ...]) -> str:
    if len(queues) >= len(QUEUES) - 1:
        return "cores: a worker host more, or more cores, adds to every queue"
    return f"{', '.join(queues)}: another process or another host for it adds"


def burn_down(
    cluster: ClusterInput, sizes: Mapping[str, Size], units: Mapping[str, Units], problems: Problems
) -> dict[str, Any]:
    """When each queue of mastodon_backlog is clear, with what the planned units can do (sizing 1.11)."""
    jobs = cluster.profile.queues
    always = [
        (sizes[name], unit) for name, each in units.items() for unit in each.sidekiq_workers if not unit.on_demand
    ]
    wanted: dict[str, dict[str, Any]] = {}
    capacities: dict[str, tuple[float, float]] = {}
    for queue, given in cluster.backlog.items():
        having = [(size, unit) for size, unit in always if queue in unit.capacity]
        if queue not in jobs or not having or not isinstance(given, Mapping):
            continue
        threads = sum(unit.threads for _, unit in having)
        service = sum(unit.threads * capacity.service_s(jobs[queue], size.distance) for size, unit in having) / threads
        spent = sum(unit.threads * capacity.cpu_ms(jobs[queue], unit.threads) for _, unit in having) / threads / 1000
        found = serving([_process(unit, queue, spent, service) for _, unit in having], queue)
        if found is None:
            continue
        served, capacities[queue] = found
        wanted[queue] = {"threads": threads, "cpu_s": spent, "service_s": max(service, spent), **served, **given}
    cores = sum(sizes[name].shares["sidekiq_workers"] for name, each in units.items() if each.sidekiq_workers)
    try:
        return backlog(wanted, capacities, cluster.deadline_s, cores)
    except ValueError as error:
        for line in str(error).splitlines():
            problems.add([host.name for host in cluster.hosts], "mastodon_backlog", line, "correct the figure")
        return {}


def _process(unit: SidekiqUnit, queue: str, cpu_s: float, service_s: float) -> Process:
    most = unit.capacity[queue]
    return Process(
        unit.name.rsplit("-", 1)[0], unit.queues, {queue: (min(_closed(unit, cpu_s, service_s), most), most)}
    )


def _closed(unit: SidekiqUnit, cpu_s: float, service_s: float) -> float:
    """The lower end: every job waits for its turn on the core (sizing 1.4)."""
    return bounds(unit.threads, cpu_s, max(0.0, service_s - cpu_s))[0]
