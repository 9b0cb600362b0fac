# GPL-3.0-or-later (see LICENSE)
"""A forecast in words that a person can read at night."""

from __future__ import annotations

import math

SPANS = (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48), ("days", 86400, 0))


def _amount(seconds: float) -> tuple[str, str]:
    """The number and its unit: seconds up to two minutes, minutes up to two hours, hours up to two days."""
    for unit, length, most in SPANS[:-1]:
        if round(seconds / length) < most:
            return f"{round(seconds / length)}", unit
    unit, length, _ = SPANS[-1]
    return f"{round(seconds / length)}", unit


def span(fast_s: float, slow_s: float) -> str:
    """Two times as one phrase: "8 to 11 min", "90 s to 4 min", "8 min" where both read the same."""
    (fast, unit), (slow, slow_unit) = _amount(fast_s), _amount(slow_s)
    if unit != slow_unit:
        return f"{fast} {unit} to {slow} {slow_unit}"
    return f"{slow} {unit}" if fast == slow else f"{fast} to {slow} {unit}"


def number(value: float) -> str:
    """Three figures at most: 12, 1.5, 0.04."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def growth(per_s: float) -> str:
    """How a queue that never clears behaves: "grows 12 a second", "grows 3 an hour", "does not shrink"."""
    for name, length in (("second", 1), ("minute", 60), ("hour", 3600)):
        if per_s * length >= 1:
            return f"grows {number(per_s * length)} {'an' if name == 'hour' else 'a'} {name}"
    return "does not shrink"


def outlook(fast_s: float | None, slow_s: float | None, grows_per_s: float) -> str:
    """When a queue is clear: "clear in 8 to 11 min", "clear now", "never, grows 12 a second"."""
    if fast_s is None:
        return f"never, {growth(grows_per_s)}"
    if slow_s is None:
        return f"clear in {span(fast_s, fast_s)} at best; at worst never, {growth(grows_per_s)}"
    return "clear now" if round(slow_s) == 0 else f"clear in {span(fast_s, slow_s)}"


def more(amount: float, singular: str) -> str:
    """ "1 more thread", "3 more threads", "0.6 more cores"."""
    return f"{number(amount)} more {singular}{'' if amount == 1 else 's'}"


def lacking(rate: float, threads: int, cores: float, units_factor: float, binding: str) -> str:
    """What a deadline that is not met asks for, and the side that binds.

    rate: jobs per second needed. threads, cores: how many are missing. units_factor: how many times today's units.
    """
    missing = [more(threads, "thread")] if threads else []
    missing += [more(cores, "core")] if cores else []
    if not threads and units_factor > 1:
        times = f"{number(math.ceil(units_factor * 10 - 1e-9) / 10)} times the" if units_factor < math.inf else "some"
        missing.insert(0, f"{times} processes that serve it")
    if not missing:
        return f"not in time: {number(rate)} a second needed; there is enough, but other backlogs take their part of it"
    side = "CPU" if binding == "cpu" else "waiting"
    return f"not in time: {number(rate)} a second needed: {' and '.join(missing)}; {side} binds"
