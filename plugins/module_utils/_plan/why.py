# GPL-3.0-or-later (see LICENSE)
"""The reason of each number.

A path is the plan's own, with a dot between keys. Behind a list, [x] picks the entry of that name, kind (push for
push-1 and push-2) or index; a list without brackets means each of its entries. `hosts.*` means every host that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

EVERY = "hosts.*"
NUMBERED = re.compile(r"-\d+$")
SEPARATOR = re.compile(r"[.\[]")


@dataclass(frozen=True)
class Reason:
    """A value of the plan, the rule that gave it, what went in, and what kept it from being more (or less).

    A reason of every host has no value: each host has its own.
    """

    path: str
    value: Any
    rule: str
    inputs: Mapping[str, Any]
    binding: str | None


@dataclass(frozen=True)
class Rule:
    """Why a number is what it is on every host that has it. path: below the host."""

    path: str
    text: str


@dataclass
class Ledger:
    """Reasons and warnings, in the order in which the plan came to them."""

    reasons: list[Reason] = field(default_factory=list)
    _warnings: dict[str, None] = field(default_factory=dict)
    _inputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def because(self, path: str, value: Any, rule: str, binding: str | None = None, **inputs: Any) -> None:
        """Note why. Hosts that are alike have the same inputs, which are kept once."""
        known = self._inputs.setdefault(repr(inputs), inputs)
        self.reasons.append(Reason(path, value, rule, known, binding))

    def everywhere(self, hosts: Iterable[Mapping[str, Any]], rules: Iterable[Rule]) -> None:
        """Note the rules that some host has a number of: once each, so that a large plan does not repeat them."""
        shares = list(hosts)
        for rule in rules:
            if any(True for share in shares for _ in at(share, rule.path)):
                self.because(f"{EVERY}.{rule.path}", None, rule.text)

    def take(self) -> Iterator[dict[str, Any]]:
        """Reasons in order, as plain data; each is given away, so that a large plan is not in memory twice."""
        self.reasons.reverse()
        while self.reasons:
            found = self.reasons.pop()
            yield {
                "path": found.path,
                "value": found.value,
                "rule": found.rule,
                "inputs": found.inputs,
                "binding": found.binding,
            }

    def warn(self, text: str) -> None:
        """Note what the admin should know and need not change."""
        self._warnings[text] = None

    @property
    def warnings(self) -> list[str]:
        """Each once, in order."""
        return list(self._warnings)


def at(value: Any, path: str) -> Iterator[Any]:
    """The values at a path below this one; none where there is no such. Keys may hold dots (fs.file-max)."""
    if not path:
        yield value
    elif isinstance(value, Mapping):
        for end in (*(found.start() for found in SEPARATOR.finditer(path)), len(path)):
            if path[:end] in value:
                yield from at(value[path[:end]], path[end:].removeprefix("."))
    elif isinstance(value, list):
        picked, _, rest = path[1:].partition("]") if path.startswith("[") else ("", "", path)
        for index, entry in enumerate(value):
            if not picked or picked in _names(entry, index):
                yield from at(entry, rest.removeprefix("."))


def _names(entry: Any, index: int) -> set[str]:
    """What an entry of a list is called: its index, its name, its kind."""
    name = entry.get("name", "") if isinstance(entry, Mapping) else ""
    return {str(index), name, NUMBERED.sub("", name)}
