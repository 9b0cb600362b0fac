# GPL-3.0-or-later (see LICENSE)
"""How backlogs drain side by side where queues share cores and threads.

The rule: new jobs of all queues first, then the rest of the cores and threads for the backlogs. Both are handed out
evenly: every process gets the same processor time, as the kernel gives it, and inside a process' share its queues are
taken by weight, as Sidekiq polls them. What a queue cannot use, because its units or its jobs end, goes to the others.
Rates stay the same until a backlog is gone or retries return; so the course is a few straight lines, not a simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LESS_THAN_A_JOB = 1e-6


@dataclass(frozen=True)
class Work:
    """One queue: jobs there are, jobs to come, and what it may use.

    queued: jobs. arrivals: jobs per second. waves: (seconds from now, jobs) of retries that return.
    cpu_s, service_s: seconds of a core, and of a thread, per job. capacity: jobs per second if its units did only this.
    unit: queues with the same one are served by the same processes. processes: how many. weight: its share in them.
    """

    queue: str
    queued: float
    arrivals: float
    waves: tuple[tuple[float, float], ...]
    cpu_s: float
    service_s: float
    capacity: float
    unit: str
    processes: float
    weight: float

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
    """What is not used yet: cores, and of each unit's time a share between 0 and 1."""

    cores: float
    units: dict[str, float]

    def copy(self) -> Room:
        """Another one with the same content."""
        return Room(self.cores, dict(self.units))


def _speeds(works: Sequence[Work]) -> dict[str, float]:
    """Jobs per second of each queue when every process gets the same processor time."""
    by_unit: dict[str, float] = {}
    for work in works:
        by_unit[work.unit] = by_unit.get(work.unit, 0.0) + work.weight * work.cpu_s
    return {work.queue: work.processes * work.weight / by_unit[work.unit] for work in works}


def hand_out(works: Iterable[Work], wanted: Mapping[str, float], room: Room) -> dict[str, float]:
    """Jobs per second for each queue, at most what is wanted, as evenly as the room allows; takes it from the room."""
    rates = {work.queue: 0.0 for work in works}
    growing = [work for work in works if wanted[work.queue] > 0 and work.capacity > 0]
    while growing:
        speed = _speeds(growing)
        per_unit: dict[str, float] = {}
        for work in growing:
            per_unit[work.unit] = per_unit.get(work.unit, 0.0) + speed[work.queue] / work.capacity
        # All rates rise together until one limit is met: (how far, which kind, whose).
        limits = [(room.cores / sum(speed[work.queue] * work.cpu_s for work in growing), "cores", "")]
        limits += [(room.units[unit] / used, "unit", unit) for unit, used in per_unit.items()]
        limits += [((wanted[w.queue] - rates[w.queue]) / speed[w.queue], "wanted", w.queue) for w in growing]
        step, kind, name = min(limits)
        for work in growing:
            more = step * speed[work.queue]
            rates[work.queue] += more
            room.cores = max(0.0, room.cores - more * work.cpu_s)
            room.units[work.unit] = max(0.0, room.units[work.unit] - more / work.capacity)
        if kind == "cores":
            growing = []
        elif kind == "unit":
            room.units[name] = 0.0
            growing = [work for work in growing if work.unit != name]
        else:
            rates[name] = wanted[name]
            growing = [work for work in growing if work.queue != name]
    return rates


def courses(works: Sequence[Work], cores: float) -> dict[str, Course]:
    """What becomes of each queue with that many cores for all of them (the rule is at the top of this file).

    A queue whose new jobs alone are too many never clears and grows. One for which nothing is left never clears either.
    """
    room = Room(cores, {work.unit: 1.0 for work in works})
    served = hand_out(works, {work.queue: work.arrivals for work in works}, room)
    growth = {
        work.queue: short if (short := work.arrivals - served[work.queue]) > 1e-9 * work.arrivals else 0.0
        for work in works
    }
    cleared = _clear_times([work for work in works if growth[work.queue] == 0], room)
    return {work.queue: Course(cleared.get(work.queue), growth[work.queue]) for work in works}


def _clear_times(works: Sequence[Work], room: Room) -> dict[str, float]:
    """Seconds until each backlog is gone for the first time; without those that never are."""
    left = {work.queue: work.jobs_until(0) for work in works}
    waves = sorted((when, work.queue, jobs) for work in works for when, jobs in work.waves if when > 0)
    cleared = {queue: 0.0 for queue, jobs in left.items() if jobs == 0}
    now = 0.0
    while len(cleared) < len(works):
        active = [work for work in works if left[work.queue] > 0]
        rates = hand_out(active, {work.queue: math.inf for work in active}, room.copy())
        ends = [left[queue] / rate for queue, rate in rates.items() if rate > 0]
        until_wave = waves[0][0] - now if waves else math.inf
        step = min([*ends, until_wave])
        if step == math.inf:
            break
        now += step
        for queue, rate in rates.items():
            left[queue] -= step * rate
            if left[queue] < LESS_THAN_A_JOB:
                left[queue] = 0.0
                cleared.setdefault(queue, now)
        while waves and waves[0][0] <= now:
            _, queue, jobs = waves.pop(0)
            left[queue] += jobs
    return cleared
