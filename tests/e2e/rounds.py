"""Molecule verifies twice, before and after the second deployment. Some tests compare the two rounds."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host

UNITS = "systemctl show --property=Id,MainPID --state=active --type=service 'mastodon-*' 'postgresql@*' pgbouncer nginx"


def processes(cluster: Cluster) -> dict[str, dict[str, int]]:
    """The main process of every service of ours, by host and unit."""
    found: dict[str, dict[str, int]] = {}
    for name in sorted(cluster.hosts):
        blocks = host(cluster, name).check_output(UNITS).split("\n\n")
        units = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]
        found[name] = {unit["Id"]: int(unit["MainPID"]) for unit in units if int(unit.get("MainPID") or 0)}
    return found


def age(cluster: Cluster) -> dict[str, str]:
    """When each host came up: new containers, and rebooted ones, begin a first round."""
    return {name: host(cluster, name).check_output("stat -c %Y /proc/1") for name in sorted(cluster.hosts)}


@dataclass(frozen=True)
class Round:
    """This round, and what the one before saw (None: this is the first)."""

    processes: dict[str, dict[str, int]]
    before: dict[str, dict[str, int]] | None


def begin(cluster: Cluster) -> Round:
    """Look at the processes; remember them for the next round."""
    file = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "round.json"
    now: dict[str, Any] = {"age": age(cluster), "processes": processes(cluster)}
    last = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(now))
    return Round(now["processes"], last["processes"] if last.get("age") == now["age"] else None)
