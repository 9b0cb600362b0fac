# GPL-3.0-or-later (see LICENSE)
"""Burn-down: five mixes of backlog and arrivals, what the plan says of them, what happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .model import Place


@dataclass(frozen=True)
class Mix:
    """Jobs that wait, and jobs per second that come, as multiples of what the plan says its units do in a second."""

    name: str
    place: str
    backlog_s: Mapping[str, float]
    arrivals: Mapping[str, float]


# Relative to what the plan's units do on these cores, so that each takes about as long on any machine: long enough that
# the looks at the queues and the first and last jobs do not matter.
MIXES = (
    Mix("deliveries after an outage", "near", {"push": 20}, {"push": 0.3}),
    Mix("feeds rebuilt", "near", {"default": 20}, {"default": 0.2, "push": 0.1}),
    Mix(
        "everything at once",
        "near",
        {"default": 7, "ingress": 7, "push": 7},
        {"default": 0.1, "ingress": 0.1, "push": 0.1},
    ),
    Mix("more than it can do", "near", {"push": 5}, {"push": 1.4}),
    Mix("far deliveries and posts", "far20", {"push": 10, "ingress": 8}, {"push": 0.2, "ingress": 0.2}),
)
NEVER_AFTER_S = 20.0  # a backlog that has not shrunk until then grows
CALIBRATION_S = 4.0  # of each queue alone
FULL = 0.9  # of its cores: a machine that is so busy has no more to give


def capacities(units: Sequence[Mapping[str, Any]], queues: Iterable[str]) -> dict[str, float]:
    """Jobs per second that these units of a plan do of each queue if they do nothing else."""
    return {queue: sum(unit["capacity"].get(queue, 0.0) for unit in units) for queue in queues}


def possible(capacity: Mapping[str, float], costs: Mapping[str, Mapping[str, float]], cores: float) -> dict[str, float]:
    """The same, but no more than the cores allow."""
    return {queue: min(able, cores / costs[queue]["cpu_s"]) for queue, able in capacity.items()}


def cores_there(cores: int, busy: Iterable[float]) -> float:
    """Cores that can be used on this one machine: what was used while it was full; all where it never was."""
    most = max(busy)
    return min(most, float(cores)) if most >= FULL * cores else float(cores)


def jobs(mix: Mix, capacity: Mapping[str, float]) -> tuple[dict[str, int], dict[str, float]]:
    """Backlog and arrivals per second in jobs."""
    backlog = {queue: round(seconds * capacity[queue]) for queue, seconds in mix.backlog_s.items()}
    arrivals = {queue: round(share * capacity[queue], 2) for queue, share in mix.arrivals.items()}
    return backlog, arrivals


def question(
    units: Sequence[Mapping[str, Any]],
    backlog: Mapping[str, int],
    arrivals: Mapping[str, float],
    costs: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[float, float]]]:
    """The two arguments of the collection's forecast. `costs`: cpu_s and service_s per queue."""
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.backlog_units import Process, serving

    processes = [
        Process(
            unit["name"].rsplit("-", 1)[0],
            tuple((name, weight) for name, weight in unit["queues"]),
            {queue: (each, each) for queue, each in unit["capacity"].items()},
        )
        for unit in units
    ]
    asked: dict[str, dict[str, Any]] = {}
    able: dict[str, tuple[float, float]] = {}
    for queue in dict.fromkeys([*backlog, *arrivals]):
        found = serving(processes, queue)
        if found is None:
            raise ValueError(f"no unit of the plan serves {queue}")
        served, able[queue] = found
        threads = sum(unit["threads"] for unit in units if queue in unit["capacity"])
        asked[queue] = {
            "queued": backlog.get(queue, 0),
            "arrivals": arrivals.get(queue, 0.0),
            "threads": threads,
            **served,
            **costs[queue],
        }
    return asked, able


def expected(answer: Mapping[str, Any]) -> dict[str, float | None]:
    """Seconds per queue from the forecast: the middle of its interval, None for never."""
    found: dict[str, float | None] = {}
    for queue, one in answer["queues"].items():
        between = one["clear_s"]
        if between is None:
            found[queue] = None
        else:
            fast, slow = between
            found[queue] = fast if slow is None else (fast + slow) / 2
    return found


def limit(forecast_s: Mapping[str, float | None]) -> float:
    """Seconds after which a measurement ends: twice the forecast."""
    known = [seconds for seconds in forecast_s.values() if seconds is not None]
    return max([NEVER_AFTER_S, *(2 * seconds + 5 for seconds in known)])


def costs_of(place: Place, answer_ms: float, measured_ms: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Seconds of a core and of a thread that a job of each queue takes.

    measured_ms: processor time of a job of each queue on this machine, that of the servers included; what it waits
    for is by the collection's figures.
    """
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.capacity import Distance, wait_ms
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import QueueProfile

    # The jobs of this benchmark, the same figures as in the plan's inventory (see plans.inventory).
    shapes = {
        "default": QueueProfile(rate=0, cpu_ms=3.8, sql=11, redis=5),
        "ingress": QueueProfile(rate=0, cpu_ms=5.0, sql=13, redis=8),
        "push": QueueProfile(rate=0, cpu_ms=5.2, sql=3, redis=7, wait_ms=answer_ms),
    }
    distance, found = Distance(place.rtt_ms, place.rtt_ms), {}
    for queue, cpu in measured_ms.items():
        found[queue] = {"cpu_s": cpu / 1000, "service_s": (cpu + wait_ms(shapes[queue], distance)) / 1000}
    return found


def forecast(
    units: Sequence[Mapping[str, Any]],
    costs: Mapping[str, Mapping[str, float]],
    cores: float,
    backlog: Mapping[str, int],
    arrivals: Mapping[str, float],
) -> dict[str, float | None]:
    """What the collection's own forecast says."""
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.backlog import forecast as tell

    asked, able = question(units, backlog, arrivals, costs)
    answer = expected(tell(asked, able, cores=cores))
    return {queue: answer[queue] for queue in backlog}
