# GPL-3.0-or-later (see LICENSE)
"""Medians, spreads and verdicts. Pure: rows in, rows out.

A row is one measurement: place, mix, configuration, kind, shape, repetition, total_per_second, cpu_ms_per_job, …
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Row = Mapping[str, Any]
IDLE_CORES = 0.2  # that others may use; the servers of the lab host, doing nothing, use less
BEST_SHARE, PEER_MARGIN, BURN_SHARE = 0.95, 1.03, 0.15


@dataclass(frozen=True)
class Spread:
    """Of several repetitions."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float]) -> Spread:
    """Median, least and greatest; at least one value."""
    known = list(values)
    return Spread(statistics.median(known), min(known), max(known), len(known))


@dataclass(frozen=True)
class Line:
    """A configuration at one place on one mix."""

    place: str
    mix: str
    configuration: str
    kind: str
    shape: str
    claim_mb: int
    jobs: Spread
    cpu_ms: Spread
    pss_mb: float
    connections: int
    errors: int


def lines(rows: Iterable[Row]) -> list[Line]:
    """One line per place, mix and configuration, in order of first appearance."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["place"], row["mix"], row["configuration"]), []).append(row)
    return [_line(same) for same in grouped.values()]


def errors(row: Row) -> int:
    """Jobs that failed and connections that were lost or refused."""
    return int(sum(row["failures"].values()) + row["connection_errors"])


def _line(same: list[Row]) -> Line:
    first = same[0]
    return Line(
        place=first["place"],
        mix=first["mix"],
        configuration=first["configuration"],
        kind=first["kind"],
        shape=first["shape"],
        claim_mb=first["claim_mb"],
        jobs=spread(row["total_per_second"] for row in same),
        cpu_ms=spread(row["cpu_ms_per_job"] or 0.0 for row in same),
        pss_mb=max(max(row["pss_mb"]) for row in same),
        connections=max(row["connections_peak"] for row in same),
        errors=sum(errors(row) for row in same),
    )


@dataclass(frozen=True)
class Verdict:
    """The plan at one place on one mix, against the best of the sweep and the best peer within the same memory."""

    place: str
    mix: str
    plan: float
    best: str
    best_jobs: float
    peer: str
    peer_jobs: float

    @property
    def share_of_best(self) -> float:
        """1.0: nobody is better."""
        top = max(self.best_jobs, self.peer_jobs)
        return self.plan / top if top else 1.0

    @property
    def holds(self) -> bool:
        """Both bars: 95 % of the best that the sweep found, no peer better by more than 3 %."""
        return self.plan >= BEST_SHARE * self.best_jobs and self.peer_jobs <= PEER_MARGIN * self.plan


def verdicts(measured: Iterable[Line]) -> list[Verdict]:
    """One per place and mix for which the plan was measured."""
    grouped: dict[tuple[str, str], list[Line]] = {}
    for line in measured:
        grouped.setdefault((line.place, line.mix), []).append(line)
    found = []
    for (place, mix), same in grouped.items():
        plan = next((line for line in same if line.kind == "plan"), None)
        if plan is None:
            continue
        best, peer = (_best([line for line in same if line.kind == kind]) for kind in ("sweep", "peer"))
        found.append(Verdict(place, mix, plan.jobs.median, *best, *peer))
    return found


def _best(same: list[Line]) -> tuple[str, float]:
    if not same:
        return "", 0.0
    # What was measured once shows where the best ones lie; a lucky one among many must not be the bar.
    often = max(line.jobs.count for line in same)
    top = max((line for line in same if line.jobs.count == often), key=lambda line: line.jobs.median)
    return top.configuration, top.jobs.median


def finalists(rows: Iterable[Row], place: str, count: int) -> set[str]:
    """Names of the sweep's best of each mix at a place: they are measured as often as the plan."""
    by_mix: dict[str, list[Line]] = {}
    for line in lines(row for row in rows if row["place"] == place and row["kind"] == "sweep"):
        by_mix.setdefault(line.mix, []).append(line)
    best = [sorted(same, key=lambda line: -line.jobs.median)[:count] for same in by_mix.values()]
    return {line.configuration for same in best for line in same}


def burn_error(predicted: float | None, measured: float | None) -> float | None:
    """Share by which a forecast misses; 0 where both say never, None where only one does."""
    if predicted is None and measured is None:
        return 0.0
    if predicted is None or measured is None or measured <= 0:
        return None
    return predicted / measured - 1


def disturbed(rows: Iterable[Row], cores: float) -> float:
    """Share of measurements before which others used more than so many cores of the machine."""
    known = [row["others_cores"] > cores for row in rows]
    return sum(known) / len(known) if known else 0.0


def merge(old: Iterable[Row], new: Iterable[Row], key: tuple[str, ...]) -> list[Row]:
    """Rows of before and of now; what was measured anew replaces all of its part."""
    fresh = list(new)
    parts = {tuple(row[name] for name in key) for row in fresh}
    return [row for row in old if tuple(row[name] for name in key) not in parts] + fresh


def plain(line: Line) -> dict[str, Any]:
    """For JSON."""
    return asdict(line)
