"""w2 is to join, and one check fails: afterwards everybody is as before. This file's name puts it before the join."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host, sql
from tests.journey import inventory, witness
from tests.journey.run import Run, run

OTHERS = ("main", "w1")
# A name that no resolver has (RFC 6761).
NOWHERE = "nowhere.invalid"


@dataclass(frozen=True)
class Refused:
    """What the run said, and the others before and after it."""

    run: Run
    before: dict[str, witness.Seen]
    after: dict[str, witness.Seen]


@pytest.fixture(scope="module")
def refused(before: Cluster) -> Refused:
    """A join that fails in the last step before a process starts: by then every door is open, and all is written."""
    seen = witness.look(before, OTHERS)
    inventory.write("w2")
    done = run("add_worker", worker="w2", worker_outside=[NOWHERE])
    return Refused(done, seen, witness.look(before, OTHERS))


def test_the_one_check_is_named(refused: Refused) -> None:
    assert refused.run.code == 2
    (line,) = refused.run.lines("Check everything around it: w2: ")
    assert "outside" in line and NOWHERE in line
    assert refused.run.lines("w2: did not join")


def test_every_grant_is_taken_back(before: Cluster, refused: Refused) -> None:
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_w2'") == []
    for name in OTHERS:
        assert witness.changed_files(refused.before[name], refused.after[name]) == set()
    journal = yaml.safe_load((inventory.directory() / "group_vars" / "mastodon_worker_journal.yml").read_text())
    assert journal == {"mastodon_worker_journal": {}}


def test_nothing_was_started_and_nothing_restarted(before: Cluster, refused: Refused) -> None:
    assert host(before, "w2").check_output("systemctl list-units --plain --no-legend 'mastodon-sidekiq@*'") == ""
    for name in OTHERS:
        assert refused.before[name].processes and refused.before[name].processes == refused.after[name].processes
