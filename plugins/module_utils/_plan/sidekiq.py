# GPL-3.0-or-later (see LICENSE)
"""Which Sidekiq processes a host gets: queues, threads, how many of each. Looks at this host alone.

That is why one more host changes no unit of another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from . import capacity
from .capacity import Distance
from .cpu import DESIGN_LOAD
from .erlang import staffing_estimate
from .model import Queue, UnitWish
from .names import SCHEDULER
from .profile import BUSY_LIMIT, Profile, QueueProfile
from .queueing import mva, threads_95

LEAST_SAVING = 0.05  # cores that one more process must save to be worth its memory
THREADS_BUSY = 0.8  # of the threads at design load (sizing 1.7)
TYPICAL_THREADS = 5
SCHEDULER_THREADS = 5
LATENCY_THREADS = 3  # at least, all latency processes of a host together: one slow job must not stop the queue


@dataclass(frozen=True)
class Room:
    """What a host has for Sidekiq.

    cores: at full use. memory_mb: for all its processes, each claiming process_mb. queues: those that this host may
    serve. scheduler: whether the one scheduler of the cluster lives here. breaker_pool: whether far deliveries may use
    it.
    """

    cores: float
    memory_mb: int
    process_mb: int
    distance: Distance
    queues: tuple[str, ...]
    scheduler: bool
    breaker_pool: bool
    profile: Profile

    @property
    def processes(self) -> int:
        """As many as fit into the memory."""
        return max(0, self.memory_mb // self.process_mb)


@dataclass(frozen=True)
class Kind:
    """Processes that are alike. more: queues that they help with, and that others are there for."""

    name: str
    queues: tuple[Queue, ...]
    options: tuple[int, ...]
    least_threads: int = 1
    more: tuple[Queue, ...] = ()

    @property
    def listens(self) -> tuple[Queue, ...]:
        """All of them, as Sidekiq is told."""
        return (*self.queues, *self.more)


@dataclass(frozen=True)
class Chosen:
    """A kind, its threads, how many processes, how many the load asks for, and what kept it there."""

    kind: Kind
    threads: int
    processes: int
    wanted: int
    binding: str
    breaker_pool: bool


ALL: tuple[Queue, ...] = (("default", 8), ("ingress", 4), ("push", 6), ("mailers", 2), ("pull", 1), ("fasp", 1))
FEW, SOME, MANY = (1, 2, 3, 5, 10), (5, 10, 15, 25), (10, 15, 25, 50)
HELP: tuple[Queue, ...] = (("default", 1),)  # safe there: ingress waits for no server that may be dead
SPARE = 0.5  # of the memory that is left over goes to processes for backlogs, the rest to whoever is started on demand
ALL_APART = 5  # processes from which on each kind has its own
PEAK = 1.25  # cores at 70 % carry that much more than the load that is designed for, as few threads compete then


def choose(room: Room) -> list[Chosen]:
    """The units of a host (sizing 2.2, steps 6 to 8), by what real Mastodon does (real-mastodon 1.1 to 1.3).

    Each kind begins with its most threads, which needs the fewest processes. As long as memory is left, the kind whose
    next smaller size saves the most processor time per added process gets it: near the database fewer threads do more.
    """
    kinds = _kinds(room)
    if not kinds or room.processes < 1:
        return []
    scale = _scale(room)
    chosen = [_at(room, kind, scale, kind.options[-1]) for kind in kinds]
    if sum(each.processes for each in chosen) > room.processes:
        return [_slimmed(room, each, scale) for each in _squeeze(room, chosen, scale)]
    return _for_backlogs(room, _spread(room, chosen, scale), scale)


def needed(room: Room) -> int:
    """Processes that carry what the cores are designed for while no server elsewhere is slow, each kind on its own.

    With the most threads each; whatever memory there is.
    """
    ample = replace(room, memory_mb=ALL_APART * room.process_mb)
    scale = _scale(ample)
    return sum(max(1, math.ceil(_carrying(ample, kind, kind.options[-1], scale))) for kind in _kinds(ample))


def units(chosen: Sequence[Chosen]) -> tuple[UnitWish, ...]:
    """As an admin would have written them."""
    found = []
    for each in chosen:
        for number in range(1, each.processes + 1):
            name = each.kind.name if each.processes == 1 else f"{each.kind.name}-{number}"
            found.append(UnitWish(name, each.kind.listens, each.threads, each.threads, breaker_pool=each.breaker_pool))
    return tuple(found)


def _kinds(room: Room) -> list[Kind]:
    """From the memory to a split of the queues: first what people wait for apart from what waits for others."""
    few = SOME if room.distance.is_far else FEW
    many = (5, 10) if room.distance.is_far and not room.breaker_pool else MANY
    fits = room.processes
    if room.queues == (SCHEDULER,):
        return [Kind(SCHEDULER, ((SCHEDULER, None),), (SCHEDULER_THREADS,))]
    timers: tuple[Queue, ...] = ((SCHEDULER, 1),) if room.scheduler else ()
    network = Kind("network", (("push", 6), ("pull", 2), ("fasp", 1)), many)
    if fits <= 1:
        split = [Kind("all", (*ALL, *timers), SOME)]
    elif fits == 2:
        split = [Kind("latency", (("default", 8), ("ingress", 4), ("mailers", 2), *timers), SOME), network]
    elif room.scheduler:
        split = [Kind(SCHEDULER, ((SCHEDULER, 2), ("mailers", 1)), (SCHEDULER_THREADS,))]
        if fits <= 4:
            split += [Kind("latency", (("default", 8), ("ingress", 4)), SOME)]
            split += [network] if fits == 3 else _apart(many)
        else:
            split += [
                Kind("latency", (("default", None),), few, LATENCY_THREADS),
                Kind("ingress", (("ingress", 8),), SOME, more=HELP),
                *_apart(many),
            ]
    else:
        split = [Kind("latency", (("default", None),), few, LATENCY_THREADS)]
        split += [Kind("ingress", (("ingress", 8), ("mailers", 2)), SOME, more=HELP)]
        split += [network] if fits == 3 else _apart(many)
    return [kept for kind in split if (kept := _kept(kind, room.queues))]


def _apart(many: tuple[int, ...]) -> list[Kind]:
    return [Kind("push", (("push", 6), ("fasp", 1)), many), Kind("pull", (("pull", None),), MANY)]


def _kept(kind: Kind, queues: tuple[str, ...]) -> Kind | None:
    left = tuple(pair for pair in kind.queues if pair[0] in queues)
    more = tuple(pair for pair in kind.more if pair[0] in queues)
    if len(left) == 1 and not more:
        left = ((left[0][0], None),)
    return replace(kind, queues=left, more=more) if left else None


def _jobs(room: Room, kind: Kind) -> dict[str, QueueProfile]:
    return {queue: room.profile.queues[queue] for queue, _ in kind.queues}


def _scale(room: Room) -> float:
    """How many times the profile's rates this host takes at design load."""
    jobs = [room.profile.queues[queue] for queue in room.queues]
    return DESIGN_LOAD * room.cores * 1000 / max(0.001, capacity.mix_cpu_ms(jobs, TYPICAL_THREADS))


