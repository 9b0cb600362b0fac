# GPL-3.0-or-later (see LICENSE)
"""Processes of each host: Puma, streaming, Sidekiq, as the roles take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import capacity
from .capacity import Distance
from .model import ClusterInput, HostInput, Queue, UnitWish
from .names import QUEUES, SCHEDULER
from .placement import Placement
from .problems import Problems
from .profile import Profile
from .sidekiq import Chosen
from .sizing import Size
from .why import Ledger

# What the number of processes follows, in a sentence.
NEEDS = {capacity.CORE: "processor time", capacity.THREADS: "threads", capacity.BREAKER: "breaker lock"}


@dataclass(frozen=True)
class Puma:
    """One Puma: a cluster of forked workers behind one port."""

    name: str
    address: str
    port: int
    workers: int
    threads: int
    db_pool: int


@dataclass(frozen=True)
class Streaming:
    """One Node process."""

    name: str
    address: str
    port: int
    db_pool: int


@dataclass(frozen=True)
class SidekiqUnit:
    """One Sidekiq process. capacity: jobs per second if it did this queue only. binding: what keeps it from more."""

    name: str
    queues: tuple[Queue, ...]
    threads: int
    db_pool: int
    on_demand: bool
    breaker_pool: bool
    takes_rest: bool
    capacity: Mapping[str, float]
    binding: str


@dataclass(frozen=True)
class Units:
    """All processes of one host."""

    puma: tuple[Puma, ...]
    streaming: tuple[Streaming, ...]
    sidekiq_workers: tuple[SidekiqUnit, ...]

    @property
    def connections(self) -> int:
        """Database connections that they open at most, all at once (sizing 1.26)."""
        return self.replicated + sum(process.db_pool for process in self.streaming)

    @property
    def replicated(self) -> int:
        """Those that are opened a second time where there is a replica."""
        web = sum(puma.workers * puma.db_pool for puma in self.puma)
        return web + sum(unit.db_pool for unit in self.sidekiq_workers)


def web_address(host: HostInput, cluster: ClusterInput) -> str:
    """Where web processes (and the object store) listen: on loopback if nginx is here and nowhere else."""
    entries = cluster.having("nginx")
    return "127.0.0.1" if [entry.name for entry in entries] == [host.name] else host.address


def make(
    cluster: ClusterInput, placement: Placement, sizes: Mapping[str, Size], problems: Problems, ledger: Ledger
) -> dict[str, Units]:
    """Units of every host."""
    found = {host.name: _host(host, cluster, placement, sizes[host.name], problems, ledger) for host in cluster.hosts}
    _check_queues(cluster, found, problems, ledger)
    return found


def _host(
    host: HostInput, cluster: ClusterInput, placement: Placement, size: Size, problems: Problems, ledger: Ledger
) -> Units:
    address = web_address(host, cluster)
    path = f"hosts.{host.name}"
    puma: list[Puma] = []
    streaming: list[Streaming] = []
    if host.has("puma"):
        for number in range(host.puma.instances):
            port = host.ports.puma + number
            puma.append(Puma(str(port), address, port, size.workers, size.threads, size.threads))
        ledger.because(
            f"{path}.puma.threads",
            size.threads,
            "as wished in mastodon_puma"
            if host.puma.threads
            else "a thread more costs pages a second; one alone would be held by a look-up elsewhere (real-mastodon"
            " 1.3)",
        )
    if host.has("streaming"):
        for number in range(size.processes):
            port = host.ports.streaming + number
            streaming.append(Streaming(str(port), address, port, size.db_pool))
        ledger.because(
            f"{path}.streaming",
            size.processes,
            "as wished in mastodon_streaming"
            if host.streaming.processes
            else "a process for 1500 sockets; 8 of 100 monthly active people are connected at once (sizing 1.21)",
            monthly_active_users=cluster.monthly_active_users,
        )
    workers = _sidekiq(host, cluster, placement, size, problems, ledger) if host.has("sidekiq_workers") else ()
    return Units(tuple(puma), tuple(streaming), workers)


def _sidekiq(
    host: HostInput, cluster: ClusterInput, placement: Placement, size: Size, problems: Problems, ledger: Ledger
) -> tuple[SidekiqUnit, ...]:
    placed = host.name == placement.scheduler and not placement.scheduler_wished
    if placed and any(unit.name == SCHEDULER for unit in host.units or ()):
        problems.add(
            host.name,
            "mastodon_sidekiq_workers",
            "a unit is called scheduler and has no such queue, and the plan puts the scheduler here",
            "call it something else, or give it the queue scheduler",
        )
    # Hosts that are alike share what is the same for all of them; thousands of them are a few kinds.
    known: dict[object, tuple[SidekiqUnit, ...]] = cluster.__dict__.setdefault("_units", {})
    key = (size.units, size.distance)
    if key not in known:
        known[key] = tuple(_unit(wish, size.distance, cluster.profile) for wish in size.units)
    found = known[key]
    if size.chosen is not None:
        number = 0
        for kind in size.chosen:
            _explain(host, found[number], kind.kind.name, kind, size, ledger)
            number += kind.processes
        _say_what_is_missing(host, size, ledger)
    else:
        for unit in found:
            _explain(host, unit, unit.name, None, size, ledger)
            _say_what_is_wasted(host, unit, size.distance, ledger)
    return found


def _unit(wish: UnitWish, distance: Distance, profile: Profile) -> SidekiqUnit:
    each = {
        queue: capacity.unit(queue, profile.queues[queue], wish.threads, distance, wish.breaker_pool)
        for queue, _ in wish.queues
    }
    heaviest = max(each, key=lambda queue: (profile.queues[queue].rate, queue), default="")
    return SidekiqUnit(
        name=wish.name,
        queues=wish.queues,
        threads=wish.threads,
        db_pool=wish.db_pool,
        on_demand=wish.on_demand,
        breaker_pool=wish.breaker_pool,
        takes_rest="default" in wish.queue_names,
        capacity={queue: round(found.per_second, 1) for queue, found in each.items()},
        binding=each[heaviest].binding if heaviest else "",
    )


def _explain(host: HostInput, unit: SidekiqUnit, name: str, kind: Chosen | None, size: Size, ledger: Ledger) -> None:
    """Processes that are alike have one reason, under the name of their kind."""
    if kind is None:
        rule = (
            "the one scheduler; two threads, since timers rarely overlap"
            if unit.name == SCHEDULER
            else "as wished in mastodon_sidekiq_workers"
        )
    elif kind.kind.name == SCHEDULER:
        rule = "the one scheduler; mails beside it, apart from federation (sizing 2.2, 7)"
    elif size.distance.is_far:
        rule = "far from Redis: threads wait for round trips, so many of them (real-mastodon 1.2)"
    elif unit.binding == capacity.CORE and unit.threads <= 5:
        rule = "near the database: fewer threads do more a second, as far as memory goes (real-mastodon 1.3)"
    else:
        rule = "threads for the waiting of its queues, slow servers elsewhere included (sizing 1.7)"
    ledger.because(
        f"hosts.{host.name}.sidekiq_workers[{name}].threads",
        unit.threads,
        rule,
        unit.binding,
        db_rtt_ms=size.distance.db_ms,
        redis_rtt_ms=size.distance.redis_ms,
        queues=[queue for queue, _ in unit.queues],
    )
    if unit.breaker_pool:
        ledger.because(
            f"hosts.{host.name}.sidekiq_workers[{name}].breaker_pool",
            True,
            "deliveries that wait for one connection of their breaker would be"
            f" {capacity.breaker_limit(size.distance):.0f} a second here, whatever the threads (real-mastodon 1.1)",
            redis_rtt_ms=size.distance.redis_ms,
        )


def _say_what_is_missing(host: HostInput, size: Size, ledger: Ledger) -> None:
    """What binds each kind, and that memory kept the plan from more."""
    for kind in size.chosen or ():
        short = kind.processes < kind.wanted
        more = host.unit_memory_mb["sidekiq"]
        ledger.because(
            f"hosts.{host.name}.sidekiq_workers[{kind.kind.name}].processes",
            kind.processes,
            "as many as the load at 70 % of its cores needs; from half of the memory left, more for backlogs",
            f"memory: {kind.wanted} wanted, one more needs {more} MB, {size.left} MB are left"
            if short
            else f"70 % of {size.shares['sidekiq_workers']:.1f} cores, by its {NEEDS[kind.binding]}",
            wanted=kind.wanted,
        )
        if short:
            ledger.warn(
                f"{host.name}: {kind.processes} of {kind.wanted} {kind.kind.name} processes that its cores could"
                " feed; one"
                f" more claims {more} MB."
            )
    if size.chosen and len(size.chosen) == 1 and size.room and size.room.processes <= 1 and len(size.room.queues) > 1:
        ledger.warn(
            f"{host.name}: one Sidekiq process for all queues, since memory is short: slow servers elsewhere will delay"
            " what people wait for."
        )


def _say_what_is_wasted(host: HostInput, unit: SidekiqUnit, distance: Distance, ledger: Ledger) -> None:
    """A wish is kept; what it costs for nothing is said."""
    if "push" not in unit.capacity or unit.breaker_pool or not distance.is_far:
        return
    limit = capacity.breaker_limit(distance)
    if unit.threads > 5 and unit.capacity["push"] >= 0.9 * limit:
        ledger.warn(
            f"{host.name}: unit {unit.name} has {unit.threads} threads, and its circuit breaker lets {limit:.0f}"
            " deliveries"
            f" a second through at {distance.redis_ms:g} ms from Redis. Set breaker_pool: true for it, or have several"
            " processes of 5 threads."
        )


def _check_queues(cluster: ClusterInput, found: Mapping[str, Units], problems: Problems, ledger: Ledger) -> None:
    always = [unit for units in found.values() for unit in units.sidekiq_workers if not unit.on_demand]
    served = {queue for unit in always for queue, _ in unit.queues}
    missing = [queue for queue in QUEUES if queue not in served]
    workers = cluster.having("sidekiq_workers")
    if missing and workers and not problems:
        wished = [host.name for host in workers if host.units]
        problems.add(
            wished or [host.name for host in workers],
            "mastodon_sidekiq_workers" if wished else "mastodon_sidekiq_queues",
            f"no unit that always runs listens to {', '.join(missing)}: those jobs would wait for ever",
            "add the queue to a unit, or leave the setting out on one host"
            if wished
            else "give the queue to one of the hosts, or put a host without this setting into sidekiq_workers",
        )
    slow = {"push", "pull", "fasp"}
    mixed = [
        queue
        for queue in ("default", "ingress", "mailers")
        if not any(queue in unit.capacity and not slow & set(unit.capacity) for unit in always)
    ]
    if mixed and not missing:
        ledger.warn(
            f"No process has {', '.join(mixed)} without push or pull beside it: where servers elsewhere are slow,"
            " people here"
            " wait too."
        )
