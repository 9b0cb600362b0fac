# GNU General Public License v3.0 or later (see LICENSE)
"""systemd's answer about our units."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

from .report import Check

PROPERTIES = ("Id", "ActiveState", "SubState", "MainPID", "NRestarts", "Result")
Unit = dict[str, str]


def parse(text: str) -> dict[str, Unit]:
    """Blocks of `systemctl show`, by the unit's name."""
    found = {}
    for block in text.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("Id"):
            found[unit["Id"]] = unit
    return found


def brief(units: Mapping[str, Unit]) -> dict[str, dict[str, object]]:
    """What other hosts' checks need."""
    return {
        name: {"active": unit.get("ActiveState") == "active", "pid": int(unit.get("MainPID") or 0)}
        for name, unit in sorted(units.items())
    }


def judge(where: str, wanted: Sequence[str], units: Mapping[str, Unit]) -> list[Check]:
    """One line for all that run, one for each that does not."""
    checks = []
    running = restarts = 0
    for pattern in wanted:
        matching = fnmatch.filter(units, pattern)
        active = [name for name in matching if units[name].get("ActiveState") == "active"]
        if active:
            running += 1
            restarts += sum(int(units[name].get("NRestarts") or 0) for name in active)
            continue
        state = units[matching[0]] if matching else {}
        seen = f"{pattern} is {state.get('ActiveState', 'not there')}"
        if state.get("Result", "success") != "success":
            seen += f" ({state['Result']})"
        checks.append(Check("units run", where, False, seen, f"journalctl -u '{pattern}' on that host says why."))
    if running:
        died = f", restarted {restarts} times by systemd" if restarts else ""
        checks.append(Check("units run", where, True, f"{running} of {len(wanted)}{died}"))
    return checks
