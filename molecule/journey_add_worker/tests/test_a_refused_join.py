"""w2 is to join, and cannot: afterwards everybody is as before. Meanwhile a second controller comes.

This file's name puts it before the join.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster import Cluster, command
from tests.e2e.hosts import host, sql
from tests.e2e.outside import wait
from tests.journey import inventory, witness
from tests.journey.run import Run, run

# A name that no resolver has (RFC 6761).
NOWHERE = "nowhere.invalid"


def lock() -> Path:
    """Beside the inventory."""
    return inventory.directory() / ".fediverse-mastodon.lock"


def knock() -> str:
    """What another run is told that wants the lock."""
    wanted = json.dumps({"controller_path": str(lock()), "what": "add_worker shed"})
    arguments = ("main", "-b", "-m", "fediverse.mastodon.run_lock", "-a", wanted)
    return command("ansible", [str(inventory.directory())], *arguments, ANSIBLE_CACHE_PLUGIN="memory").stdout


@dataclass(frozen=True)
class Refused:
    """What the run said, its lock and what another run was told of it, and the others before and after it."""

    run: Run
    held: dict[str, object]
    told: str
    before: dict[str, witness.Seen]
    after: dict[str, witness.Seen]


@pytest.fixture(scope="module")
def refused(before: Cluster) -> Refused:
    """A join that fails in the last step before a process starts: by then every door is open, and all is written."""
    seen = witness.look(before, before.hosts)
    inventory.write("w2")
    assert not lock().exists()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, "add_worker", worker="w2", worker_outside=[NOWHERE])
        held = json.loads(wait(lambda: lock().exists() and lock().read_text(), "the lock of the first", 60))
        told = knock()
    return Refused(first.result(), held, told, seen, witness.look(before, before.hosts))


def test_the_one_check_is_named(refused: Refused) -> None:
    assert refused.run.code == 2
    (line,) = refused.run.lines("Join | Check everything around it: w2: ")
    assert "outside" in line and NOWHERE in line
    assert refused.run.lines("w2: did not join")


def test_a_second_controller_is_told_who_the_first_is(refused: Refused) -> None:
    """What the whole run does then is a unit test's subject."""
    assert "FAILED" in refused.told
    assert f"process {refused.held['pid']}, add_worker w2" in refused.told, refused.told


def test_every_grant_is_taken_back(before: Cluster, refused: Refused) -> None:
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_w2'") == []
    for name in before.hosts:
        assert witness.changed_files(refused.before[name], refused.after[name]) == set()
    journal = yaml.safe_load((inventory.directory() / "group_vars" / "mastodon_worker_journal.yml").read_text())
    assert journal == {"mastodon_worker_journal": {}}
    assert not lock().exists()


def test_nothing_was_started_and_nothing_restarted(before: Cluster, refused: Refused) -> None:
    assert host(before, "w2").check_output("systemctl list-units --plain --no-legend 'mastodon-sidekiq@*'") == ""
    for name in before.hosts:
        assert refused.before[name].processes and refused.before[name].processes == refused.after[name].processes


@pytest.fixture(scope="module")
def full(before: Cluster, refused: Refused) -> Run:
    """A join whose release does not fit on the host's disk: preflight's own limit is lowered, or it would say so."""
    there, place = host(before, "w2"), "/opt/mastodon"
    there.check_output(f"mkdir -p {place} && mount -t tmpfs -o size=128k,mode=755 tmpfs {place}")
    try:
        return run("add_worker", worker="w2", preflight_min_disk_mb=1)
    finally:
        there.check_output(f"umount --lazy {place}")


def test_a_full_disk_is_named_and_every_grant_taken_back(before: Cluster, refused: Refused, full: Run) -> None:
    assert full.code == 2 and full.lines("w2: did not join"), full.text
    assert "No space left on device" in full.text
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_w2'") == []
    for name, seen in witness.look(before, before.hosts).items():
        assert witness.changed_files(refused.before[name], seen) == set()
        assert refused.before[name].processes == seen.processes
