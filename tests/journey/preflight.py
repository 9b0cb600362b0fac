"""The preflight of a join, asked of a host by Ansible's own command, without a whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.cluster import ROOT, Cluster

from . import inventory

NONCE = "a nonce of the tests"


def _module(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible"),
            name,
            "-b",
            *("-i", str(inventory.directory())),
            *("-m", "fediverse.mastodon.sidekiq_worker"),
            *("-a", json.dumps(arguments)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CACHE_PLUGIN": "memory",
            "ANSIBLE_NOCOLOR": "1",
        },
    )
    _before, arrow, answer = done.stdout.partition("=> ")
    assert arrow, done.stdout + done.stderr
    found: dict[str, Any] = json.JSONDecoder().raw_decode(answer)[0]
    return found


def reference(name: str) -> dict[str, Any]:
    """What a running host has, for comparison."""
    found: dict[str, Any] = _module(name, {"worker": name, "state": "info", "nonce": NONCE})["reference"]
    return found


def failures(cluster: Cluster, name: str, expected: dict[str, Any]) -> dict[str, str]:
    """Checks that fail now on a host, each with all that it says."""
    share = cluster.hosts[name]
    given = {
        "worker": name,
        "state": "checked",
        "instances": share["sidekiq_workers"],
        "database_direct": share["mastodon"]["database_direct"],
        "expected": expected,
        "nonce": NONCE,
        "outside": [],
    }
    checks = _module(name, given)["checks"]
    return {one["id"]: f"{one['value']} {one['limit']} {one['hint']}" for one in checks if one["ok"] is False}
