# GPL-3.0-or-later (see LICENSE)
"""One Sidekiq process as asked for, as its unit describes it, and its private queue."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROBE = "probe_"
SIDEKIQ_TIMEOUT = 25  # Sidekiq's own, where the command line has no -t
# Sidekiq gives its threads 3 s more after it has pushed jobs back.
SLACK = 5
INFINITE = float("inf")
_SPANS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def unit_of(name: str) -> str:
    """The service of an instance."""
    return f"mastodon-sidekiq@{name}.service"


def probe_queue(worker: str, instance: str) -> str:
    """The queue that only this process in the whole cluster listens to: hosts may call their instances alike."""
    return PROBE + re.sub(r"[^A-Za-z0-9_.-]", "-", f"{worker}_{instance}")


def with_probe(queues: Sequence[tuple[str, int | None]], probe: str) -> list[tuple[str, int | None]]:
    """An instance's queues and its private one, so that the private one is reached and the others' order stays.

    With weights it gets the least, 1. Without any, order is strict and whoever stands behind a busy queue starves:
    there it goes first, which costs nothing as it is empty.
    """
    if queues and all(weight is None for _name, weight in queues):
        return [(probe, None), *queues]
    return [*queues, (probe, 1)]


@dataclass(frozen=True)
class Wanted:
    """One process of the plan."""

    name: str
    queues: frozenset[str]
    threads: int
    on_demand: bool = False

    @property
    def unit(self) -> str:
        """Its service."""
        return unit_of(self.name)


def wanted_from(data: Iterable[Mapping[str, Any]]) -> tuple[Wanted, ...]:
    """`mastodon_host.sidekiq_workers`, or a list of names with queues. ValueError: no name, or one twice."""
    found = []
    for item in data:
        name = str(item.get("name") or "")
        if not name:
            raise ValueError(f"an instance has no name: {dict(item)}")
        queues = [entry[0] if isinstance(entry, (list, tuple)) else entry for entry in item.get("queues") or ()]
        threads = item.get("threads") or item.get("concurrency") or 0
        found.append(Wanted(name, frozenset(map(str, queues)), int(threads), bool(item.get("on_demand"))))
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"instance named twice: {', '.join(twice)}")
    return tuple(found)


@dataclass(frozen=True)
class Command:
    """What a process is started with."""

    queues: tuple[tuple[str, int | None], ...] = ()
    threads: int = 0
    timeout: int = SIDEKIQ_TIMEOUT
    tag: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Its queues without the private ones."""
        return public(name for name, _weight in self.queues)

    @property
    def private(self) -> frozenset[str]:
        """Its private ones."""
        return frozenset(name for name, _weight in self.queues if name.startswith(PROBE))


def public(queues: Iterable[str]) -> frozenset[str]:
    """Queues without private ones."""
    return frozenset(name for name in queues if not name.startswith(PROBE))


def command(arguments: str) -> Command:
    """Sidekiq's command line, as it stands in the unit's environment or in ExecStart."""
    words = shlex.split(arguments)
    queues: list[tuple[str, int | None]] = []
    given = {"-c": "0", "-t": str(SIDEKIQ_TIMEOUT), "-g": ""}
    long = {"--queue": "-q", "--concurrency": "-c", "--timeout": "-t", "--tag": "-g"}
    for option, value in zip(words, [*words[1:], ""]):
        option = long.get(option, option)
        if option == "-q":
            name, comma, weight = value.partition(",")
            queues.append((name, int(weight) if comma else None))
        elif option in given:
            given[option] = value
    return Command(tuple(queues), int(given["-c"]), int(given["-t"]), given["-g"])


@dataclass(frozen=True)
class Unit:
    """What systemd says of one service. stop_after: seconds until it is killed; started: epoch, 0 when unknown."""

    name: str
    loaded: bool = False
    active: str = "inactive"
    enabled: bool = False
    masked: bool = False
    pid: int = 0
    result: str = ""
    stop_after: float = 0.0
    started: float = 0.0
    command: Command = Command()

    @property
    def is_up(self) -> bool:
        """Running."""
        return self.active in ("active", "reloading") and self.pid > 0

    @property
    def is_down(self) -> bool:
        """Not running and not about to."""
        return self.active in ("inactive", "failed")


def seconds(span: str) -> float:
    """systemd's way to write a time span: `1min 20s`, `infinity`. ValueError: something else."""
    if span == "infinity":
        return INFINITE
    total = 0.0
    for word in span.split():
        match = re.fullmatch(r"([0-9.]+)([a-z]+)", word)
        if not match or match.group(2) not in _SPANS:
            raise ValueError(f"{span!r} is no time span")
        total += float(match.group(1)) * _SPANS[match.group(2)]
    return total
