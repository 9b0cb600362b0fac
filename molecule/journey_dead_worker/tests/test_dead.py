"""w1 dies with jobs in hand. They are saved, it is shut out, and while it is off another host joins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from tests.e2e.cluster import Cluster, describe
from tests.e2e.hosts import fault, redis, sql
from tests.e2e.outside import wait
from tests.journey import doors, inventory, ledger, witness
from tests.journey.run import Run, fine, run

# Endless ones, pushed until the host has so many in hand. Few at a time: the threads of a process wait for jobs in
# step, so that it takes all that come at one moment.
IN_HAND, AT_ONCE, MOST = 5, 4, 96
# What a host that died had in hand can be read for so long: by then the removal must have begun.
READABLE = 60


@dataclass(frozen=True)
class Death:
    """What became of a host and of the jobs that it had in hand."""

    run: Run
    jobs: set[str]
    began_after: float
    visits: witness.Visits


# Sidekiq writes every 10 s what it has in hand. What begins after the last time is lost with a host.
WORK = "redis --scan --pattern '{name}:*:work' | while read -r key; do redis hvals \"$key\"; done"


def written(cluster: Cluster, name: str) -> str:
    """What a host's processes said that they have in hand, at their last beat."""
    return redis(cluster, WORK.format(name=name))


@pytest.fixture(scope="module")
def death(before: Cluster, lab: str, tell: Callable[[str], None]) -> Death:
    """w1 is killed with jobs in hand, and taken out by way of another host."""
    jobs: list[str] = []

    def all_begun() -> bool:
        return len(ledger.begun(before, jobs)) == len(jobs)

    while len(ledger.held_at(before, jobs, "w1")) < IN_HAND:
        assert len(jobs) < MOST, "w1 takes too few"
        jobs += ledger.push(before, [({"queue": "push", "hang": True}, AT_ONCE)])
        wait(all_begun, "the jobs", 60)
    held = ledger.held_at(before, jobs, "w1")
    wait(lambda: all(job in written(before, "w1") for job in held), "the beat of w1", 30)
    fault(lab, "kill", "w1")
    died = time.monotonic()
    with witness.visits(before) as visits:
        began = time.monotonic() - died
        done = fine("remove_worker", worker="w1", confirm="w1", force=True)
    took = time.monotonic() - died
    said = "; ".join(line.strip() for line in done.lines("w1: ") if "pushed back" in line)
    tell(f"death with {len(held)} jobs in hand: {took:.1f} s to the end of a run of {done.seconds:.1f} s: {said}")
    return Death(done, held, began, visits)


def test_a_living_host_is_not_taken_out_by_force(before: Cluster) -> None:
    done = run("remove_worker", worker="w1", confirm="w1", force=True)
    assert done.code == 2 and "is alive" in done.text, done.text
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_w1'") == [["mastodon_w1"]]


def test_every_job_in_hand_is_saved(before: Cluster, death: Death) -> None:
    assert len(death.jobs) >= IN_HAND and death.began_after < READABLE
    (line,) = [line for line in death.run.lines("w1: ") if "jobs pushed back" in line and "lost at most" in line]
    assert line.strip().startswith(f"w1: {len(death.jobs)} jobs pushed back"), death.run.text
    again = ledger.begun(before, sorted(death.jobs))
    wait(lambda: set(ledger.begun(before, sorted(death.jobs)).values()) == {2}, "their second begin", 60)
    assert set(again) == death.jobs


def test_it_is_shut_out(before: Cluster, death: Death) -> None:
    assert sql(before, "SELECT rolname FROM pg_roles WHERE rolname = 'mastodon_w1'") == []
    assert sql(before, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'mastodon_w1'") == [["0"]]
    found = witness.look(before, ["main"])["main"].files
    assert found and not [path for path in found if "mastodon_w1" in path]


def test_no_visitor_notices(death: Death) -> None:
    assert death.visits.answered > 20
    assert death.visits.failures == []


def test_another_host_joins_while_it_is_off(before: Cluster, death: Death, tell: Callable[[str], None]) -> None:
    seen = witness.look(before, ["main"])["main"]
    inventory.write("w2")
    done = fine("add_worker", worker="w2")
    tell(f"join with a host off: {done.seconds:.1f} s wall; {done.lines('grant ')[0].strip()}")
    assert done.lines("w1: not reached"), done.text
    cluster = describe(str(inventory.directory()))
    jobs = ledger.push(cluster, [({"queue": "push", "wait_ms": 300}, 100)])
    wait(lambda: len(ledger.finished(cluster, jobs)) == len(jobs) == 100, "every job", 60)
    assert ledger.done_at(cluster, jobs, "w2") > 0
    assert witness.look(cluster, ["main"])["main"].processes == seen.processes
    journal = yaml.safe_load((inventory.directory() / "group_vars" / "mastodon_worker_journal.yml").read_text())
    assert journal["mastodon_worker_journal"]["w2"]["pending"] == ["w1"]


def test_who_comes_back_finds_every_door_shut(before: Cluster, death: Death, lab: str) -> None:
    fault(lab, "mend", "w1")
    told = {door: doors.knock(before, "w1", door) for door in doors.doors(before)}
    assert all(told.values()), told


def test_who_was_off_hears_of_it_in_the_next_run(death: Death) -> None:
    """That this one leaves nothing to do is journey_add_worker's subject."""
    assert fine("add_worker", worker="w2").changed.get("w1")
