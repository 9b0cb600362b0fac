"""How long a deployment takes, what it costs the controller, and what it moves.

`python3 -m benchmarks.deploy [LAYOUT] [--repeat N] [--json FILE]` brings the layout's hosts up in the lab (packages
come from the lab's warm cache), runs `site.yml` on bare hosts and then once more, and prints for both runs: wall
seconds, CPU seconds of the controller, tasks per host, tasks that changed something, and bytes that went over the
hosts' management network. Nothing here passes or fails: a figure belongs beside its bar in docs/figures.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
RECAP = re.compile(
    r"^(\S+)\s+:\s+ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class Run:
    """One run of `site.yml`. Seconds and bytes; tasks are counted as the recap counts them, skipped ones apart."""

    label: str
    wall_seconds: float
    controller_cpu_seconds: float
    tasks_per_host: dict[str, int]
    skipped_per_host: dict[str, int]
    changed: int
    bytes_moved: int


def recap(output: str) -> tuple[dict[str, int], dict[str, int], int]:
    """From the output of ansible-playbook: tasks run per host, tasks skipped per host, tasks that changed something."""
    rows = {row[0]: [int(figure) for figure in row[1:]] for row in RECAP.findall(output) if row[0] != "localhost"}
    return (
        {host: figures[0] for host, figures in rows.items()},
        {host: figures[4] for host, figures in rows.items()},
        sum(figures[1] for figures in rows.values()),
    )


def moved(lab: str, hosts: list[str]) -> int:
    """Bytes in and out of all hosts' default-route interfaces so far."""
    total = 0
    for host in hosts:
        script = "cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/tx_bytes"
        answer = subprocess.run(
            ["docker", "exec", f"{lab}-{host}", "sh", "-c", script], capture_output=True, text=True, check=True
        )
        total += sum(int(line) for line in answer.stdout.split())
    return total


def measure(label: str, lab: str, hosts: list[str], command: list[str], environment: dict[str, str]) -> Run:
    """Run the command once; a failed run ends the benchmark with its last lines."""
    before, bytes_before, started = resource.getrusage(resource.RUSAGE_CHILDREN), moved(lab, hosts), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{label}: site.yml ended with {done.returncode}\n" + "\n".join(done.stdout.splitlines()[-40:]))
    tasks, skipped, changed = recap(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(label, round(wall, 1), round(cpu, 1), tasks, skipped, changed, moved(lab, hosts) - bytes_before)


def deploy(layout: str) -> list[Run]:
    """First and second run on fresh hosts."""
    lab = f"bench-{layout.replace('_', '-')}"
    inventory = ROOT / "inventories" / layout
    with tempfile.TemporaryDirectory() as folder:
        # Sizes of hosts that share one machine, as the scenario of this layout has them.
        spec, connection = ROOT / "molecule" / f"layout_{layout}" / "lab.yml", Path(folder) / "zz_lab.yml"
        control = [sys.executable, "-m", "tests.lab"]
        arguments = ["--inventory", str(inventory), "--spec", str(spec), "--inventory-out", str(connection)]
        subprocess.run([*control, "up", lab, *arguments], cwd=ROOT, check=True)
        try:
            hosts = list(yaml.safe_load(connection.read_text())["all"]["hosts"])
            command = ["ansible-playbook", "site.yml", "-i", str(inventory), "-i", str(connection)]
            environment = {**os.environ, "ANSIBLE_CACHE_PLUGIN_CONNECTION": f"{folder}/facts", "ANSIBLE_NOCOLOR": "1"}
            return [measure(label, lab, hosts, command, environment) for label in ("first", "second")]
        finally:
            subprocess.run([*control, "down", lab], cwd=ROOT, check=True)


def main() -> None:
    """Parse, repeat, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layout", nargs="?", default="chaos_social")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    runs = [run for _ in range(chosen.repeat) for run in deploy(chosen.layout)]
    print(f"{chosen.layout}, {os.cpu_count()} cores, {chosen.repeat} repetition(s), medians")
    print(f"{'run':8} {'wall s':>8} {'cpu s':>8} {'changed':>8} {'MB moved':>9}  tasks run (skipped) per host")
    for label in ("first", "second"):
        same = [run for run in runs if run.label == label]
        wall = statistics.median(run.wall_seconds for run in same)
        cpu = statistics.median(run.controller_cpu_seconds for run in same)
        volume = statistics.median(run.bytes_moved for run in same) / 1e6
        last = same[-1]
        tasks = ", ".join(
            f"{host} {count} ({last.skipped_per_host[host]})" for host, count in last.tasks_per_host.items()
        )
        print(f"{label:8} {wall:8.1f} {cpu:8.1f} {max(run.changed for run in same):8} {volume:9.1f}  {tasks}")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")


if __name__ == "__main__":
    main()
