# GPL-3.0-or-later (see LICENSE)
"""When a service must be started, reloaded or restarted: from what systemd says and the age of its files.

Nothing is remembered between runs. A run that died between writing a file and the reload leaves a file younger than
the service's last start or reload, so the next run finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "ExecMainStartTimestamp",
    "StateChangeTimestamp",
)
ENABLED = ("enabled", "static", "indirect", "generated", "alias")


@dataclass(frozen=True)
class Wish:
    """A service as it should run."""

    name: str
    restart_on: tuple[str, ...] = ()
    reload_on: tuple[str, ...] = ()


def parse_show(output: str) -> dict[str, dict[str, str]]:
    """`systemctl show --timestamp=us+utc -p … UNIT…`: blocks of KEY=value, separated by an empty line."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in output.strip().split("\n\n"))
    return {block["Id"]: block for block in blocks if block}


def seconds(timestamp: str) -> float:
    """systemd's `Sun 2026-11-22 07:32:24.123456 UTC` as seconds since the epoch; 0 when there was none."""
    if not timestamp or timestamp == "n/a":
        return 0.0
    _, date, clock, _ = timestamp.split()
    moment = datetime.strptime(f"{date} {clock}", "%Y-%m-%d %H:%M:%S.%f" if "." in clock else "%Y-%m-%d %H:%M:%S")
    return moment.replace(tzinfo=timezone.utc).timestamp()


def younger(paths: Iterable[str], than: float, modified: Callable[[str], float], written: Iterable[str]) -> bool:
    """Whether a file changed after that moment, or is among those just written (which covers check mode)."""
    just = set(written)
    return any(path in just or modified(path) > than for path in paths)


def steps(
    state: Mapping[str, str], wish: Wish, modified: Callable[[str], float], written: Iterable[str]
) -> list[tuple[str, ...]]:
    """The systemctl commands that bring one service to its wish, in order."""
    name = wish.name
    todo: list[tuple[str, ...]] = []
    if state.get("UnitFileState", "") not in ENABLED:
        todo.append(("enable", name))
    if state.get("ActiveState") not in ("active", "activating", "reloading"):
        return [*todo, ("start", name)]
    # A timer has no process of its own.
    if younger(wish.restart_on, seconds(state.get("ExecMainStartTimestamp", "")), modified, written):
        return [*todo, ("restart", name)]
    if younger(wish.reload_on, seconds(state["StateChangeTimestamp"]), modified, written):
        todo.append(("reload", name))
    return todo


@dataclass(frozen=True)
class Packaged:
    """A service that came with a distribution's package, as found."""

    unit: str
    installed: bool
    masked: bool
    active: bool
    enabled: bool
    pristine: bool
    data: tuple[str, ...]


def retirement(found: Packaged, mask: bool) -> tuple[list[tuple[str, ...]], str]:
    """How to retire the packaged service, and a note where somebody uses it and it is left alone."""
    if not found.installed or found.masked:
        return [], ""
    used = []
    if not found.pristine:
        used.append("its configuration was changed")
    if found.data:
        used.append(f"it has data ({', '.join(found.data)})")
    if used:
        note = f"{found.unit} is left as it is, because {' and '.join(used)}."
        return [], note if found.active or found.enabled else ""
    todo: list[tuple[str, ...]] = []
    if found.active:
        todo.append(("stop", found.unit))
    if found.enabled:
        todo.append(("disable", found.unit))
    if mask:
        todo.append(("mask", found.unit))
    return todo, ""
