# GPL-3.0-or-later (see LICENSE)
"""Processes of each host: Puma, streaming, Sidekiq. Fixed sizes here, unless the inventory wishes others."""

from __future__ import annotations

from dataclasses import dataclass

from .model import ClusterInput, HostInput, Queue, UnitWish
from .names import QUEUES, SCHEDULER
from .placement import Placement
from .problems import Problems
from .why import Ledger

MAIN = UnitWish(
    name="main",
    queues=(("default", 8), ("push", 6), ("ingress", 4), ("mailers", 2), ("pull", 1), ("fasp", 1)),
    threads=10,
    db_pool=10,
)
SCHEDULER_UNIT = UnitWish(name=SCHEDULER, queues=((SCHEDULER, None),), threads=2, db_pool=2)


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
    """One Sidekiq process."""

    name: str
    queues: tuple[Queue, ...]
    threads: int
    db_pool: int
    on_demand: bool
    breaker_pool: bool
    takes_rest: bool


@dataclass(frozen=True)
class Units:
    """All processes of one host."""

    puma: tuple[Puma, ...]
    streaming: tuple[Streaming, ...]
    sidekiq_workers: tuple[SidekiqUnit, ...]

    @property
    def connections(self) -> int:
        """Database connections that they open at most, all at once."""
        return (
            sum(puma.workers * puma.db_pool for puma in self.puma)
            + sum(process.db_pool for process in self.streaming)
            + sum(unit.db_pool for unit in self.sidekiq_workers)
        )


def web_address(host: HostInput, cluster: ClusterInput) -> str:
    """Where web processes (and the object store) listen: on loopback if nginx is here and nowhere else."""
    entries = cluster.having("nginx")
    return "127.0.0.1" if [entry.name for entry in entries] == [host.name] else host.address


def size(cluster: ClusterInput, placement: Placement, problems: Problems, ledger: Ledger) -> dict[str, Units]:
    """Units of every host."""
    found = {host.name: _host(host, cluster, placement, problems, ledger) for host in cluster.hosts}
    served = {
        queue
        for units in found.values()
        for unit in units.sidekiq_workers
        if not unit.on_demand
        for queue, _ in unit.queues
    }
    missing = [queue for queue in QUEUES if queue not in served]
    workers = cluster.having("sidekiq_workers")
    if missing and workers and not problems:
        problems.add(
            [host.name for host in workers if host.units] or [host.name for host in workers],
            "mastodon_sidekiq_workers",
            f"no unit that always runs listens to {', '.join(missing)}: those jobs would wait for ever",
            "add the queue to a unit, or leave the setting out on one host",
        )
    return found


def _host(host: HostInput, cluster: ClusterInput, placement: Placement, problems: Problems, ledger: Ledger) -> Units:
    address = web_address(host, cluster)
    path = f"hosts.{host.name}"
    puma: list[Puma] = []
    streaming: list[Streaming] = []
    if host.has("puma"):
        wish = host.puma
        for number in range(wish.instances):
            port = host.ports.puma + number
            puma.append(Puma(str(port), address, port, wish.workers, wish.threads, wish.threads))
        ledger.because(
            f"{path}.puma",
            f"{wish.instances} × {wish.workers} workers × {wish.threads} threads",
            "as wished in mastodon_puma, else 2 workers of 3 threads; each thread one connection",
            workers=wish.workers,
            threads=wish.threads,
            instances=wish.instances,
        )
    if host.has("streaming"):
        for number in range(host.streaming.processes):
            port = host.ports.streaming + number
            streaming.append(Streaming(str(port), address, port, host.streaming.db_pool))
        ledger.because(
            f"{path}.streaming",
            host.streaming.processes,
            "as wished in mastodon_streaming, else one process with a pool of 10",
            processes=host.streaming.processes,
            db_pool=host.streaming.db_pool,
        )
    workers = _sidekiq(host, placement, problems, ledger) if host.has("sidekiq_workers") else ()
    return Units(tuple(puma), tuple(streaming), workers)


def _sidekiq(host: HostInput, placement: Placement, problems: Problems, ledger: Ledger) -> tuple[SidekiqUnit, ...]:
    wished = host.units if host.units is not None else (MAIN,)
    if host.name == placement.scheduler and not placement.scheduler_wished:
        if any(unit.name == SCHEDULER for unit in wished):
            problems.add(
                host.name,
                "mastodon_sidekiq_workers",
                "a unit is called scheduler and has no such queue, and the plan puts the scheduler here",
                "call it something else, or give it the queue scheduler",
            )
        wished = (*wished, SCHEDULER_UNIT)
    units = tuple(
        SidekiqUnit(
            name=unit.name,
            queues=unit.queues,
            threads=unit.threads,
            db_pool=unit.db_pool,
            on_demand=unit.on_demand,
            breaker_pool=unit.breaker_pool,
            takes_rest="default" in unit.queue_names,
        )
        for unit in wished
    )
    for unit in units:
        ledger.because(
            f"hosts.{host.name}.sidekiq_workers[{unit.name}].threads",
            unit.threads,
            _reason(host, unit),
            db_pool=unit.db_pool,
            queues=[queue for queue, _ in unit.queues],
        )
    return units


def _reason(host: HostInput, unit: SidekiqUnit) -> str:
    if unit.name in [wish.name for wish in host.units or ()]:
        return "as wished in mastodon_sidekiq_workers"
    if unit.name == SCHEDULER:
        return "the one scheduler; two threads, since timers rarely overlap"
    return "one process with all queues but scheduler, ten threads"
