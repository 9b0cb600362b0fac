"""How long a worker host takes to join: prepared, again, from bare Debian, and twenty processes on four hosts at once.

`python3 -m benchmarks.join [--repeat N] [--only prepared|bare|many]` deploys one host and lets others join it, by
playbooks/add_worker.yml as an admin runs it. All hosts, the controller and the services share this machine's cores.
Prepared: the packages are there, the release is not. With it: it joined before, and left. Nothing here passes or
fails: a figure belongs beside its bar in docs/figures.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.journey import inventory
from tests.journey.run import Run, fine

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / "molecule" / "shared"
LAB = "bench-join"
CONTROL = [sys.executable, "-m", "tests.lab"]
FIVE = [
    {
        "name": "all",
        "queues": [["default", 8], ["push", 6], ["ingress", 4], ["mailers", 2], ["pull", 1], ["fasp", 1]],
        "threads": 5,
        "processes": 5,
    }
]
ONE = {"mastodon_cpus": 2, "mastodon_memory_mb": 2048}
MANY = {"mastodon_cpus": 2, "mastodon_memory_mb": 4096, "mastodon_sidekiq_workers": FIVE}
MANY_HOSTS = ("four1", "four2", "four3", "four4")
HOSTS = {"prepared": ONE, "bare": ONE, "single": MANY, **dict.fromkeys(MANY_HOSTS, MANY)}
PARTS = {"prepared": ("prepared",), "bare": ("bare",), "many": ("single", *MANY_HOSTS)}


def describe(names: list[str]) -> dict[str, object]:
    """The journeys' installation on its one host, and hosts that are no part of it yet."""
    document = yaml.safe_load((SHARED / "journey.yml").read_text())
    document["mastodon"]["children"]["sidekiq_workers"] = {"hosts": {"main": None}}
    document["ungrouped"] = {"hosts": {name: HOSTS[name] for name in names}}
    return dict(document)


@contextmanager
def deployed(names: list[str]) -> Iterator[Path]:
    """A lab with one installation; gives the spec that it was made from."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] = folder
        inventory.directory().mkdir()
        (inventory.directory() / "hosts.yml").write_text(yaml.safe_dump(describe(names), sort_keys=False))
        spec = Path(folder) / "lab.yml"
        hosts = {name: {"bare": True} for name in names if name == "bare"}
        spec.write_text(yaml.safe_dump({"like": str(SHARED / "app_lab.yml"), "hosts": hosts}))
        try:
            up(spec)
            fine("../site")
            yield spec
        finally:
            subprocess.run([*CONTROL, "down", LAB], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def up(spec: Path) -> None:
    """All hosts of the inventory; those that are gone are made anew."""
    place = ["--inventory", str(inventory.directory()), "--spec", str(spec)]
    out = ["--inventory-out", str(inventory.directory() / "zz_lab.yml")]
    subprocess.run([*CONTROL, "up", LAB, *place, *out], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def join(label: str, *names: str) -> Run:
    """Hosts join, all in one run."""
    for name in names:
        inventory.write(name)
    done = fine("add_worker", worker=",".join(names))
    # They go through the steps together.
    steps = done.lines("grant ")[0].strip()
    changed = sum(done.changed.values())
    print(f"{label}: {done.seconds:.1f} s wall, {changed} tasks changed something; {steps}", flush=True)
    return done


def leave(*names: str) -> None:
    """They leave again, and come out of the inventory."""
    for name in names:
        fine("remove_worker", worker=name, confirm=name)
        inventory.erase(name)


def prepared(repeat: int) -> dict[str, list[float]]:
    """The first time, when it has joined, and again after a leave."""
    found: dict[str, list[float]] = {
        "prepared": [join("prepared", "prepared").seconds],
        "again": [],
        "with release": [],
    }
    for _number in range(repeat):
        found["again"].append(join("again", "prepared").seconds)
        leave("prepared")
        found["with release"].append(join("with release", "prepared").seconds)
    leave("prepared")
    return found


def bare(repeat: int, spec: Path) -> dict[str, list[float]]:
    """A host of nothing but Debian; packages come from the lab's warm cache, warmed by the hosts before it."""
    found = []
    for _number in range(repeat):
        found.append(join("bare", "bare").seconds)
        leave("bare")
        subprocess.run(["docker", "rm", "--force", "--volumes", f"{LAB}-bare"], check=True, capture_output=True)
        up(spec)
    return {"bare": found}


def many(repeat: int) -> dict[str, list[float]]:
    """Five processes on one host, then five on each of four."""
    found: dict[str, list[float]] = {"1 host, 5 processes": [], "4 hosts, 20 processes": []}
    for _number in range(repeat):
        for label, names in zip(found, (("single",), MANY_HOSTS), strict=True):
            found[label].append(join(label, *names).seconds)
            leave(*names)
    return found


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    given = parser.parse_args()
    parts = given.only or list(PARTS)
    found: dict[str, list[float]] = {}
    with deployed([name for part in parts for name in PARTS[part]]) as spec:
        if "prepared" in parts:
            found |= prepared(given.repeat)
        if "bare" in parts:
            found |= bare(given.repeat, spec)
        if "many" in parts:
            found |= many(given.repeat)
    print(f"{os.cpu_count()} cores, medians (least to greatest); load average at the end {os.getloadavg()[0]:.1f}")
    for label, seconds in found.items():
        print(f"{label}: {statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})")
    if "many" in parts:
        one, four = (statistics.median(seconds) for label, seconds in found.items() if "processes" in label)
        print(f"four hosts against one: {four / one:.2f} ×")


if __name__ == "__main__":
    main()
