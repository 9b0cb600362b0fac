# GPL-3.0-or-later (see LICENSE)
"""What each host can carry: memory is given away once, in a fixed order, and every claim is on the list.

Order: system and fixed services, PostgreSQL, Puma, Sidekiq (sizing 2.2, steps 1 to 7). Wishes are kept and claim first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from . import cpu, memory, redis_memory
from .capacity import Distance
from .model import ClusterInput, HostInput, UnitWish
from .names import APP_GROUPS, SCHEDULER
from .placement import Placement
from .problems import Problems
from .sidekiq import Chosen, Room, choose, needed, units
from .why import Ledger

UNMEASURED_MS = 0.5  # a round trip between hosts of one network, until it is measured
SMALL_MB = 2048  # below, one Redis process serves base, sidekiq and cache
SOCKETS_PER_USER = 0.08  # browsers connected at once, of the people active in a month (sizing 1.21)
SOCKETS_PER_PROCESS = 1500
STREAMING_POOL = 10
STEP_MB = 64
BESIDE_SIDEKIQ = 1.25  # workers for each core of the web's share, as jobs leave some of it idle
PUMA_THREADS = 3  # two or three; one would let a look-up elsewhere hold the worker (real-mastodon 6)


@dataclass(frozen=True)
class Size:
    """What one host gets. `chosen` is None where the admin wrote the units."""

    cores: float
    shares: dict[str, float]
    distance: Distance
    budget: memory.Budget
    postgres_mb: int
    redis_mb: dict[str, int]
    workers: int
    threads: int
    processes: int
    db_pool: int
    units: tuple[UnitWish, ...]
    chosen: tuple[Chosen, ...] | None
    room: Room | None

    @property
    def left(self) -> int:
        """What services could still claim, in MB."""
        return max(0, memory.usable(self.budget.total) - self.budget.claimed)


def sockets(cluster: ClusterInput) -> int:
    """Browsers and apps that hold a socket open, in the whole cluster."""
    return math.ceil(cluster.monthly_active_users * SOCKETS_PER_USER)


def distance(host: HostInput, cluster: ClusterInput) -> Distance:
    """Round trips to PostgreSQL and Redis: measured, 0 on the same host, else assumed."""
    return Distance(
        0.0 if host.has("postgres") else _or_assumed(host.db_rtt_ms),
        0.0 if host.has("redis") else _or_assumed(host.redis_rtt_ms),
    )


def _or_assumed(measured: float | None) -> float:
    return UNMEASURED_MS if measured is None else measured


def size(host: HostInput, cluster: ClusterInput, placement: Placement, problems: Problems, ledger: Ledger) -> Size:
    """Size one host. Needs of other hosts only what the cluster shares: where scheduler, database and Redis are."""
    sizer = _Sizer(host, cluster, placement, ledger)
    found = sizer.size()
    short = sizer.short(found.budget)
    if short > 0:
        _too_little(sizer, found.budget, short, problems)
    return found


def _too_little(sizer: _Sizer, budget: memory.Budget, short: int, problems: Problems) -> None:
    """What the host lacks for what it shall run, and the cheapest ways out."""
    host = sizer.host
    unit_mb = host.unit_memory_mb["sidekiq"]
    claims = [f"{name} {size}" for name, size in budget.claims.items() if size]
    claims += [f"one Sidekiq process {unit_mb}"] if sizer.needs_unit(budget) else []
    fixes = [f"give it {_enough(sizer)} MB (mastodon_memory_mb)"]
    if host.units and unit_mb * len(host.units) > short:
        fixes.insert(0, f"leave {math.ceil(short / unit_mb)} of its {len(host.units)} Sidekiq processes out")
    elif host.puma.workers and host.puma.workers > 1:
        fixes.insert(0, "have fewer workers in mastodon_puma")
    else:
        fixes.append("move one of its roles to another host")
    problems.add(
        host.name,
        "mastodon_memory_mb",
        f"{budget.total} MB, of which the system keeps {budget.reserve} and a tenth stays free, are {short} MB too few"
        f" for what it shall run ({', '.join(claims)})",
        ", or ".join(fixes),
    )


def _enough(sizer: _Sizer) -> int:
    """The least memory in MB with which the host fits, in steps of 64. Claims grow with it, so it is tried out."""

    def fits(steps: int) -> bool:
        host = replace(sizer.host, memory_mb=steps * STEP_MB)
        other = _Sizer(host, sizer.cluster, sizer.placement, Ledger())
        return other.short(other.size().budget) <= 0

    low = sizer.host.memory_mb // STEP_MB
    high = low + 1
    while not fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high * STEP_MB


class _Sizer:
    """One host's way through the steps."""

    def __init__(self, host: HostInput, cluster: ClusterInput, placement: Placement, ledger: Ledger) -> None:
        self.host, self.cluster, self.placement, self.ledger = host, cluster, placement, ledger
        self.ours = placement.roles[host.name]
        self.scheduler = host.name == placement.scheduler and not placement.scheduler_wished
        self.queues = tuple(q for q in host.queues if q != SCHEDULER or self.scheduler)
        self.cores = cpu.effective(host.cores, host.steal)
        only_timers = host.has("sidekiq_workers") and set(host.queues) <= {SCHEDULER}
        self.shares = cpu.shares(self.cores, self.ours, only_timers)
        self.claims: dict[str, int] = {}
        self.path = f"hosts.{host.name}"

    @property
    def left(self) -> int:
        return memory.usable(self.host.memory_mb) - sum(self.claims.values())

    def size(self) -> Size:
        host = self.host
        streaming = host.streaming.processes or self._streaming()
        redis_mb = self._fixed(streaming)
        postgres_mb = self._postgres()
        wished = host.units is not None and host.has("sidekiq_workers")
        if wished:
            self._claim_sidekiq(len(host.units or ()) + self.scheduler)
        workers = self._puma()
        found = host.units or ()
        chosen, room = None, None
        if host.has("sidekiq_workers") and not wished:
            chosen, found, room = self._sidekiq()
            self._claim_sidekiq(len(found))
        elif wished and self.scheduler:
            found = (*found, UnitWish(SCHEDULER, ((SCHEDULER, None),), 2, 2))
        if "postgres" in self.claims:
            self._give_back()
            postgres_mb = self.claims["postgres"]
        budget = memory.Budget(host.memory_mb, memory.reserve(host.memory_mb), dict(self.claims))
        return Size(
            cores=self.cores,
            shares=self.shares,
            distance=distance(host, self.cluster),
            budget=budget,
            postgres_mb=postgres_mb,
            redis_mb=redis_mb,
            workers=workers,
            threads=host.puma.threads or PUMA_THREADS,
            processes=streaming,
            db_pool=host.streaming.db_pool or STREAMING_POOL,
            units=found,
            chosen=chosen,
            room=room,
        )

    def _claim(self, role: str, size: int, rule: str, **inputs: Any) -> None:
        self.claims[role] = size
        self.ledger.because(f"{self.path}.memory_mb.claims.{role}", size, rule, **inputs)

    def _claim_sidekiq(self, processes: int) -> None:
        one = self.host.unit_memory_mb["sidekiq"]
        self._claim(
            "sidekiq_workers",
            one * processes,
            "its processes, each as large as after weeks (mastodon_unit_memory_mb)",
            processes=processes,
            process_mb=one,
        )

    def _streaming(self) -> int:
        """One Node process for so many sockets, shared by all hosts that have them."""
        hosts = len(self.cluster.having("streaming"))
        return max(1, math.ceil(sockets(self.cluster) / max(1, hosts) / SOCKETS_PER_PROCESS))

    def _fixed(self, streaming: int) -> dict[str, int]:
        host, claims = self.host, self.claims
        claims["system"] = memory.SYSTEM_MB
        if host.has("nginx"):
            claims["nginx"] = memory.NGINX_MB
        if "minio" in self.ours:
            self._claim(
                "minio",
                memory.minio(host.memory_mb, host.unit_memory_mb),
                "mastodon_unit_memory_mb.minio, else an eighth of the host, from 256 to 1024 MB",
                memory_mb=host.memory_mb,
            )
        if host.has(*APP_GROUPS):
            claims["relay"] = memory.RELAY_MB
        if "pgbouncer" in self.ours:
            claims["pgbouncer"] = memory.pooler(400)
        if host.has("streaming"):
            share = sockets(self.cluster) // max(1, len(self.cluster.having("streaming")))
            self._claim(
                "streaming",
                memory.streaming(streaming, share, host.unit_memory_mb),
                f"its processes, and {memory.SOCKET_KB} kB for each browser that is connected (real-mastodon 3)",
                processes=streaming,
                process_mb=host.unit_memory_mb["streaming"],
                sockets=share,
            )
        redis_mb: dict[str, int] = {}
        if host.has("redis"):
            redis_mb = redis_memory.limits(self.cluster.users_7d, host.memory_mb)
            processes = [redis_mb] if host.memory_mb < SMALL_MB else [{name: redis_mb[name]} for name in redis_mb]
            self._claim(
                "redis",
                sum(redis_memory.claim(serves) for serves in processes),
                "half as much again as maxmemory, for the child that writes the file; a cache of its own writes none"
                " (sizing 1.22)",
                **{f"{name}_mb": size for name, size in redis_mb.items()},
            )
        return redis_mb

    def _postgres(self) -> int:
        """Most of a host of its own, a third of one that it shares; claimed before any Ruby process."""
        if not self.host.has("postgres"):
            return 0
        alone = not self.host.has("puma", "sidekiq_workers")
        share = memory.POSTGRES_DEDICATED if alone else memory.POSTGRES_SHARED
        left = self.host.memory_mb - memory.reserve(self.host.memory_mb) - sum(self.claims.values())
        given = max(memory.POSTGRES_MB, math.floor(min(share * left, self.left)))
        self.claims["postgres"] = given
        return given

    def _puma(self) -> int:
        host = self.host
        if not host.has("puma"):
            return 0
        beside = host.has("sidekiq_workers") and host.units is None
        share = self.shares["puma"]
        wanted = max(2 if self.cores > 1 else 1, round(share * (BESIDE_SIDEKIQ if beside else 1)))
        master, worker = host.unit_memory_mb["puma_master"], host.unit_memory_mb["puma_worker"]
        fits = self._beside_sidekiq(wanted) if beside else max(1, math.floor((self.left - master) / worker))
        workers = host.puma.workers or min(wanted, fits)
        self._claim(
            "puma",
            memory.puma(workers, host.unit_memory_mb) * host.puma.instances,
            "a master and its workers, each as large as after weeks (mastodon_unit_memory_mb)",
            instances=host.puma.instances,
            master_mb=master,
            workers=workers,
            worker_mb=worker,
        )
        if host.puma.workers is None:
            short = workers < wanted
            self.ledger.because(
                f"{self.path}.puma.workers",
                workers,
                "one a core of the web's share and a quarter more, as far as memory goes; from the third on after the"
                " Sidekiq processes that so many cores need (sizing 2.2, 5)"
                if beside
                else "one a core of the web's share, as far as memory goes (sizing 2.2, 5)",
                f"memory: {wanted} wanted, {worker} MB each" if short else f"{share:.1f} cores",
                cores_of_the_web=round(share, 2),
                wanted=wanted,
            )
            if short:
                self.ledger.warn(f"{host.name}: {workers} Puma workers instead of {wanted}, for want of memory.")
        else:
            self.ledger.because(f"{self.path}.puma.workers", workers, "as wished in mastodon_puma")
        return workers

    def _beside_sidekiq(self, wanted: int) -> int:
        """Workers that memory has room for where Sidekiq lives on the same host.

        The third and each further one waits for the Sidekiq processes that are needed where its core is first there:
        then more cores or more memory never take from either (sizing 2.3, I18).
        """
        one = self.host.unit_memory_mb

        def fits(workers: int, processes: int) -> bool:
            return self.left >= memory.puma(workers, one) + processes * one["sidekiq"]

        if not fits(2, 2):
            return 1
        workers = 2
        for_each = self.shares["sidekiq_workers"] / self.shares["puma"]
        while workers < wanted:
            cores = (workers + 0.5) / BESIDE_SIDEKIQ * for_each
            if not fits(workers + 1, needed(self._room(cores, self.left))):
                break
            workers += 1
        return workers

    def _room(self, cores: float, memory_mb: int) -> Room:
        host = self.host
        return Room(
            cores=cores,
            memory_mb=max(0, memory_mb),
            process_mb=host.unit_memory_mb["sidekiq"],
            distance=distance(host, self.cluster),
            queues=self.queues,
            scheduler=self.scheduler,
            breaker_pool=self.cluster.breaker_pool,
            profile=self.cluster.profile,
        )

    def _sidekiq(self) -> tuple[tuple[Chosen, ...], tuple[UnitWish, ...], Room]:
        room = self._room(self.shares["sidekiq_workers"], self.left)
        # Hosts that are alike get the same; thousands of them are a few kinds.
        kind = (room.cores, room.processes, room.process_mb, room.distance, room.queues, room.scheduler)
        known: dict[object, tuple[tuple[Chosen, ...], tuple[UnitWish, ...]]]
        known = self.cluster.__dict__.setdefault("_chosen", {})
        if kind not in known:
            chosen = tuple(choose(room))
            known[kind] = (chosen, units(chosen))
        return (*known[kind], room)

    def _give_back(self) -> None:
        """Wishes come first: PostgreSQL gives memory back, down to a quarter of the host, and it is said."""
        least = max(memory.POSTGRES_MB, math.floor(self.host.memory_mb * memory.POSTGRES_LEAST))
        give = min(-self.left, self.claims["postgres"] - least)
        if self.left < 0 < give:
            self.claims["postgres"] -= give
            self.ledger.warn(
                f"{self.host.name}: PostgreSQL gets {self.claims['postgres']} MB, {give} MB less than its share,"
                " because of wishes for other processes."
            )

    def needs_unit(self, budget: memory.Budget) -> bool:
        """Whether not even one Sidekiq process found room."""
        asked = self.host.has("sidekiq_workers") and bool(self.queues)
        return asked and not budget.claims.get("sidekiq_workers")

    def short(self, budget: memory.Budget) -> int:
        """MB that are missing; 0 or less where all fits."""
        unit = self.host.unit_memory_mb["sidekiq"] if self.needs_unit(budget) else 0
        return budget.claimed + unit - memory.usable(budget.total)
