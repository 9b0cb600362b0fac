"""The preflight of a join, asked of a host again and again: Ansible packs the module once, the host runs it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from tests.e2e.cluster import Cluster, command
from tests.e2e.hosts import host

from . import inventory

NONCE = "a nonce of the tests"
# Ansible sends the module as one file with its arguments in it, and leaves it there when asked to.
PLACE = "/tmp/journey-preflight"
KEEP = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0", "ANSIBLE_REMOTE_TEMP": PLACE}


def _module(name: str, arguments: dict[str, Any], **environment: str) -> dict[str, Any]:
    done = command(
        "ansible",
        [str(inventory.directory())],
        *(name, "-b", "-m", "fediverse.mastodon.sidekiq_worker", "-a", json.dumps(arguments)),
        ANSIBLE_CACHE_PLUGIN="memory",
        **environment,
    )
    _before, arrow, answer = done.stdout.partition("=> ")
    assert arrow, done.stdout + done.stderr
    found: dict[str, Any] = json.JSONDecoder().raw_decode(answer)[0]
    return found


@dataclass(frozen=True)
class Preflight:
    """The checks of one host, as a join asks them, ready to be run."""

    cluster: Cluster
    name: str
    file: str

    def failures(self, under: str = "") -> dict[str, str]:
        """Checks that fail now, each with all that it says. under: a command that runs the module."""
        done = host(self.cluster, self.name).run(f"{under} python3 {shlex.quote(self.file)}")
        answer = json.loads(done.stdout)
        assert "checks" in answer, answer
        return {
            one["id"]: f"{one['value']} {one['limit']} {one['hint']}" for one in answer["checks"] if one["ok"] is False
        }


def prepare(cluster: Cluster, name: str, reference: str) -> Preflight:
    """Leaves the module on the host, told to compare with another one."""
    share = cluster.hosts[name]
    running = _module(reference, {"worker": reference, "state": "info", "nonce": NONCE})
    given = {
        "worker": name,
        "state": "checked",
        "instances": share["sidekiq_workers"],
        "database_direct": share["mastodon"]["database_direct"],
        "expected": running["reference"],
        "nonce": NONCE,
        "outside": [],
    }
    _module(name, given, **KEEP)
    file = host(cluster, name).check_output(f"find {PLACE} -name 'AnsiballZ_sidekiq_worker.py'").strip()
    return Preflight(cluster, name, file)
