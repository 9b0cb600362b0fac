# GPL-3.0-or-later (see LICENSE)
"""What a forecast is asked: backlogs and capacities, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .backlog_flow import Part, Work
from .capacity import Distance, cpu_ms, service_s
from .profile import DEFAULT

# Mastodon's own; a queue that is not among them counts 1.
WEIGHTS = {"default": 8, "push": 6, "ingress": 4, "mailers": 2, "pull": 1, "scheduler": 1, "fasp": 1}
THREADS = 10  # of a usual process: what a job costs depends a little on it
NUMBERS = ("queued", "arrivals", "cpu_s", "service_s", "threads", "processes", "weight")
HELPER = ("unit", "processes", "weight", "capacity")
NOT_ZERO = ("cpu_s", "service_s", "processes", "weight")


def read(
    queues: Mapping[str, Mapping[str, Any]],
    capacities: Mapping[str, tuple[float, float]],
    deadline_s: float | None,
    cores: float | None,
) -> tuple[list[Work], list[Work]]:
    """The queues in the order of their names, with the lower and with the upper capacity.

    What comes in is described at forecast. Raises ValueError with every problem, one per line, each with its path.
    """
    problems = []
    if deadline_s is not None and not (_is_number(deadline_s) and deadline_s > 0):
        problems.append(f"deadline_s: must be more than 0, not {deadline_s}")
    if cores is not None and not (_is_number(cores) and cores >= 0):
        problems.append(f"cores: must be 0 or more, not {cores}")
    slow, fast = [], []
    for name in sorted(queues):
        found = _queue_problems(name, queues[name]) + _capacity_problems(name, capacities.get(name, (0, 0)))
        problems += found
        if not found:
            lower, upper = capacities.get(name, (0.0, 0.0))
            slow.append(_work(name, queues[name], lower, 0))
            fast.append(_work(name, queues[name], upper, 1))
    if problems:
        raise ValueError("\n".join(problems))
    return slow, fast


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _queue_problems(name: str, queue: Mapping[str, Any]) -> list[str]:
    place = f"queues.{name}"
    unknown = sorted(set(queue) - {*NUMBERS, "retries", "unit", "helpers"})
    problems = [f"{place}.{key}: not known; known are {', '.join(NUMBERS)}, retries, unit, helpers" for key in unknown]
    for number, helper in enumerate(queue.get("helpers", ())):
        if sorted(helper) != sorted(HELPER) or not all(
            _is_number(helper[key]) and helper[key] > 0 for key in ("processes", "weight")
        ):
            problems.append(f"{place}.helpers[{number}]: needs {', '.join(HELPER)}, each more than 0")
        else:
            problems += _capacity_problems(f"{name}.helpers[{number}]", helper["capacity"])
    for key in NUMBERS:
        if key in queue and not (_is_number(queue[key]) and (queue[key] > 0 or key not in NOT_ZERO)):
            low = "more than 0" if key in NOT_ZERO else "0 or more"
            problems.append(f"{place}.{key}: must be {low}, not {queue[key]}")
    retries = queue.get("retries", 0)
    if not _is_number(retries) and not (
        isinstance(retries, (list, tuple))
        and all(isinstance(wave, (list, tuple)) and len(wave) == 2 and all(map(_is_number, wave)) for wave in retries)
    ):
        problems.append(f"{place}.retries: must be a number or a list of [seconds, jobs], not {retries}")
    if name not in DEFAULT.queues and not {"cpu_s", "service_s"} <= set(queue):
        problems.append(f"{place}: no queue of Mastodon; its jobs' cpu_s and service_s are needed")
    if not problems:
        cpu, service = _costs(name, queue)
        if service < cpu:
            problems.append(
                f"{place}.service_s: includes the processor time, {cpu:g}, so must be as much, not {service:g}"
            )
    return problems


def _capacity_problems(name: str, capacity: Sequence[float]) -> list[str]:
    if len(capacity) == 2 and all(map(_is_number, capacity)) and capacity[0] <= capacity[1]:
        return []
    return [f"capacities.{name}: must be (lower, upper) jobs per second, not {capacity}"]


def _costs(name: str, queue: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds of a core and of a thread per job, as given or by our profile next to the database."""
    job = DEFAULT.queues.get(name)
    if job is None:
        return float(queue["cpu_s"]), float(queue["service_s"])
    cpu = queue.get("cpu_s", cpu_ms(job, THREADS) / 1000)
    return float(cpu), float(queue.get("service_s", max(cpu, service_s(job, Distance(0, 0)))))


def _work(name: str, queue: Mapping[str, Any], capacity: float, end: int) -> Work:
    """end: 0 for the lower, 1 for the upper capacity of the helpers."""
    cpu, service = _costs(name, queue)
    retries = queue.get("retries", 0)
    waves = ((0.0, retries),) if _is_number(retries) else tuple((wave[0], wave[1]) for wave in retries)
    own = Part(
        unit=str(queue.get("unit", name)),
        processes=queue.get("processes", 1),
        weight=queue.get("weight", WEIGHTS.get(name, 1)),
        capacity=capacity,
    )
    helping = tuple(
        Part(str(one["unit"]), one["processes"], one["weight"], one["capacity"][end])
        for one in queue.get("helpers", ())
    )
    return Work(
        queue=name,
        queued=queue.get("queued", 0),
        arrivals=queue.get("arrivals", 0),
        waves=waves,
        cpu_s=cpu,
        service_s=service,
        parts=(own, *helping),
    )
