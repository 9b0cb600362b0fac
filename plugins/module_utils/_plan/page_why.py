# GPL-3.0-or-later (see LICENSE)
"""The plan's reasons, put beside the part of the page that shows their number. None is lost, none is shown twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import page_words as words
from .why import EVERY, NUMBERED, at

Reason = dict[str, Any]
UNIT = re.compile(r"^sidekiq_workers\[([^\]]*)\]")
UNITS_OF_INPUTS = {"_ms": "ms", "_mb": "MB"}


class Reasons:
    """All reasons of a plan. Each can be taken once, by whoever shows its number.

    beside: a reason of every host is shown with each host's number; without, once for the whole cluster, so that the
    page of a large one stays small.
    """

    def __init__(self, plan: Mapping[str, Any], beside: bool = True) -> None:
        self._hosts: dict[str, list[tuple[str, Mapping[str, Any]]]] = {name: [] for name in plan["hosts"]}
        self._cluster: list[tuple[str, Mapping[str, Any]]] = []
        for reason in plan["why"]:
            if beside and reason["path"].startswith(f"{EVERY}."):
                self._share(plan, reason)
                continue
            host, rest = self._split(reason["path"])
            (self._cluster if host is None else self._hosts[host]).append((rest, reason))
        self._trips = {name: _trips(pairs) for name, pairs in self._hosts.items()}

    def _share(self, plan: Mapping[str, Any], reason: Mapping[str, Any]) -> None:
        """A reason of every host, with the values of each host that has some."""
        rest = reason["path"][len(EVERY) + 1 :]
        for name, share in plan["hosts"].items():
            values = list(at(share, rest))
            if values:
                value = (
                    values[0]
                    if len(values) == 1
                    else [one for index, one in enumerate(values) if one not in values[:index]]
                )
                self._hosts[name].append((rest, {**reason, "value": value}))

    def _split(self, path: str) -> tuple[str | None, str]:
        """Host and rest of a path; names of hosts may hold dots, so the longest one counts."""
        if not path.startswith("hosts."):
            return None, path
        parts = path.split(".")[1:]
        for length in range(len(parts), 0, -1):
            name = ".".join(parts[:length])
            if name in self._hosts:
                return name, ".".join(parts[length:])
        return None, path

    def round_trips(self, host: str) -> tuple[float, float]:
        """Milliseconds to PostgreSQL and to Redis that the host's units were planned with; 0 where there are none."""
        return self._trips[host]

    def of_host(self, host: str, wanted: Callable[[str], bool]) -> list[Reason]:
        """Take a host's reasons; wanted sees the path behind the host's name."""
        taken, self._hosts[host] = _parted(self._hosts[host], wanted)
        return _folded(taken)

    def of_cluster(self, wanted: Callable[[str], bool]) -> list[Reason]:
        """Take reasons that belong to no host; wanted sees the whole path."""
        taken, self._cluster = _parted(self._cluster, wanted)
        return _folded(taken)


def under(*prefixes: str) -> Callable[[str], bool]:
    """Whether a path is one of these or lies below it."""

    def wanted(path: str) -> bool:
        return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")) for prefix in prefixes)

    return wanted


def of_units(names: list[str]) -> Callable[[str], bool]:
    """Whether a path is about one of these Sidekiq units, or about their kind (push is the kind of push-1)."""
    known = {*names, *(NUMBERED.sub("", name) for name in names)}

    def wanted(path: str) -> bool:
        found = UNIT.match(path)
        return found is not None and found.group(1) in known

    return wanted


def of_all(entries: str) -> Callable[[str], bool]:
    """Whether a path is about all entries of a list, or about how many they are; the first of them shows it."""

    def wanted(path: str) -> bool:
        return path == entries or path.startswith(f"{entries}.")

    return wanted


def everything(_path: str) -> bool:
    """What nobody took."""
    return True


def _trips(pairs: list[tuple[str, Mapping[str, Any]]]) -> tuple[float, float]:
    for _rest, reason in pairs:
        inputs = reason["inputs"]
        if "db_rtt_ms" in inputs:
            return float(inputs["db_rtt_ms"] or 0), float(inputs.get("redis_rtt_ms") or 0)
    return 0.0, 0.0


def _parted(
    reasons: list[tuple[str, Mapping[str, Any]]], wanted: Callable[[str], bool]
) -> tuple[list[tuple[str, Mapping[str, Any]]], list[tuple[str, Mapping[str, Any]]]]:
    taken = [pair for pair in reasons if wanted(pair[0])]
    return taken, [pair for pair in reasons if not wanted(pair[0])]


def _folded(taken: list[tuple[str, Mapping[str, Any]]]) -> list[Reason]:
    """Units that are alike have the same reason: said once, with how many they are."""
    found: dict[tuple[str, ...], Reason] = {}
    for rest, reason in taken:
        shown = _reason(rest, reason)
        kind = UNIT.sub(lambda match: f"sidekiq_workers[{NUMBERED.sub('', match.group(1))}]", rest)
        key = (kind, shown["value"], shown["rule"], shown["inputs"], shown["binding"])
        if key in found:
            found[key]["paths"].append(reason["path"])
            found[key]["alike"] += 1
        else:
            found[key] = shown
    return list(found.values())


def _reason(rest: str, reason: Mapping[str, Any]) -> Reason:
    return {
        "label": rest or reason["path"],
        "value": _ports(reason["value"]) if rest.endswith("port") else words.value(reason["value"]),
        "rule": reason["rule"],
        "inputs": "; ".join(_input(name, given) for name, given in reason["inputs"].items()),
        "binding": "" if reason["binding"] is None else str(reason["binding"]),
        "paths": [reason["path"]],
        "alike": 0,
    }


def _ports(given: Any) -> str:
    """Not an amount: without a mark between thousands."""
    return words.listed([str(port) for port in given]) if isinstance(given, list) else str(given)


def _input(name: str, given: Any) -> str:
    for ending, unit in UNITS_OF_INPUTS.items():
        if name.endswith(ending):
            return f"{name[: -len(ending)].replace('_', ' ')} {words.value(given)} {unit}"
    return f"{name.replace('_', ' ')} {words.value(given)}"
