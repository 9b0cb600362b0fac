"""What a host says about itself when a scenario has failed."""

from __future__ import annotations

import subprocess

from . import hosts, labs

UNITS = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"]


def _output(call: list[str]) -> str:
    done = subprocess.run(call, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=60)
    return (done.stdout + done.stderr).rstrip()


def show(name: str, wanted: list[str], lines: int) -> None:
    """Print failed units with their last lines, then the journal's. Asks docker: ssh may be what broke."""
    state = labs.running(name)
    for host in labs.chosen(state, wanted) or list(state.hosts):
        seen = hosts.details(name, host)
        status = seen["State"]["Status"] if seen else "missing"
        print(f"===== {name} {host}: {status}")
        if status != "running":
            continue
        execute = ["docker", "exec", hosts.container(name, host)]
        journal = [*execute, "journalctl", "--no-pager", "--output=short", "-n", str(lines)]
        failed = [line.split()[0] for line in _output([*execute, *UNITS]).splitlines() if line.strip()]
        print(f"failed units: {', '.join(failed) or 'none'}")
        for unit in failed:
            print(f"--- {unit}\n{_output([*journal, '-u', unit])}")
        print(f"--- journal\n{_output(journal)}")
