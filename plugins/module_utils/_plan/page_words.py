# GPL-3.0-or-later (see LICENSE)
"""Numbers, sizes and times as the page of the plan writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MB_PER_GB = 1024
UNKNOWN = "unknown"


def number(value: float | None) -> str:
    """A count or a rate: thousands apart; one digit after the point where it is a fraction, two below 1."""
    if value is None:
        return UNKNOWN
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"


def memory(megabytes: int | None) -> str:
    """Megabytes in, GB with one digit out where it is that much."""
    if megabytes is None:
        return UNKNOWN
    return f"{megabytes / MB_PER_GB:,.1f} GB" if megabytes >= MB_PER_GB else f"{megabytes} MB"


def percent(share: float) -> str:
    """A share of 1 in, per cent out; one digit below 10."""
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def duration(seconds: int | None) -> str:
    """Seconds in; the two largest units out."""
    if seconds is None:
        return "never"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    shown = [f"{value:,} {unit}" for position, (value, unit) in enumerate(parts[:2]) if value or not position]
    return " ".join(shown)


def counted(count: int, singular: str, plural: str) -> str:
    """1 thread, 5 threads."""
    return f"{number(count)} {singular if count == 1 else plural}"


def value(given: Any) -> str:
    """Any value of the plan in one line."""
    if given is None:
        return "none"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, (int, float)):
        return number(given)
    if isinstance(given, Mapping):
        return ", ".join(f"{key} {value(item)}" for key, item in given.items()) or "none"
    if isinstance(given, Sequence) and not isinstance(given, str):
        return listed([value(item) for item in given])
    return str(given)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence; how many more where they are too many to read."""
    if not names:
        return "none"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def span(names: Sequence[str]) -> str:
    """Names of things that are alike: the first and the last."""
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def clipped(text: str, most: int) -> str:
    """Not longer than that many characters, the end left out."""
    return text if len(text) <= most else text[: max(1, most - 1)].rstrip() + "…"
