"""The controller is killed after every step of a join, in a lab that stays.

`make converge SCENARIO=journey_add_worker`, then `python3 -m tests.journey.killed INVENTORY [STEP …]` with the
inventory directory that Molecule printed. After each kill the site is asked, and whoever is let in must be written
down. Each run is also the next one after the kill before it: it finishes or undoes that. At the end w2 joins, and
leaves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.client import names, session
from tests.e2e.cluster import ROOT, Cluster, describe
from tests.e2e.hosts import host, sql

from . import inventory
from .run import fine

WORKER, MEMBER = "w2", "w1"
# A run is killed as soon as the task after the named one begins; words of its line on the screen.
STEPS = (
    "Take the lock",
    "Shares | Connections of the database",
    "Shares | Who may write media",
    "Join | Write down that it begins",
    "Doors | PostgreSQL",
    "Doors | Redis",
    "Doors | Object store",
    "Doors | Firewall",
    "Join | Begin the tunnel",
    "Join | Reach the database",
    "Join | Reach Redis",
    "Join | Ship release and environment",
    "Join | Write the units",
    "Join | Check everything around it",
    "Join | Let it take jobs",
    "Join | Write down that it has joined",
)
END = "end"  # it joins after all, and leaves
# After these the next run is another host's: it has to take back what the killed one granted.
UNDONE = ("Doors | Redis", "Join | Check everything around it")


@dataclass(frozen=True)
class Look:
    """What is found after a kill. granted: w2's role and its users at Redis; written: its state in the journal."""

    site: int
    failed_units: str
    granted: tuple[str, ...]
    written: str
    running: int

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        found = [] if self.site == 200 else [f"the site answers {self.site}"]
        found += [f"failed: {self.failed_units}"] if self.failed_units else []
        found += (
            [f"{', '.join(self.granted)}: open, and nobody wrote it down"] if self.granted and not self.written else []
        )
        return found


def look(cluster: Cluster) -> Look:
    """Ask the site, the hosts and the journal."""
    with session(cluster.authority) as one:
        url = f"https://{cluster.settings['web_domain']}/users/{cluster.settings['admin']['username']}"
        site = one.get(url, headers={"Accept": "application/activity+json"}, timeout=10).status_code
    failed = [host(cluster, name).check_output("systemctl --failed --plain --no-legend") for name in cluster.addresses]
    roles = [
        f"role {row[0]}" for row in sql(cluster, f"SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_{WORKER}'")
    ]
    files = host(cluster, cluster.settings["hosts"]["redis"]).check_output(
        f"ls /etc/redis/*.users | grep {WORKER} || true"
    )
    journal = inventory.directory() / "group_vars" / "mastodon_worker_journal.yml"
    entries = (yaml.safe_load(journal.read_text()) if journal.exists() else {}).get("mastodon_worker_journal", {})
    units = host(cluster, WORKER).check_output(
        "systemctl list-units --state=active --plain --no-legend 'mastodon-sidekiq@*' | wc -l"
    )
    granted = (*roles, *files.split())
    return Look(site, " ".join(failed).strip(), granted, entries.get(WORKER, {}).get("state", ""), int(units))


def killed_after(step: str, worker: str) -> float:
    """A run of add_worker whose controller is killed, with all of its processes, when the task after `step` begins."""
    began, seen = time.monotonic(), False
    program = str(Path(sys.executable).parent / "ansible-playbook")
    run = subprocess.Popen(
        [program, "-i", str(inventory.directory()), "playbooks/add_worker.yml", "-e", f"worker={worker}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "ANSIBLE_CACHE_PLUGIN": "memory"},
    )
    said = []
    for line in run.stdout or ():
        said.append(line)
        if seen and line.startswith(("TASK [", "PLAY [")):
            break
        seen = seen or (line.startswith("TASK [") and f"{step}]" in line)
    else:
        raise AssertionError(f"{step}: the run came to its end\n{''.join(said)}")
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return time.monotonic() - began


def kill(cluster: Cluster, step: str) -> int:
    """Kill after one step, look, and tell; returns how many things were wrong."""
    seconds = killed_after(step, WORKER)
    found = look(cluster)
    wrong = len(found.problems)
    state = f"{len(found.granted)} grants, journal {found.written or 'empty'}, {found.running} processes"
    print(f"{step}: killed after {seconds:.1f} s: {state}; {'; '.join(found.problems) or 'well'}", flush=True)
    if step in UNDONE:
        done = fine("add_worker", worker=MEMBER)
        after = look(cluster)
        wrong += len(after.problems) + bool(after.granted)
        left = ", ".join(after.granted) or "nothing"
        print(f"  {MEMBER} joins again in {done.seconds:.1f} s: {left} of {WORKER} is left", flush=True)
    return wrong


def end(cluster: Cluster) -> int:
    """It joins after all, and leaves."""
    done = fine("add_worker", worker=WORKER)
    found = look(cluster)
    wrong = len(found.problems) + (found.written != "joined") + (found.running == 0)
    print(f"{WORKER} joins in {done.seconds:.1f} s: {found.running} processes; {'; '.join(found.problems) or 'well'}")
    done = fine("remove_worker", worker=WORKER, confirm=WORKER)
    found = look(cluster)
    print(f"{WORKER} leaves in {done.seconds:.1f} s: {', '.join(found.granted) or 'nothing'} is left", flush=True)
    return wrong + len(found.problems) + bool(found.granted)


def main() -> int:
    """The exit code says whether anything was wrong."""
    place, *chosen = sys.argv[1:]
    os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] = str(Path(place).parent)
    inventory.write(WORKER)
    cluster = describe(place)
    wrong = 0
    with names(dict.fromkeys(cluster.names, cluster.entry)):
        for step in chosen or (*STEPS, END):
            wrong += end(cluster) if step == END else kill(cluster, step)
    inventory.erase(WORKER)
    print(f"{wrong} things were wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
