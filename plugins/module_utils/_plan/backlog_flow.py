# GPL-3.0-or-later (see LICENSE)
"""How backlogs drain side by side where queues share cores and threads.

The rule: a queue without a backlog takes what its new jobs need, one with a backlog all it can get. Processor time is
shared evenly between processes, as the kernel shares it; the queues of the same processes are taken by weight, as
Sidekiq polls them. So no queue is served less than its fair share, and what one cannot use goes to the others.
Rates stay the same until a backlog is gone or retries return; the course is a few straight lines, not a simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LESS_THAN_A_JOB = 1e-6
PHASES = 1000  # more than queues and returning retries can make


@dataclass(frozen=True)
class Part:
    """Processes that serve a queue.

    unit: queues with the same one are served by the same processes. processes: how many. weight: its share in them.
    capacity: jobs per second if they did only this.
    """

    unit: str
    processes: float
    weight: float
    capacity: float


@dataclass(frozen=True)
class Work:
    """One queue: jobs there are, jobs to come, and what it may use.

    queued: jobs. arrivals: jobs per second. waves: (seconds from now, jobs) of retries that return.
    cpu_s, service_s: seconds of a core, and of a thread, per job. parts: its own processes, and those that help.
    """

    queue: str
    queued: float
    arrivals: float
    waves: tuple[tuple[float, float], ...]
    cpu_s: float
    service_s: float
    parts: tuple[Part, ...]

    @property
    def capacity(self) -> float:
        """Jobs per second if all of them did only this."""
        return sum(part.capacity for part in self.parts)

    @property
    def processes(self) -> float:
        """How many serve it."""
        return sum(part.processes for part in self.parts)

    @property
    def units(self) -> frozenset[str]:
        """The units that serve it."""
        return frozenset(part.unit for part in self.parts)

    def jobs_until(self, seconds: float) -> float:
        """The backlog and all retries that return within that time (sizing 1.11, "N_eff")."""
        return self.queued + sum(jobs for when, jobs in self.waves if when <= seconds)


@dataclass(frozen=True)
class Course:
    """When a queue is clear for the first time, None for never; how fast it grows, 0 if it does not."""

    clear_s: float | None
    grows_per_s: float


@dataclass
class Room:
    """What is not used yet: cores of all, and of each unit the cores and the threads it can keep busy at once."""

    cores: float
    unit_cores: dict[str, float]
    unit_threads: dict[str, float]


def empty_room(works: Iterable[Work], cores: float) -> Room:
    """All there is: what a unit can keep busy is read from the queue that keeps most of it busy alone."""
    room = Room(cores, {}, {})
    for work, part in _pairs(works):
        room.unit_cores[part.unit] = max(room.unit_cores.get(part.unit, 0.0), part.capacity * work.cpu_s)
        room.unit_threads[part.unit] = max(room.unit_threads.get(part.unit, 0.0), part.capacity * work.service_s)
    return room


def _pairs(works: Iterable[Work]) -> list[tuple[Work, Part]]:
    return [(work, part) for work in works for part in work.parts]


def _speeds(rising: Sequence[tuple[Work, Part]]) -> list[float]:
    """Jobs per second of each pair when every process gets the same processor time."""
    by_unit: dict[str, float] = {}
    for work, part in rising:
        by_unit[part.unit] = by_unit.get(part.unit, 0.0) + part.weight * work.cpu_s
    return [part.processes * part.weight / by_unit[part.unit] for _, part in rising]


def hand_out(works: Iterable[Work], wanted: Mapping[str, float], room: Room) -> dict[str, float]:
    """Jobs per second for each queue, at most what is wanted, as evenly as the room allows; takes it from the room."""
    rates = {work.queue: 0.0 for work in works}
    done: dict[tuple[str, str], float] = {}
    rising = [(work, part) for work, part in _pairs(works) if wanted[work.queue] > 0 and part.capacity > 0]
    while rising:
        speeds = _speeds(rising)
        cores, threads = dict.fromkeys(room.unit_cores, 0.0), dict.fromkeys(room.unit_threads, 0.0)
        queues: dict[str, float] = {}
        for (work, part), speed in zip(rising, speeds):
            cores[part.unit] += speed * work.cpu_s
            threads[part.unit] += speed * work.service_s
            queues[work.queue] = queues.get(work.queue, 0.0) + speed
        units = sorted({part.unit for _, part in rising})
        # All rates rise together until one limit is met: (how far, which kind, whose).
        limits = [(room.cores / sum(cores.values()), "cores", ("", ""))]
        limits += [(room.unit_cores[unit] / cores[unit], "unit", (unit, "")) for unit in units]
        limits += [(room.unit_threads[unit] / threads[unit], "unit", (unit, "")) for unit in units]
        limits += [((wanted[name] - rates[name]) / speed, "wanted", (name, "")) for name, speed in queues.items()]
        for (work, part), speed in zip(rising, speeds):
            key = (work.queue, part.unit)
            limits.append(((part.capacity - done.get(key, 0.0)) / speed, "part", key))
        step, kind, (name, where) = min(limits)
        for (work, part), speed in zip(rising, speeds):
            key = (work.queue, part.unit)
            done[key] = done.get(key, 0.0) + step * speed
            rates[work.queue] += step * speed
        room.cores = max(0.0, room.cores - step * sum(cores.values()))
        for unit in units:
            room.unit_cores[unit] = max(0.0, room.unit_cores[unit] - step * cores[unit])
            room.unit_threads[unit] = max(0.0, room.unit_threads[unit] - step * threads[unit])
        if kind == "cores":
            rising = []
        elif kind == "unit":
            rising = [(work, part) for work, part in rising if part.unit != name]
        elif kind == "wanted":
            rates[name] = wanted[name]
            rising = [(work, part) for work, part in rising if work.queue != name]
        else:
            rising = [(work, part) for work, part in rising if (work.queue, part.unit) != (name, where)]
    return rates


def courses(works: Sequence[Work], cores: float) -> dict[str, Course]:
    """What becomes of each queue with that many cores for all of them (the rule is at the top of this file).

    A queue that others squeeze for a while is clear when it has recovered. One that never is grows by what arrives
    and is not served once all the others are clear or growing too.
    """
    left = {work.queue: float(work.jobs_until(0)) for work in works}
    waves = sorted((when, work.queue, jobs) for work in works for when, jobs in work.waves if when > 0)
    behind = {queue for queue, jobs in left.items() if jobs > 0}
    cleared: dict[str, float] = {}
    net: dict[str, float] = {}
    now = 0.0
    for _ in range(PHASES + len(waves)):
        wanted = {work.queue: math.inf if work.queue in behind else work.arrivals for work in works}
        rates = hand_out(works, wanted, empty_room(works, cores))
        net = {work.queue: _net(rates[work.queue], work.arrivals) for work in works}
        behind |= {queue for queue, change in net.items() if change < 0}
        for queue in left.keys() - behind:
            cleared.setdefault(queue, now)
        ends = [left[queue] / net[queue] for queue in behind if net[queue] > 0]
        step = min([*ends, waves[0][0] - now if waves else math.inf])
        if step == math.inf or len(cleared) == len(works):
            break
        now += step
        for queue in sorted(behind):
            left[queue] -= step * net[queue]
            if net[queue] > 0 and left[queue] < LESS_THAN_A_JOB:
                left[queue] = 0.0
                behind.remove(queue)
                cleared.setdefault(queue, now)
        while waves and waves[0][0] <= now:
            _, queue, jobs = waves.pop(0)
            left[queue] += jobs
            behind |= {queue} if jobs else set()
    return {
        queue: Course(cleared.get(queue), 0.0 if queue in cleared else max(0.0, -change))
        for queue, change in net.items()
    }


def _net(rate: float, arrivals: float) -> float:
    """Jobs per second by which a backlog shrinks; what is left of rounding is nothing."""
    change = rate - arrivals
    return 0.0 if abs(change) <= 1e-9 * arrivals else change


def units_factor(work: Work, rates: Mapping[str, float], works: Iterable[Work]) -> float:
    """How many times its units the queue needs for these rates of all queues, whatever cores the host has.

    The most of three: processor time and threads of the unit for all its queues, the queue's own capacity (a lock).
    """
    mates = [one for one in works if one.units & work.units and rates[one.queue] > 0]
    if not mates or rates[work.queue] == 0:
        return 0.0
    if work.capacity == 0:
        return math.inf
    room = empty_room(mates, 0.0)
    return max(
        sum(rates[one.queue] * one.cpu_s for one in mates) / sum(room.unit_cores[unit] for unit in work.units),
        sum(rates[one.queue] * one.service_s for one in mates) / sum(room.unit_threads[unit] for unit in work.units),
        rates[work.queue] / work.capacity,
    )
