"""w2 joins an installation that has work to do and visitors, and nobody else notices."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.hosts import redis, sql
from tests.e2e.outside import wait
from tests.journey import ledger, witness
from tests.journey.bystanders import *  # noqa: F403
from tests.journey.bystanders import Watched
from tests.journey.join import EACH, QUEUES, Join
from tests.journey.run import fine

# Bars of issue 7 for two cores that do nothing else; a machine that does gets more time.
JOIN, AGAIN, BUSY = 40, 15, 4


@pytest.fixture
def watched(joined: Join) -> Watched:
    """The others."""
    return joined.watched


def test_every_process_proves_itself_by_a_job_of_its_own(joined: Join) -> None:
    planned = {one["name"] for one in joined.cluster.hosts["w2"]["sidekiq_workers"]}
    (line,) = joined.run.lines("w2: ")
    assert f"w2: {len(planned)} processes take jobs" in line, joined.run.text
    assert {name for name, _ms in re.findall(r"([\w-]+) (\d+) ms", line)} == planned


def test_the_seconds_of_each_step_are_told(joined: Join) -> None:
    steps = ("grant", "host", "tunnel", "connections", "release", "checks", "processes", "record")
    (line,) = joined.run.lines("grant ")
    assert re.findall(r"(\w+) [\d.]+ s", line) == list(steps)
    assert joined.run.seconds < JOIN * BUSY, joined.run.seconds


def test_every_job_is_done_once(joined: Join) -> None:
    jobs = joined.jobs
    assert len(jobs) == EACH * len(QUEUES)
    wait(lambda: len(ledger.finished(joined.cluster, jobs)) == len(jobs), "every job", 120)
    assert set(ledger.begun(joined.cluster, jobs).values()) == {1}


def test_it_takes_its_share_of_what_comes_next(joined: Join) -> None:
    jobs = ledger.push(joined.cluster, [({"queue": "push", "wait_ms": 300}, 200)])
    wait(lambda: len(ledger.finished(joined.cluster, jobs)) == 200, "every job", 60)
    assert ledger.done_at(joined.cluster, jobs, "w2") > 20


def test_it_is_known_by_a_name_of_its_own(joined: Join) -> None:
    roles = {row[0] for row in sql(joined.cluster, "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename <> ''")}
    assert "mastodon_w2" in roles
    lines = redis(joined.cluster, "redis client list")
    address = joined.cluster.hosts["w2"]["address"]
    users = {line.split(" user=")[1].split()[0] for line in lines.splitlines() if f" addr={address}:" in line}
    assert users == {"mastodon_w2"}


def test_a_second_run_asks_and_proves_and_changes_nothing(joined: Join, tell: Callable[[str], None]) -> None:
    before = witness.look(joined.cluster, joined.cluster.hosts)
    again = fine("add_worker", worker="w2")
    tell(f"second run: {again.seconds:.1f} s wall; {again.lines('grant ')[0].strip()}")
    assert again.changed == {}
    assert witness.look(joined.cluster, joined.cluster.hosts) == before
    assert again.seconds < AGAIN * BUSY, again.seconds


def test_site_yml_finds_nothing_to_do(joined: Join) -> None:
    """What the join wrote on its host is what a deployment writes. A refused join that leaves the others as they were
    says the same of their shares."""
    done = fine("../site", limit="w2")
    assert done.changed == {}
    assert any(line.startswith("w2 ") for line in done.text.partition("PLAY RECAP")[2].splitlines())
