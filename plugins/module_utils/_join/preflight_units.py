# GPL-3.0-or-later (see LICENSE)
"""Whether the host's units can run, stop without losing jobs, and be asked by a private queue (c.10, F13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .checks import Check, not_asked
from .instance import SLACK, Unit, Wanted, probe_queue

ROLE = "Run the role sidekiq_workers here."


def judge(wanted: Sequence[Wanted], units: Mapping[str, Unit], worker: str, canary: bool) -> Check:
    """units: {instance: unit}."""
    if not wanted:
        return not_asked("units", "no instance was given")
    for one in wanted:
        unit = units.get(one.name, Unit(one.unit))
        if not unit.loaded and not unit.masked:
            return Check("units", False, f"{one.unit} does not exist", "", ROLE)
        least = unit.command.timeout + SLACK
        if unit.stop_after <= least:
            return Check(
                "units",
                False,
                f"{one.unit} is killed {unit.stop_after:g} s after a stop, and Sidekiq gives its jobs"
                f" {unit.command.timeout} s before it pushes them back: a stop would lose them",
                f"TimeoutStopSec above {least}",
                f"Set TimeoutStopSec={unit.command.timeout + 20} (sidekiq_workers_stop_timeout).",
            )
    for one in wanted:
        probe, unit = probe_queue(worker, one.name), units[one.name]
        if canary and probe not in unit.command.private:
            return Check("units", False, f"{one.unit} does not listen to its private queue {probe}", "", ROLE)
    stops = sorted({f"{unit.stop_after:g} s" for unit in (units[one.name] for one in wanted)})
    return Check("units", True, f"{len(wanted)} units, killed {', '.join(stops)} after a stop at the earliest")
