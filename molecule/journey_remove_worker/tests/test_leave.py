"""w2 leaves while it works: every job is done, and none of its keys opens anything afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host
from tests.e2e.outside import wait
from tests.journey import bystanders, doors, inventory, ledger
from tests.journey.bystanders import *  # noqa: F403
from tests.journey.run import Run, fine, run

# More long ones than the others have threads for, so that w2 has some.
SHORT, LONG = 400, 100
LONG_SECONDS = 40
# They stay with their processes to the end of the lab, so there are few.
MOST_ENDLESS = 24
# They do not end, so at this limit those of w2 are pushed back.
LIMIT = 60


@dataclass(frozen=True)
class Leave:
    """What the leave did, and the others meanwhile."""

    run: Run
    watched: bystanders.Watched
    opened: dict[str, str]
    short: list[str]
    long: list[str]
    endless: list[str]
    held: set[str]


def test_it_does_not_leave_without_a_word(installation: Cluster) -> None:
    done = run("remove_worker", worker="w2")
    assert done.code == 2 and "-e confirm=w2" in done.text


@pytest.fixture(scope="module")
def leave(installation: Cluster, tell: Callable[[str], None]) -> Leave:
    """One command, with jobs of all lengths in hand, and visitors."""
    cluster = installation
    opened = {door: doors.knock(cluster, "w2", door) for door in doors.doors(cluster)}
    endless: list[str] = []

    def all_begun() -> bool:
        return len(ledger.begun(cluster, endless)) == len(endless)

    # One at a time: the threads of a process wait for jobs in step, so that it takes all that come at one moment.
    while not ledger.held_at(cluster, endless, "w2"):
        assert len(endless) < MOST_ENDLESS, "w2 takes none"
        endless += ledger.push(cluster, [({"queue": "push", "hang": True}, 1)])
        wait(all_begun, "the endless jobs", 30)
    held = ledger.held_at(cluster, endless, "w2")
    jobs = ledger.push(
        cluster,
        [({"queue": "push", "wait_ms": LONG_SECONDS * 1000}, LONG), ({"queue": "default", "wait_ms": 300}, SHORT)],
    )
    long, short = jobs[:LONG], jobs[LONG:]
    with bystanders.watch(cluster, "w2") as watched:
        done = fine("remove_worker", worker="w2", confirm="w2", worker_drain_timeout=LIMIT)
    tell(f"leave: {done.seconds:.1f} s wall, limit for jobs in hand {LIMIT} s")
    visits = watched.visits
    tell(f"visitors meanwhile: {visits.answered}, failed {len(visits.failures)}, slowest {visits.slowest:.2f} s")
    return Leave(done, watched, opened, short, long, endless, held)


@pytest.fixture
def watched(leave: Leave) -> bystanders.Watched:
    """The others."""
    return leave.watched


def test_short_and_long_jobs_are_done_exactly_once(installation: Cluster, leave: Leave) -> None:
    jobs = [*leave.short, *leave.long]
    assert len(jobs) == SHORT + LONG
    wait(lambda: len(ledger.finished(installation, jobs)) == len(jobs), "every job", 120)
    assert set(ledger.begun(installation, jobs).values()) == {1}
    assert ledger.done_at(installation, leave.long, "w2") > 0
    assert ledger.done_at(installation, leave.short, "w2") > 0


def test_endless_jobs_go_to_somebody_else_and_are_counted(installation: Cluster, leave: Leave) -> None:
    wait(lambda: all(ledger.begun(installation, [job])[job] == 2 for job in leave.held), "their second begin", 30)
    assert set(ledger.begun(installation, leave.endless)) == set(leave.endless)
    (line,) = [line for line in leave.run.lines("w2: ") if "pushed back" in line]
    assert re.search(rf"\b{len(leave.held)} jobs in hand were pushed back", line), leave.run.text


def test_nothing_of_it_runs_or_comes_back(installation: Cluster, leave: Leave) -> None:
    shown = host(installation, "w2").check_output("systemctl list-units --plain --no-legend 'mastodon-sidekiq@*'")
    assert "running" not in shown
    wanted = host(installation, "w2").run("ls /etc/systemd/system/multi-user.target.wants/ | grep mastodon-sidekiq@")
    assert wanted.stdout == ""


def test_every_door_was_open_and_is_shut(installation: Cluster, leave: Leave) -> None:
    assert set(leave.opened.values()) == {""}, leave.opened
    told = {door: doors.knock(installation, "w2", door) for door in leave.opened}
    assert all(told.values()), told
    assert all("WRONGPASS" in text for door, text in told.items() if door.startswith("redis-"))
    assert "pg_hba.conf" in told["postgresql"] and "403" in told["media"]


def test_a_second_leave_changes_nothing(leave: Leave) -> None:
    assert fine("remove_worker", worker="w2", confirm="w2").changed == {}


def test_status_says_that_it_is_well_without_it(
    installation: Cluster, leave: Leave, tell: Callable[[str], None]
) -> None:
    """Once its line is out of the inventory, as the leave asks for; before, its processes are missing."""
    before = run("status")
    assert before.code != 0 and before.lines("- w2:"), before.text
    (inventory.directory() / "w2.yml").unlink()
    done = fine("status")
    tell(f"status: {done.seconds:.1f} s wall; {before.lines('- w2:')[0].strip()}")
    assert (before.changed, done.changed) == ({}, {})
