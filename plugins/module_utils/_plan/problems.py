# GPL-3.0-or-later (see LICENSE)
"""What is wrong with an inventory: collected, merged, and told in one message."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One finding: where the admin has to look, what is wrong there, what to write instead."""

    place: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}. Fix: {self.fix}."


class PlanError(Exception):
    """What keeps an inventory from being planned. plan: what it would come to, where that can be said at all."""

    def __init__(self, problems: Iterable[Problem], plan: Mapping[str, Any] | None = None) -> None:
        self.problems = tuple(problems)
        self.plan = plan
        count = len(self.problems)
        title = f"This inventory cannot be planned: {count} problem{'s' if count > 1 else ''}. No host was touched."
        super().__init__("\n".join([title, *(f"  {number}. {one}" for number, one in enumerate(self.problems, 1))]))


@dataclass
class Problems:
    """Collects findings. The same finding on several hosts becomes one, named after their group where one fits."""

    groups: Mapping[str, Collection[str]] = field(default_factory=dict)
    cluster_settings: Collection[str] = ()
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _found: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def add(self, where: str | Iterable[str], setting: str, message: str, fix: str) -> None:
        """A finding on a host, on several, on "group NAME", or on the inventory itself (nothing)."""
        names = [where] if isinstance(where, str) else list(where)
        known = self._found.setdefault((setting, message, fix), [])
        known.extend(name for name in names if name not in known)

    def all(self) -> tuple[Problem, ...]:
        """In the order found, which follows the inventory."""
        return tuple(
            Problem(self._place(hosts, setting), message, fix) for (setting, message, fix), hosts in self._found.items()
        )

    def __bool__(self) -> bool:
        return bool(self._found)

    def _place(self, hosts: list[str], setting: str) -> str:
        variable = setting.split(".")[0].split("[")[0]
        files = sorted({self.origins.get(host, {}).get(variable, "") for host in hosts} - {""})
        source = f" ({', '.join(files)})" if files else ""
        return ", ".join(part for part in (self._who(hosts, variable), setting) if part) + source

    def _who(self, hosts: list[str], variable: str) -> str:
        if not hosts:
            return "inventory"
        if len(hosts) == 1 and hosts[0].startswith("group "):
            return hosts[0]
        everybody = set(self.groups.get("mastodon", ()))
        if set(hosts) == everybody and (len(hosts) > 1 or variable in self.cluster_settings):
            return "group mastodon"
        if len(hosts) > 1:
            for group in sorted(self.groups):
                if set(self.groups[group]) == set(hosts):
                    return f"group {group}"
        return f"host{'s' if len(hosts) > 1 else ''} {', '.join(hosts)}"


def suggest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """The known word that was probably meant, or nothing. What all words begin with does not make them alike."""
    words = {name.removeprefix(prefix): name for name in sorted(known)}
    close = difflib.get_close_matches(word.removeprefix(prefix), list(words), n=1, cutoff=0.75)
    return words[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str, prefix: str = "") -> str:
    """A fix: the probable word, or what else to do."""
    meant = suggest(word, known, prefix)
    return f"write {meant}, if that was meant" if meant else otherwise
