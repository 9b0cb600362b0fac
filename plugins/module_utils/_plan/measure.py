# GPL-3.0-or-later (see LICENSE)
"""What readings of a host mean: the share of its cores that others take, and round trips. Reads nothing itself."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WORTH_STEAL = 0.02  # below, a share of stolen time is noise
MOST_STEAL = 0.9  # more the plan does not take
LEAST_MS = 0.1  # 0 means the same host
ALIKE = 0.2  # round trips that differ by no more are one figure
STEAL_COLUMN, COLUMNS = 7, 8  # proc(5): user nice system idle iowait irq softirq steal; guests are within user
IDLE_COLUMNS = (3, 4)


@dataclass(frozen=True)
class Ticks:
    """Processor time of all cores since boot, in ticks."""

    total: int
    idle: int
    steal: int


@dataclass(frozen=True)
class Cpu:
    """Shares of the cores, 0 to 1. steal: the larger of sample and since_boot. busy: of the sample, not stolen."""

    steal: float
    sample: float
    since_boot: float
    busy: float


def ticks(stat: str) -> Ticks:
    """The line `cpu` of /proc/stat. All 0 where there is none; an old kernel's line without steal has 0 of that."""
    for line in stat.splitlines():
        words = line.split()
        if words[:1] == ["cpu"]:
            values = [int(word) for word in words[1 : COLUMNS + 1]]
            values += [0] * (COLUMNS - len(values))
            return Ticks(sum(values), sum(values[column] for column in IDLE_COLUMNS), values[STEAL_COLUMN])
    return Ticks(0, 0, 0)


def cpu(before: str, after: str) -> Cpu:
    """Two readings of /proc/stat, in shares rounded to hundredths (sizing 1.15).

    A short sample misses what comes in bursts, so the share since boot counts where it is larger.
    """
    first, last = ticks(before), ticks(after)
    # Counters of idle and stolen time can run backwards on some hypervisors.
    total = max(0, last.total - first.total)
    sample = _share(last.steal - first.steal, total)
    since_boot = _share(last.steal, last.total)
    busy = _share(total - (last.idle - first.idle) - (last.steal - first.steal), total)
    return Cpu(max(sample, since_boot), sample, since_boot, busy)


def _share(part: int, whole: int) -> float:
    return round(min(1.0, max(0, part) / whole), 2) if whole > 0 else 0.0


def worth(steal: float) -> float:
    """The share that goes into a plan: 0 where it is noise, at most what the plan takes."""
    return min(MOST_STEAL, steal) if steal >= WORTH_STEAL else 0.0


def settle(times_ms: Sequence[float]) -> float:
    """Several tries in milliseconds as one figure: their median, in tenths, and never that of the same host."""
    return max(LEAST_MS, round(statistics.median(times_ms), 1))


def differ(one_ms: float, other_ms: float) -> bool:
    """Whether two round trips are worth a figure each."""
    return abs(one_ms - other_ms) > ALIKE * min(one_ms, other_ms) + 1e-9
