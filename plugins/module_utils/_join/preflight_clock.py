# GPL-3.0-or-later (see LICENSE)
"""This host's clock against those of the services (wireguard-join c.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import Check, not_asked

WHY = "S3 refuses 15 min, remote servers refuse signatures 1 h ahead, WireGuard refuses handshakes older than the last"
SET = "Set it: `timedatectl set-ntp true`, then look at `timedatectl`."


@dataclass(frozen=True)
class Reading:
    """One foreign clock. offset: its seconds less ours; margin: what the way there can hide."""

    name: str
    offset: float
    margin: float


def reading(name: str, theirs: float, before: float, after: float, resolution: float = 0.0) -> Reading:
    """Half the round trip is taken off: the clock was read somewhere between `before` and `after`.

    resolution: a clock that shows whole seconds is on average half of one further than it says.
    """
    middle = (before + after) / 2
    return Reading(name, theirs + resolution / 2 - middle, (after - before + resolution) / 2)


def judge(readings: Sequence[Reading], limit: float, synchronised: bool) -> Check:
    """One check. When all agree against us it is our clock, else it is that of the one which stands alone."""
    if not readings:
        return not_asked("clock", "no service told the time")
    off = [one for one in readings if abs(one.offset) - one.margin > limit]
    bound = f"{limit:g} s"
    names = ", ".join(one.name for one in readings)
    note = "" if synchronised else " (timedatectl: not synchronised)"
    if not off:
        most = max(abs(one.offset) for one in readings)
        return Check("clock", True, f"within {most:.1f} s of {names}{note}", bound)
    worst = max(off, key=lambda one: abs(one.offset))
    seconds = f"{abs(worst.offset):.0f} s"
    if len(off) == len(readings) and len({one.offset > 0 for one in off}) == 1:
        direction = "behind" if worst.offset > 0 else "ahead of"
        return Check("clock", False, f"clock is {seconds} {direction} {names}: {WHY}", bound, SET)
    agreeing = [one.name for one in readings if one not in off]
    direction = "ahead of" if worst.offset > 0 else "behind"
    agree = (
        f", and {' and '.join(agreeing)} agree{'s' if len(agreeing) == 1 else ''} with this host" if agreeing else ""
    )
    return Check(
        "clock",
        False,
        f"the clock of {worst.name} is {seconds} {direction} this host's{agree}",
        bound,
        f"Set the clock of the host of {worst.name}.",
    )
