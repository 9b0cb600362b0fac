# GPL-3.0-or-later (see LICENSE)
"""The reason of each derived number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reason:
    """A value of the plan, the rule that gave it, what went in, and what kept it from being more (or less)."""

    path: str
    value: Any
    rule: str
    inputs: Mapping[str, Any]
    binding: str | None


@dataclass
class Ledger:
    """Reasons and warnings, in the order in which the plan came to them."""

    reasons: list[Reason] = field(default_factory=list)
    _warnings: dict[str, None] = field(default_factory=dict)

    def because(self, path: str, value: Any, rule: str, binding: str | None = None, **inputs: Any) -> None:
        """Note why."""
        self.reasons.append(Reason(path, value, rule, inputs, binding))

    def take(self) -> Iterator[Reason]:
        """Reasons in order; each is given away, so that a large plan is not in memory twice."""
        self.reasons.reverse()
        while self.reasons:
            yield self.reasons.pop()

    def warn(self, text: str) -> None:
        """Note what the admin should know and need not change."""
        self._warnings[text] = None

    @property
    def warnings(self) -> list[str]:
        """Each once, in order."""
        return list(self._warnings)
