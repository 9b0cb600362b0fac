"""What hosts say about themselves when a scenario has failed."""

from __future__ import annotations

import subprocess

from . import hosts, labs
from .paths import CACHE
from .progress import say
from .state import State

UNITS = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"]
LINES = 60


def _output(call: list[str]) -> str:
    try:
        done = subprocess.run(call, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    except subprocess.TimeoutExpired:
        return "no answer within 60 s"
    return (done.stdout + done.stderr).decode(errors="replace").rstrip()


def one(lab: str, host: str, lines: int) -> str:
    """Failed units with their last lines, then the journal's. Asks docker: ssh may be what broke."""
    seen = hosts.details(lab, host)
    status = seen["State"]["Status"] if seen else "missing"
    told = [f"===== {lab} {host}: {status}"]
    if status == "running":
        execute = ["docker", "exec", hosts.container(lab, host)]
        journal = [*execute, "journalctl", "--no-pager", "--output=short", "-n", str(lines)]
        failed = [line.split()[0] for line in _output([*execute, *UNITS]).splitlines() if line.strip()]
        told.append(f"failed units: {', '.join(failed) or 'none'}")
        told += [f"--- {unit}\n{_output([*journal, '-u', unit])}" for unit in failed]
        told.append(f"--- journal\n{_output(journal)}")
    return "\n".join(told)


def collect(state: State, wanted: list[str], lines: int) -> str:
    """That of several hosts, by default all."""
    return "\n".join(one(state.name, host, lines) for host in labs.chosen(state, wanted) or list(state.hosts))


def keep(state: State) -> None:
    """Write it into the cache before the hosts are removed."""
    file = CACHE / "logs" / f"{state.name}.hosts.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(collect(state, [], LINES) + "\n")
    say(f"{state.name}: journals kept in {file}")
