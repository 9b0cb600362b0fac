# GPL-3.0-or-later (see LICENSE)
"""The forecast: when each queue's backlog is clear, and what a deadline needs.

How queues share what there is: see backlog_flow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from . import backlog_words as words
from .backlog_flow import Course, Work, courses, units_factor
from .backlog_input import read
from .queueing import for_deadline

CORE_IS_FULL = 0.8  # a process that uses more of its core than this is short of CPU rather than waiting
RETRIES = 16  # times that Mastodon tries a delivery again


def retry_delay_s(failures: int) -> float:
    """Seconds until a job that failed before that many times is tried again, at the earliest (sizing 1.8): n^4 + 15."""
    if failures < 0:
        raise ValueError(f"failures must be 0 or more, not {failures}")
    return float(failures**4 + 15)


def retry_waves(jobs: float, fails_again: float = 1.0, retries: int = RETRIES) -> list[tuple[float, float]]:
    """The waves in which jobs that fail now return: (seconds from now, jobs), for the key "retries" of forecast.

    fails_again: the share, 0 to 1, of each wave that fails once more. Source: sizing 1.8 and pitfall 21.
    """
    if not 0 <= jobs < math.inf or not 0 <= fails_again <= 1:
        raise ValueError(f"jobs must be 0 or more and fails_again between 0 and 1, not {jobs} and {fails_again}")
    waves = []
    when = 0.0
    for failures in range(retries):
        when += retry_delay_s(failures)
        waves.append((when, jobs * fails_again**failures))
    return [wave for wave in waves if wave[1] > 0]


def forecast(
    queues: Mapping[str, Mapping[str, Any]],
    capacities: Mapping[str, tuple[float, float]],
    deadline_s: float | None = None,
    cores: float | None = None,
) -> dict[str, Any]:
    """What becomes of each backlog, as plain data (sizing 1.11).

    queues, per queue: `queued` jobs; `arrivals` per second; `retries`: a number due now, or [[in seconds, jobs], ...];
    and, where it is not our profile near the database: `cpu_s` and `service_s` per job; `threads` and `processes` that
    serve it; `unit`: queues with the same one are served by the same processes; `weight`; `helpers`: processes of other
    units that serve it too, a list of `unit`, `processes`, `weight`, `capacity` (lower, upper). All may be left out.
    capacities: jobs per second (lower, upper) if its own units did only this queue; none means nobody serves it.
    cores: what all these units may use; without it, what the queue with most processor time could use alone, which is
    too little where queues have hosts of their own.

    Gives `queues.<name>`: clear_s [fast, slow] or None for never (slow alone may be None too), grows_per_s at worst,
    retries_within (in the slow course), sentence, and with a deadline `deadline` with met ("yes", "perhaps", "no"),
    rate_per_s, threads, cores, missing_threads, missing_cores, units_factor, binding, sentence; and for all together
    `cores`, `sentence`, `deadline`. Raises ValueError with every problem found, one per line, each with its path.
    """
    slow, fast = read(queues, capacities, deadline_s, cores)
    cores_slow = cores if cores is not None else max((w.capacity * w.cpu_s for w in slow), default=0.0)
    cores_fast = cores if cores is not None else max((w.capacity * w.cpu_s for w in fast), default=0.0)
    slow_course, fast_course = courses(slow, cores_slow), courses(fast, cores_fast)
    answer: dict[str, Any] = {"cores": round(cores_slow, 2), "queues": {}, "deadline": None}
    for work, quick in zip(slow, fast):
        best, worst, growth = _interval(slow_course[work.queue], fast_course[work.queue])
        answer["queues"][work.queue] = {
            "queued": work.queued,
            "arrivals_per_s": work.arrivals,
            "capacity_per_s": [round(work.capacity, 2), round(quick.capacity, 2)],
            "clear_s": None if best is None else [round(best, 1), None if worst is None else round(worst, 1)],
            "grows_per_s": round(growth, 2),
            "retries_within": _retries_within(work, worst),
            "sentence": words.outlook(best, worst, growth) if work.capacity else "never, nobody serves it",
        }
    answer["sentence"] = _all_clear(answer["queues"])
    if deadline_s is not None:
        threads = {name: queue["threads"] for name, queue in queues.items() if "threads" in queue}
        for work, quick in zip(slow, fast):
            there = threads.get(work.queue, quick.capacity * work.service_s)
            answer["queues"][work.queue]["deadline"] = _for_queue(
                work, slow, deadline_s, there, cores_slow, (fast_course[work.queue], slow_course[work.queue])
            )
        answer["deadline"] = _for_all(slow, deadline_s, cores_slow, answer["queues"])
    return answer


def _interval(one: Course, other: Course) -> tuple[float | None, float | None, float]:
    """The sooner and the later end, None for never, and the faster growth.

    The upper capacities need not be the sooner ones: what other queues can do more, they take from this one.
    """
    ends = sorted(math.inf if course.clear_s is None else course.clear_s for course in (one, other))
    best, worst = (None if end == math.inf else end for end in ends)
    return best, worst, max(one.grows_per_s, other.grows_per_s)


def _retries_within(work: Work, seconds: float | None) -> float | None:
    return None if seconds is None else round(work.jobs_until(seconds) - work.queued, 1)


def _all_clear(queues: Mapping[str, Mapping[str, Any]]) -> str:
    """The worst of all queues, named."""
    stuck = [name for name, queue in queues.items() if queue["clear_s"] is None]
    if stuck:
        return "; ".join(f"{name}: {queues[name]['sentence']}" for name in stuck)
    unsure = [name for name, queue in queues.items() if queue["clear_s"][1] is None]
    if unsure:
        return "; ".join(f"{name}: {queues[name]['sentence']}" for name in unsure)
    if not queues:
        return "no queue"
    return "all " + words.outlook(
        max(queue["clear_s"][0] for queue in queues.values()),
        max(queue["clear_s"][1] for queue in queues.values()),
        0.0,
    )


def _tenths_up(value: float) -> float:
    return math.ceil(value * 10 - 1e-9) / 10


def _rate(work: Work, deadline_s: float) -> float:
    return work.arrivals + work.jobs_until(deadline_s) / deadline_s


def _for_queue(
    work: Work, all_works: Sequence[Work], deadline_s: float, threads: float, cores: float, ways: tuple[Course, Course]
) -> dict[str, Any]:
    """What this queue needs beside all others, which are to be clear by then too."""
    others = [other for other in all_works if other is not work]
    mates = [other for other in others if other.units & work.units]
    needs = for_deadline(
        work.jobs_until(deadline_s),
        work.arrivals,
        deadline_s,
        work.cpu_s,
        work.service_s,
        max(0.0, threads - sum(_rate(other, deadline_s) * other.service_s for other in mates)),
        max(0.0, cores - sum(_rate(other, deadline_s) * other.cpu_s for other in others)),
    )
    factor = units_factor(work, {one.queue: _rate(one, deadline_s) for one in all_works}, all_works)
    binding = needs.binding
    if needs.missing_threads == 0 and factor > max(1.0, needs.cores / (needs.cores - needs.missing_cores + 1e-9)):
        # Enough threads, and cores are not the worst: one core per process at most, or a lock inside each process.
        binding = "cpu" if work.capacity * work.cpu_s / work.processes >= CORE_IS_FULL else "waiting"
    clear = [one.clear_s is not None and one.clear_s <= deadline_s for one in ways]
    met = "yes" if all(clear) else "perhaps" if any(clear) else "no"
    missing_threads = 0 if met == "yes" else math.ceil(needs.missing_threads - 1e-9)
    missing_cores = 0.0 if met == "yes" else _tenths_up(needs.missing_cores)
    lacking = words.lacking(needs.rate, missing_threads, missing_cores, factor, binding)
    return {
        "met": met,
        "rate_per_s": round(needs.rate, 2),
        "threads": round(needs.threads, 1),
        "cores": round(needs.cores, 2),
        "missing_threads": missing_threads,
        "missing_cores": missing_cores,
        "units_factor": None if factor == math.inf else round(factor, 2),
        "binding": binding,
        "sentence": {"yes": "in time", "perhaps": "perhaps in time"}.get(met, lacking),
    }


def _for_all(
    works: Sequence[Work], deadline_s: float, cores: float, queues: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What the deadline needs of all queues together."""
    needed = sum(_rate(work, deadline_s) * work.cpu_s for work in works)
    late = {name: queue["deadline"] for name, queue in queues.items() if queue["deadline"]["met"] == "no"}
    unsure = [name for name, queue in queues.items() if queue["deadline"]["met"] == "perhaps"]
    sentence = "; ".join(f"{name}: {one['sentence']}" for name, one in late.items())
    if not late:
        sentence = f"perhaps in time: {', '.join(unsure)}" if unsure else "in time"
    return {
        "seconds": deadline_s,
        "met": "no" if late else "perhaps" if unsure else "yes",
        "cores": round(needed, 2),
        "missing_cores": _tenths_up(max(0.0, needed - cores)),
        "sentence": sentence,
    }
