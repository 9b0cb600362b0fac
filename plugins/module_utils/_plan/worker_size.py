# GPL-3.0-or-later (see LICENSE)
"""The Sidekiq processes of one host, without a cluster: the planner's own steps for a host that runs nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import memory
from .build import plain
from .capacity import breaker_limit
from .cpu import DESIGN_LOAD
from .forecast import forecast
from .inputs import read_cluster
from .model import ClusterInput, HostInput
from .names import CLUSTER_SETTINGS, QUEUES, REQUIRED_GROUPS, SCHEDULER
from .placement import Placement
from .problems import Problems
from .sidekiq import choose
from .sidekiq import units as units_of
from .sizing import STEP_MB, Size, size
from .units import SidekiqUnit, make
from .why import Ledger, Reason

# What the options are called in an inventory, where the planner reads and checks them.
SETTINGS = {
    "breaker_pool": "mastodon_breaker_pool",
    "cores": "mastodon_cpus",
    "cpu_steal": "mastodon_cpu_steal",
    "db_rtt_ms": "mastodon_db_rtt_ms",
    "job_profile": "mastodon_job_profile",
    "memory_mb": "mastodon_memory_mb",
    "queues": "mastodon_sidekiq_queues",
    "redis_rtt_ms": "mastodon_redis_rtt_ms",
    "slow_share": "mastodon_slow_share",
    "unit_memory_mb": "mastodon_unit_memory_mb",
}
GROUP = "sidekiq_workers"
UNIT_KEYS = ("name", "queues", "threads", "db_pool", "breaker_pool", "capacity", "binding")
PLACE = re.compile(rf"\.{GROUP}\[(?P<unit>[^]]+)\]\.(?P<what>\w+)$")


class WorkerSizeError(Exception):
    """Everything that keeps a host from being sized."""


def worker_size(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Units of a host, its memory, what it does a second, and why, as plain data.

    name: of the host, for messages. given: cores, memory_mb, cpu_steal (0 to 0.9), db_rtt_ms, redis_rtt_ms, queues,
    unit_memory_mb (of one Sidekiq process), scheduler, breaker_pool, job_profile, slow_share, as in an inventory;
    pgbouncer and relay: whether those run here too. What is missing or None has the planner's default.
    Raises WorkerSizeError with all findings.
    """
    problems, ledger = Problems(cluster_settings=CLUSTER_SETTINGS), Ledger()
    cluster = _cluster(name, given, problems)
    _stop(problems)
    host = cluster.hosts[0]
    roles = ("common", "mastodon", GROUP, *(role for role in ("pgbouncer", "relay") if given.get(role)))
    scheduler = name if given.get("scheduler") else ""
    placement = Placement({name: roles}, {}, {}, "", scheduler, False)
    sized = _size(host, cluster, placement, bool(given.get("relay")), problems)
    _stop(problems)
    # Queues without a process are somebody else's here; a finding only for a whole cluster.
    units = make(cluster, placement, {name: sized}, Problems(), ledger)
    outlook = forecast(cluster, {name: sized}, units, ledger)
    found = units[name].sidekiq_workers
    return {
        "units": [{key: plain(getattr(unit, key)) for key in UNIT_KEYS} for unit in found],
        "memory": {
            "total": sized.budget.total,
            "reserve": sized.budget.reserve,
            "claims": dict(sized.budget.claims),
            "free": sized.budget.free,
        },
        "cores": host.cores,
        "forecast": {queue: outlook.jobs_per_second[queue] for queue in QUEUES if queue in _served(found)},
        "why": [*_ground(host, sized), *_sentences(ledger.reasons), f"All queues together: {outlook.binding}."],
        "warnings": [*_assumed(host, sized), *ledger.warnings],
    }


def _size(host: HostInput, cluster: ClusterInput, placement: Placement, relay: bool, problems: Problems) -> Size:
    """The planner's sizing. Only the relay is optional: a cluster has it wherever the application runs."""
    found = size(host, cluster, placement, Problems(), Ledger())
    assert found.room is not None  # it is only where units are wished, or the host has no Sidekiq
    claims = {role: mb for role, mb in found.budget.claims.items() if role != GROUP and (relay or role != "relay")}
    claimed = sum(claims.values())
    room = replace(found.room, memory_mb=max(0, memory.usable(host.memory_mb) - claimed))
    if room.processes < 1:
        _too_little(host, claimed + room.process_mb, room.process_mb, problems)
    chosen = choose(room)
    wishes = units_of(chosen)
    claims[GROUP] = room.process_mb * len(wishes)
    budget = replace(found.budget, claims=claims)
    return replace(found, budget=budget, units=wishes, chosen=tuple(chosen), room=room)


def _too_little(host: HostInput, claimed: int, process_mb: int, problems: Problems) -> None:
    enough = host.memory_mb // STEP_MB * STEP_MB
    while memory.usable(enough) < claimed:
        enough += STEP_MB
    problems.add(
        host.name,
        "mastodon_memory_mb",
        f"{host.memory_mb} MB, of which the system keeps {memory.reserve(host.memory_mb)} and a tenth stays"
        f" free, have no room for one Sidekiq process of {process_mb} MB",
        f"give it {enough} MB",
    )


