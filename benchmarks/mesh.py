"""How long the role `wireguard` takes for a mesh of four hosts: from nothing, and when nothing is left to do.

`python3 -m benchmarks.mesh [--repeat N]` brings up the hosts of the scenario role_wireguard, two behind NAT, and
runs playbooks/network.yml. From nothing: no package, key, file or interface; packages come from the lab's warm cache.
Seconds are those of the play that has the role, and of the whole playbook with plan and proof. Nothing here passes or
fails: a figure belongs beside its bar in docs/figures.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "molecule" / "role_wireguard"
LAB = "bench-mesh"
CONTROL = [sys.executable, "-m", "tests.lab"]
PLAY = "PLAY [Run the tunnels]"
NOTHING = (
    "systemctl disable --now mastodon-tunnel-watch@wg0.timer wg-quick@wg0.service;"
    "rm -rf /etc/wireguard /etc/systemd/system/wg-quick@wg0.service.d /etc/systemd/system/mastodon-tunnel-watch@.*;"
    "systemctl daemon-reload;"
    "DEBIAN_FRONTEND=noninteractive apt-get purge -qq --yes wireguard-tools wireguard-go"
)


@dataclass(frozen=True)
class Run:
    """Seconds of the role and of the whole playbook, and how many tasks changed something."""

    role: float
    whole: float
    changed: int


def measured(command: list[str], environment: dict[str, str]) -> Run:
    """One run. Its output is read as it comes: when a play begins is when the one before has ended."""
    started = time.monotonic()
    begun = ended = 0.0
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout
        for line in run.stdout:
            lines.append(line)
            if begun and not ended and line.startswith("PLAY"):
                ended = time.monotonic()
            if line.startswith(PLAY):
                begun = time.monotonic()
    if run.returncode or not ended:
        sys.exit(f"network.yml ended with {run.returncode}\n" + "".join(lines[-40:]))
    changed = sum(int(line.split("changed=")[1].split()[0]) for line in lines if "changed=" in line)
    return Run(round(ended - begun, 1), round(time.monotonic() - started, 1), changed)


def to_nothing(hosts: list[str]) -> None:
    """All hosts at once: without a tunnel, and without the packages for one."""
    calls = [subprocess.Popen(["docker", "exec", f"{LAB}-{host}", "sh", "-c", NOTHING]) for host in hosts]
    for host, call in zip(hosts, calls, strict=True):
        if call.wait():
            sys.exit(f"{host}: its packages cannot be removed")


def trials(repeat: int) -> dict[str, list[Run]]:
    """By what there was before."""
    found: dict[str, list[Run]] = {"nothing": [], "everything": []}
    with tempfile.TemporaryDirectory() as folder:
        inventory = Path(folder) / "inventory"
        inventory.mkdir()
        shutil.copy(SCENARIO / "hosts.yml", inventory)
        connection = inventory / "zz_lab.yml"
        about = ["--inventory", str(inventory), "--spec", str(SCENARIO / "lab.yml")]
        subprocess.run([*CONTROL, "up", LAB, *about, "--inventory-out", str(connection)], cwd=ROOT, check=True)
        try:
            hosts = list(yaml.safe_load(connection.read_text())["all"]["hosts"])
            command = ["ansible-playbook", "playbooks/network.yml", "-i", str(inventory)]
            environment = {**os.environ, "ANSIBLE_CACHE_PLUGIN": "memory", "ANSIBLE_NOCOLOR": "1"}
            for number in range(repeat):
                if number:
                    to_nothing(hosts)
                for before, runs in found.items():
                    runs.append(measured(command, environment))
                    print(f"{before}: {runs[-1]}", flush=True)
        finally:
            subprocess.run([*CONTROL, "down", LAB], cwd=ROOT, check=True)
    return found


def main() -> None:
    """Parse, repeat, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    found = trials(parser.parse_args().repeat)
    print(f"four hosts, {os.cpu_count()} cores, medians; load average at the end {os.getloadavg()[0]:.1f}")
    for before, runs in found.items():
        role, whole = (statistics.median(getattr(run, name) for run in runs) for name in ("role", "whole"))
        changed = sorted({run.changed for run in runs})
        print(f"there was {before}: the role {role:.1f} s, the playbook {whole:.1f} s, tasks that changed {changed}")


if __name__ == "__main__":
    main()
