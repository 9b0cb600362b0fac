"""Hosts and processes of a plan (schema 1 of docs/interfaces.md), and a run of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import cpu
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT, Profile

from .engine import Load, Simulation
from .load import largest_scale
from .model import Host, Job, Process, Result, job

MOST_LOAD = 0.9  # a plan that leaves its cores idle at this load is bound by threads


def cluster(
    plan: Mapping[str, Any],
    round_trips: Mapping[str, tuple[float, float]],
    steal: Mapping[str, float] | None = None,
) -> tuple[dict[str, Host], list[Process]]:
    """Hosts that run Sidekiq, with Sidekiq's part of their cores, and their processes that always run.

    round_trips: milliseconds to PostgreSQL and to Redis; a host that is not there is next to both.
    steal: the share of a host's cores that others take.
    """
    hosts: dict[str, Host] = {}
    processes: list[Process] = []
    for name, host in plan["hosts"].items():
        units = [unit for unit in host.get("sidekiq_workers", ()) if not unit["on_demand"]]
        if not units:
            continue
        queues = {queue for unit in units for queue, _ in unit["queues"]}
        cores = cpu.effective(host["cores"], (steal or {}).get(name, 0.0))
        hosts[name] = Host(
            cpu.shares(cores, [role for role in cpu.WEIGHTS if role in host], queues == {"scheduler"})[
                "sidekiq_workers"
            ],
            *round_trips.get(name, (0.0, 0.0)),
        )
        processes += [
            Process(
                name, tuple((queue, weight) for queue, weight in unit["queues"]), unit["threads"], unit["breaker_pool"]
            )
            for unit in units
        ]
    return hosts, processes


def run(
    hosts: Mapping[str, Host],
    processes: Sequence[Process],
    scale: float,
    slow_share: float,
    seed: int = 1,
    seconds: float = 40.0,
    profile: Profile = DEFAULT,
) -> Result:
    """Poisson arrivals of the profile's queues, scale times as many as it says."""

    def job_of(queue: str, host: Host, process: Process) -> Job:
        return job(queue, profile.queues[queue], host, process.breaker_pool)

    rates = {name: queue.rate * scale for name, queue in profile.queues.items()}
    load = Load(rates, slow_share=slow_share, slow_s=profile.slow_s)
    return Simulation(hosts, processes, job_of, load, seed).run(seconds)


def simulate(
    plan: Mapping[str, Any],
    round_trips: Mapping[str, tuple[float, float]],
    load: float = 0.7,
    slow_share: float = 0.0,
    seed: int = 1,
    steal: Mapping[str, float] | None = None,
    seconds: float = 40.0,
    profile: Profile = DEFAULT,
) -> Result:
    """Run a plan at a share of the largest load that its hosts and processes can carry in processor time.

    That load counts a job as costly as beside four others that want to run (load.py). Where fewer do, less of the cores
    is used than the share says; load_at_cpu finds the load that really uses it.
    """
    hosts, processes = cluster(plan, round_trips, steal)
    return run(hosts, processes, load * largest_scale(hosts, processes, profile), slow_share, seed, seconds, profile)


def load_at_cpu(
    plan: Mapping[str, Any],
    round_trips: Mapping[str, tuple[float, float]],
    share: float = 0.7,
    steal: Mapping[str, float] | None = None,
) -> float:
    """The load (see simulate) at which the busiest host uses this share of its cores; at most MOST_LOAD."""
    load = share
    for _ in range(2):  # a job costs more where more threads compete, so the first guess is a little too high
        pilot = simulate(plan, round_trips, load, steal=steal, seconds=20.0)
        load = min(load * share / max(pilot.cpu.values()), MOST_LOAD)
    return load