def _cluster(name: str, given: Mapping[str, Any], problems: Problems) -> ClusterInput:
    """A whole cluster on this host, read as any inventory, then everything but Sidekiq taken away."""
    values: dict[str, Any] = {
        "mastodon_domain": "social.example.org",
        "mastodon_admin_email": "admin@example.org",
        **{setting: given.get(option) for option, setting in SETTINGS.items()},
    }
    wished = given.get("queues")
    queues = [queue for queue in QUEUES if queue != SCHEDULER] if wished is None else list(wished)
    if given.get("scheduler") and SCHEDULER not in queues:
        queues.append(SCHEDULER)
    values["mastodon_sidekiq_queues"] = queues
    if given.get("unit_memory_mb") is not None:
        values["mastodon_unit_memory_mb"] = {"sidekiq": given["unit_memory_mb"]}
    groups = {group: [name] for group in ("mastodon", *REQUIRED_GROUPS)}
    cluster = read_cluster({"groups": groups, "hosts": {name: values}}, problems)
    assert cluster is not None  # it is only where there are no hosts
    host = replace(cluster.hosts[0], groups=(GROUP,))
    jobs = {
        queue: job if queue in host.queues else replace(job, rate=0.0) for queue, job in cluster.profile.queues.items()
    }
    return replace(cluster, profile=replace(cluster.profile, queues=jobs), hosts=(host,))


def _stop(problems: Problems) -> None:
    """Raise what was found, in the words of the options."""
    if not problems:
        return
    lines = [str(problem) for problem in problems.all()]
    for option, setting in SETTINGS.items():
        lines = [line.replace(setting, option) for line in lines]
    title = f"This host cannot be sized: {len(lines)} problem{'s' if len(lines) > 1 else ''}."
    raise WorkerSizeError("\n".join([title, *(f"  {number}. {line}" for number, line in enumerate(lines, 1))]))


def _served(units: tuple[SidekiqUnit, ...]) -> set[str]:
    return {queue for unit in units for queue, _ in unit.queues}


def _ground(host: HostInput, sized: Size) -> list[str]:
    """What the host has, before anything is chosen."""
    budget, room = sized.budget, sized.room
    assert room is not None
    others = ", ".join(f"{role} {claim}" for role, claim in budget.claims.items() if role != GROUP)
    near = "far: deliveries wait for" if room.distance.is_far else "near: deliveries hardly wait for"
    return [
        f"{host.cores} cores, of which others take {host.steal * 100:.0f} %: {sized.cores:.1f} are left,"
        f" {room.cores:.1f} of them for Sidekiq; jobs may use {DESIGN_LOAD * 100:.0f} % of these (sizing 1.15).",
        f"{budget.total} MB, of which the system keeps {budget.reserve}, a tenth stays free, and others"
        f" claim {others}: {room.memory_mb} MB are left, room for {room.processes} processes of {room.process_mb} MB.",
        f"{room.distance.db_ms:g} ms to the database and {room.distance.redis_ms:g} ms to Redis, which is {near} round"
        " trips.",
    ]


def _sentences(reasons: list[Reason]) -> list[str]:
    """One for all units of which the same holds."""
    alike: dict[str, list[str]] = {}
    for reason in reasons:
        place = PLACE.search(reason.path)
        if place:
            what = place["what"]
            one = what.replace("processes", "process").replace("threads", "thread")
            figure = what if reason.value is True else f"{reason.value} {one if reason.value == 1 else what}"
            bound = f" (limit: {reason.binding})" if reason.binding else ""
            alike.setdefault(f"{figure}: {reason.rule}{bound}.", []).append(place["unit"])
    return [f"{', '.join(units)}: {text}" for text, units in alike.items()]


def _assumed(host: HostInput, sized: Size) -> list[str]:
    """What nobody measured, and what is to be had for more."""
    distance, room = sized.distance, sized.room
    assert room is not None
    missing = [
        (what, ms)
        for what, known, ms in (
            ("the database", host.db_rtt_ms, distance.db_ms),
            ("Redis", host.redis_rtt_ms, distance.redis_ms),
        )
        if known is None
    ]
    found = [
        f"{host.name}: the round trip to {what} was neither given nor measured: {ms:g} ms assumed."
        for what, ms in missing
    ]
    if distance.is_far and not room.breaker_pool and any("push" in unit.queue_names for unit in sized.units):
        found.append(
            f"{host.name}: {distance.redis_ms:g} ms from Redis a process delivers at most"
            f" {breaker_limit(distance):.0f} a second, whatever its threads (real-mastodon 1.1). breaker_pool: true"
            " plans for processes without that limit; they need the initializer that this collection's role mastodon"
            " installs."
        )
    return found
