"""The preflight of a join, asked of a host by Ansible's own command, without a whole run."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.cluster import Cluster, command

from . import inventory

NONCE = "a nonce of the tests"


def _module(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    done = command(
        "ansible",
        [str(inventory.directory())],
        *(name, "-b", "-m", "fediverse.mastodon.sidekiq_worker", "-a", json.dumps(arguments)),
        ANSIBLE_CACHE_PLUGIN="memory",
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