def _at(room: Room, kind: Kind, scale: float, threads: int) -> Chosen:
    """How many processes of that many threads this kind needs at design load, and which need is the largest."""
    jobs = _jobs(room, kind)
    pool = room.distance.is_far and room.breaker_pool and any(queue == "push" for queue, _ in kind.listens)
    core = scale * capacity.mix_cpu_ms(jobs.values(), threads) / 1000 / (DESIGN_LOAD / BUSY_LIMIT)
    busy = sum(
        scale * job.rate * capacity.service_s(job, room.distance, room.profile.slow_share, room.profile.slow_s)
        for job in jobs.values()
    )
    slow = any(job.slow for job in jobs.values())
    # Where somebody waits for the result, hardly any job may find all threads busy (sizing 1.10).
    many = max(
        busy / THREADS_BUSY if slow else staffing_estimate(PEAK * busy), _to_fill_cores(room, jobs, core, threads)
    )
    needs = {
        capacity.CORE: math.ceil(core),
        capacity.THREADS: math.ceil(max(many, kind.least_threads) / threads),
    }
    if "push" in jobs and not pool:
        needs[capacity.BREAKER] = math.ceil(
            scale * jobs["push"].rate / (THREADS_BUSY * capacity.breaker_limit(room.distance))
        )
    if kind.name == SCHEDULER:
        needs = {capacity.CORE: 1}
    binding = max(needs, key=lambda name: needs[name])
    wanted = max(1, needs[binding])
    return Chosen(kind, threads, wanted, wanted, binding, pool)


def _to_fill_cores(room: Room, jobs: Mapping[str, QueueProfile], cores: float, threads: int) -> float:
    """Threads with which the work fills so many cores to 95 %, the rest of them waiting (sizing 1.5)."""
    rate = sum(job.rate for job in jobs.values())
    if rate <= 0:
        return 0.0
    spent = capacity.mix_cpu_ms(jobs.values(), threads) / rate / 1000
    waited = sum(job.rate * capacity.wait_ms(job, room.distance) for job in jobs.values()) / rate / 1000
    return cores * threads_95(spent, waited)


