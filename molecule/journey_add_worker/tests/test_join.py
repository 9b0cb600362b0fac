"""w2 joins an installation that has work to do and visitors, and nobody else notices."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import lock as worker_lock

from tests.e2e.cluster import Cluster, describe
from tests.e2e.hosts import host, sql
from tests.e2e.outside import wait
from tests.journey import inventory, ledger, witness
from tests.journey.run import Run, fine, run

OTHERS = ("main", "w1")
# What a join may write elsewhere: who may log in, the database's pool divided anew, who may write media.
WRITTEN = {
    "main": {
        "/etc/nginx/sites-available/mastodon",
        "/etc/pgbouncer/pgbouncer.ini",
        "/etc/postgresql/17/main/pg_hba.conf",
        *(f"/etc/redis/mastodon-{name}.users/mastodon_w2.conf" for name in ("base", "sidekiq", "cache")),
    },
    "w1": {"/etc/pgbouncer/pgbouncer.ini"},
}
# Bars of issue 7 for two cores that do nothing else; a machine that does gets more time.
JOIN, AGAIN, BUSY = 40, 15, 4


@dataclass(frozen=True)
class Join:
    """What the join did, and the others before and after it."""

    run: Run
    before: dict[str, witness.Seen]
    after: dict[str, witness.Seen]
    visits: witness.Visits
    cluster: Cluster
    jobs: list[str]


@pytest.fixture(scope="module")
def join(before: Cluster, tell: Callable[[str], None]) -> Join:
    """One line in the inventory and one command, with visitors and jobs all the time."""
    jobs = ledger.push(before, [({"queue": queue, "wait_ms": 500}, 150) for queue in ("default", "push")])
    seen = witness.look(before, OTHERS)
    inventory.write("w2")
    with witness.visits(before) as visits:
        done = fine("add_worker", worker="w2")
    tell(f"join: {done.seconds:.1f} s wall; {done.lines('grant ')[0].strip()}")
    tell(f"visitors meanwhile: {visits.answered}, failed {len(visits.failures)}, slowest {visits.slowest:.2f} s")
    return Join(done, seen, witness.look(before, OTHERS), visits, describe(str(inventory.directory())), jobs)


def test_every_process_proves_itself_by_a_job_of_its_own(join: Join) -> None:
    planned = {one["name"] for one in join.cluster.hosts["w2"]["sidekiq_workers"]}
    (line,) = join.run.lines("w2: ")
    assert f"w2: {len(planned)} processes take jobs" in line, join.run.text
    assert {name for name, _ms in re.findall(r"([\w-]+) (\d+) ms", line)} == planned


def test_the_seconds_of_each_step_are_told(join: Join) -> None:
    steps = ("grant", "host", "tunnel", "connections", "release", "checks", "processes", "record")
    (line,) = join.run.lines("grant ")
    assert re.findall(r"(\w+) [\d.]+ s", line) == list(steps)
    assert join.run.seconds < JOIN * BUSY, join.run.seconds


def test_no_other_host_restarts_anything(join: Join) -> None:
    for name in OTHERS:
        assert join.before[name].processes and join.before[name].processes == join.after[name].processes


def test_only_the_listed_files_of_the_others_change(join: Join) -> None:
    found = {name: witness.changed_files(join.before[name], join.after[name]) for name in OTHERS}
    assert found == WRITTEN


def test_no_visitor_notices(join: Join) -> None:
    assert join.visits.answered > 20
    assert join.visits.failures == []


def test_every_job_is_done_once(join: Join) -> None:
    def all_done() -> bool:
        return len(ledger.finished(join.cluster, join.jobs)) == len(join.jobs) == 300

    wait(all_done, "every job", 120)
    assert set(ledger.begun(join.cluster, join.jobs).values()) == {1}


def test_it_takes_its_share_of_what_comes_next(join: Join) -> None:
    jobs = ledger.push(join.cluster, [({"queue": "push", "wait_ms": 300}, 200)])
    wait(lambda: len(ledger.finished(join.cluster, jobs)) == 200, "every job", 60)
    assert ledger.done_at(join.cluster, jobs, "w2") > 20


def test_it_is_known_by_a_name_of_its_own(join: Join) -> None:
    roles = {row[0] for row in sql(join.cluster, "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename <> ''")}
    assert "mastodon_w2" in roles
    lines = host(join.cluster, "main").check_output(
        "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/mastodon-sidekiq.conf | tr -d '\"')"
        " redis-cli -p 6380 client list"
    )
    address = join.cluster.hosts["w2"]["address"]
    users = {line.split(" user=")[1].split()[0] for line in lines.splitlines() if f" addr={address}:" in line}
    assert users == {"mastodon_w2"}


def test_a_second_run_asks_and_proves_and_changes_nothing(join: Join, tell: Callable[[str], None]) -> None:
    before = witness.look(join.cluster, join.cluster.hosts)
    again = fine("add_worker", worker="w2")
    tell(f"second run: {again.seconds:.1f} s wall; {again.lines('grant ')[0].strip()}")
    assert again.changed == {}
    assert witness.look(join.cluster, join.cluster.hosts) == before
    assert again.seconds < AGAIN * BUSY, again.seconds


def test_a_second_controller_is_refused_and_told_who_the_first_is(join: Join) -> None:
    lock = inventory.directory() / ".fediverse-mastodon.lock"
    mine = worker_lock.this_run(os.getpid(), "add_worker shed")
    worker_lock.take(str(lock), mine, stale_after=7200)
    try:
        second = run("add_worker", worker="w2")
    finally:
        worker_lock.give_back(str(lock), mine)
    assert second.code == 2 and "add_worker shed" in second.text and f"process {os.getpid()}" in second.text
    assert second.changed == {}


def test_site_yml_finds_nothing_to_do(join: Join) -> None:
    """What the join wrote is what the whole deployment writes."""
    assert fine("../site").changed == {}
