# GPL-3.0-or-later (see LICENSE)
"""What one question to a worker's surroundings gave, and which failures only follow from another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Check:
    """ok None: not asked, or explained by another failure. follows: ids whose failure would explain this one."""

    id: str
    ok: bool | None
    value: str
    limit: str = ""
    hint: str = ""
    ms: float = 0.0
    follows: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "id": self.id,
            "ok": self.ok,
            "value": self.value,
            "limit": self.limit,
            "hint": self.hint,
            "ms": round(self.ms, 1),
        }


def not_asked(name: str, why: str) -> Check:
    """A check that had nothing to ask."""
    return Check(name, None, f"not asked: {why}")


def settle(checks: Iterable[Check]) -> tuple[Check, ...]:
    """One fault, one failure: what follows from another check's failure is not counted a second time.

    A wrong clock makes the object store refuse signatures, a dead tunnel makes everybody behind it silent.
    """
    given = tuple(checks)
    failed = {check.id for check in given if check.ok is False}
    settled = []
    for check in given:
        cause = next((name for name in check.follows if name in failed), "")
        if check.ok is False and cause:
            check = replace(check, ok=None, value=f"follows from {cause}: {check.value}", hint="")
        settled.append(check)
    return tuple(settled)


def failures(checks: Iterable[Check], host: str) -> list[str]:
    """One sentence or two for each failure: host, what was seen, limit, next step."""
    return [
        f"{host}: {check.id}: {check.value}{f' (limit: {check.limit})' if check.limit else ''}."
        + (f" {check.hint}" if check.hint else "")
        for check in checks
        if check.ok is False
    ]


def refusal(checks: Sequence[Check], host: str) -> str:
    """All failures as one message; empty when there is none."""
    found = failures(checks, host)
    if len(found) < 2:
        return "".join(found)
    return "\n".join([f"{host}: {len(found)} checks failed:", *(f"- {text}" for text in found)])
