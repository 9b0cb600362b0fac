# GPL-3.0-or-later (see LICENSE)
"""Which processes serve a queue, as the forecast of backlogs takes them: its own ones, and those that help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

STRICTLY = 0.01  # a queue in a strict list gets next to nothing while the one before it has jobs


@dataclass(frozen=True)
class Process:
    """One Sidekiq process. unit: the name of its kind, the same for all that are alike.

    queues: with weights, None in a strict list. capacity: jobs per second (lower, upper) of each if it did only this.
    """

    unit: str
    queues: tuple[tuple[str, int | None], ...]
    capacity: Mapping[str, tuple[float, float]]

    def weight(self, queue: str) -> float:
        """How often the queue is asked first, against the others of this process."""
        for position, (name, weight) in enumerate(self.queues):
            if name == queue:
                return float(weight) if weight is not None else STRICTLY**position
        return 0.0

    def share(self, queue: str) -> float:
        """The same as a share of all."""
        return self.weight(queue) / sum(self.weight(name) for name, _ in self.queues)


def serving(processes: Iterable[Process], queue: str) -> tuple[dict[str, Any], tuple[float, float]] | None:
    """The keys unit, processes, weight and helpers of a queue, and its own processes' capacity, for forecast.

    Its own processes are those of the unit that gives it the largest share. None: nobody serves it.
    """
    kinds: dict[str, list[Process]] = {}
    for one in processes:
        if queue in one.capacity and one.weight(queue) > 0:
            kinds.setdefault(one.unit, []).append(one)
    if not kinds:
        return None
    own = max(kinds, key=lambda unit: (kinds[unit][0].share(queue), len(kinds[unit])))
    parts: dict[str, dict[str, Any]] = {
        unit: {
            "unit": unit,
            "processes": len(same),
            "weight": same[0].weight(queue),
            "capacity": _together(same, queue),
        }
        for unit, same in kinds.items()
    }
    first = parts.pop(own)
    capacity: tuple[float, float] = first.pop("capacity")
    return {**first, "helpers": list(parts.values())}, capacity


def _together(same: Iterable[Process], queue: str) -> tuple[float, float]:
    ends = [one.capacity[queue] for one in same]
    return sum(lower for lower, _ in ends), sum(upper for _, upper in ends)
