# GNU General Public License v3.0 or later (see LICENSE)
"""What a check found, and the table made of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One question to the running system. `seen` carries the figure, `fix` what to do when `ok` is false."""

    name: str
    where: str
    ok: bool
    seen: str
    fix: str = ""

    def plain(self) -> dict[str, Any]:
        """The form that travels between hosts."""
        return {"name": self.name, "where": self.where, "ok": self.ok, "seen": self.seen, "fix": self.fix}


def plain(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """All of them, as modules return them."""
    return [check.plain() for check in checks]


def check_from(data: Mapping[str, Any]) -> Check:
    """The reverse of `Check.plain`."""
    return Check(str(data["name"]), str(data["where"]), bool(data["ok"]), str(data["seen"]), str(data.get("fix", "")))


def table(checks: Iterable[Check]) -> list[str]:
    """One line per check, failures last so that they stand at the bottom of the screen."""
    rows = sorted(checks, key=lambda check: not check.ok)
    if not rows:
        return []
    name = max(len(check.name) for check in rows)
    where = max(len(check.where) for check in rows)
    return [
        f"{'ok  ' if check.ok else 'FAIL'} {check.name:<{name}}  {check.where:<{where}}  {check.seen}" for check in rows
    ]


def failures(checks: Iterable[Check]) -> list[str]:
    """One sentence per failure: host, what was seen, what to do."""
    return [
        f"{check.where}: {check.name}: {check.seen}." + (f" {check.fix}" if check.fix else "")
        for check in checks
        if not check.ok
    ]