def _carrying(room: Room, kind: Kind, threads: int, scale: float) -> float:
    """Processes, in fractions, that carry the load while no server elsewhere is slow."""
    jobs = _jobs(room, kind)
    found = [
        scale * capacity.mix_cpu_ms(jobs.values(), threads) / 1000 / (DESIGN_LOAD / BUSY_LIMIT),
        scale
        * sum(job.rate * capacity.service_s(job, room.distance) for job in jobs.values())
        / THREADS_BUSY
        / threads,
    ]
    if "push" in jobs and not (room.distance.is_far and room.breaker_pool):
        found.append(scale * jobs["push"].rate / (THREADS_BUSY * capacity.breaker_limit(room.distance)))
    return max(found)


def _squeeze(room: Room, chosen: Sequence[Chosen], scale: float) -> list[Chosen]:
    """Too little memory: one process each, then where the most is missing.

    First for the load itself, in fractions, so that more cores do not shift processes from queue to queue (sizing 2.3,
    I18); then for the slow servers that some of the queues wait for.
    """
    counts = [1 for _ in chosen]
    needs = [_carrying(room, each.kind, each.threads, scale) for each in chosen]
    while sum(counts) < room.processes:
        lacking = [(max(1.0, need / count), each.wanted / count) for each, need, count in zip(chosen, needs, counts)]
        worst = max(range(len(counts)), key=lambda index: (lacking[index], -index))
        if max(lacking[worst]) <= 1:
            break
        counts[worst] += 1
    return [
        replace(each, processes=count, binding="memory" if count < each.wanted else each.binding)
        for each, count in zip(chosen, counts)
    ]


def _slimmed(room: Room, chosen: Chosen, scale: float) -> Chosen:
    """The fewest threads with which its processes still carry the load."""
    for threads in chosen.kind.options:
        smaller = _at(room, chosen.kind, scale, threads)
        if threads < chosen.threads and smaller.wanted <= chosen.processes:
            return replace(chosen, threads=threads, wanted=smaller.wanted, binding=smaller.binding)
    return chosen


def _spread(room: Room, chosen: list[Chosen], scale: float) -> list[Chosen]:
    """Spend spare memory on fewer threads a process where that saves processor time."""
    spare = room.processes - sum(each.processes for each in chosen)
    while True:
        best: tuple[float, int, Chosen] | None = None
        for index, now in enumerate(chosen):
            for threads in now.kind.options:
                if threads >= now.threads:
                    continue
                other = _at(room, now.kind, scale, threads)
                more = other.processes - now.processes
                if more > spare:
                    continue
                saved = _cores(room, now, scale) - _cores(room, other, scale)
                worth = saved / max(1, more)
                if saved > 0 and (more <= 0 or worth >= LEAST_SAVING) and (best is None or worth > best[0]):
                    best = (worth, index, other)
        if best is None:
            return chosen
        _, index, other = best
        spare -= other.processes - chosen[index].processes
        chosen[index] = other


def _for_backlogs(room: Room, chosen: list[Chosen], scale: float) -> list[Chosen]:
    """Some spare memory for more processes, so that a backlog of one queue alone can use all cores of the host.

    The kind with the most work goes first: where it is short of processes, most of the cores stand idle.
    """
    spare = math.floor(SPARE * (room.processes - sum(each.processes for each in chosen)))
    full = [0 if each.kind.name == SCHEDULER else math.ceil(room.cores / _alone(room, each)) for each in chosen]
    work = [_cores(room, each, scale) for each in chosen]
    for _ in range(spare):
        lacking = [
            (1 - each.processes / most) * share if each.processes < most else 0.0
            for each, most, share in zip(chosen, full, work)
        ]
        index = max(range(len(chosen)), key=lambda index: (lacking[index], -index))
        if lacking[index] <= 0:
            break
        chosen[index] = replace(chosen[index], processes=chosen[index].processes + 1)
    return chosen


def _alone(room: Room, chosen: Chosen) -> float:
    """Cores that one such process uses when it has nothing but its first queue, its jobs taking turns (sizing 1.4).

    Never a whole one: what is left of a core goes to a process more, and two on two cores leave a twentieth idle.
    """
    queue = chosen.kind.queues[0][0]
    job = room.profile.queues[queue]
    spent = capacity.cpu_ms(job, chosen.threads) / 1000
    most = mva(chosen.threads, spent, capacity.wait_ms(job, room.distance) / 1000)
    if queue == "push" and not chosen.breaker_pool:
        most = min(most, capacity.breaker_limit(room.distance))
    return max(0.01, min(BUSY_LIMIT, most * spent))


def _cores(room: Room, chosen: Chosen, scale: float) -> float:
    return scale * capacity.mix_cpu_ms(_jobs(room, chosen.kind).values(), chosen.threads) / 1000
