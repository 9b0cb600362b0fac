# GPL-3.0-or-later (see LICENSE)
"""Reads the units of Sidekiq from systemd, and does the steps that were decided."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence

from .._join.instance import INFINITE, Command, Unit, Wanted, command, seconds
from .._join.removal import Step
from .._shell import Refusal, Shell, control, read_text
from .._units.runtime import parse_environment

ETC = "/etc/mastodon"
PROPERTIES = (
    "Id,LoadState,ActiveState,UnitFileState,MainPID,Result,TimeoutStopUSec,ExecMainStartTimestampMonotonic,ExecStart"
)
COMMANDS = {
    # Sidekiq's signal for "take no more jobs". To the main process alone: children of a job must not stop.
    "quiet": ("kill", "--signal=TSTP", "--kill-whom=main"),
    "mask": ("mask", "--runtime"),
    "unmask": ("unmask", "--runtime"),
}


def look(shell: Shell, wanted: Sequence[Wanted]) -> dict[str, Unit]:
    """{instance: unit}."""
    if not wanted:
        return {}
    argv = ["systemctl", "show", f"--property={PROPERTIES}", *(one.unit for one in wanted)]
    blocks = [block for block in shell.run(argv).out.strip().split("\n\n") if block.strip()]
    if len(blocks) != len(wanted):
        raise Refusal(f"`{' '.join(argv)}` answered for {len(blocks)} of {len(wanted)} units")
    return {one.name: _unit(one, block) for one, block in zip(wanted, blocks)}


def _unit(one: Wanted, block: str) -> Unit:
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    load, state = values.get("LoadState", ""), values.get("UnitFileState", "")
    since = int(values.get("ExecMainStartTimestampMonotonic") or 0)
    pid = int(values.get("MainPID") or 0)
    return Unit(
        one.unit,
        load == "loaded",
        values.get("ActiveState", "inactive"),
        state in ("enabled", "enabled-runtime"),
        load == "masked",
        pid,
        values.get("Result", ""),
        seconds(values.get("TimeoutStopUSec") or "infinity") if load == "loaded" else INFINITE,
        time.time() - (time.monotonic() - since / 1e6) if since and pid else 0.0,
        _command(one, values.get("ExecStart", "")),
    )


def _command(one: Wanted, started_by: str) -> Command:
    """From our file of the instance; a unit of somebody else has its options in ExecStart."""
    text = read_text(os.path.join(ETC, f"sidekiq-{one.name}.env"))
    if text is not None:
        return command(parse_environment(text).get("SIDEKIQ_ARGUMENTS", ""))
    match = re.search(r"argv\[\]=(.*?) ;", started_by)
    return command(match.group(1).replace("%i", one.name)) if match else Command()


def do(shell: Shell, step: Step) -> None:
    """One step. Refusal with the end of the journal."""
    control(shell, (*COMMANDS.get(step.verb, (step.verb,)), step.unit))


def start(shell: Shell, units: Sequence[str]) -> None:
    """Several at once: each boots Rails for seconds. Refusal names those that did not come up, and why."""
    if shell.run(["systemctl", "start", *units], check=False).code == 0:
        return
    for unit in units:
        # One that runs is left as it is; one that does not says why.
        control(shell, ("start", unit))
