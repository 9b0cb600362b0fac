"""The Raspberry Pi joins: bare, behind NAT, 20 ms away. It gets what a far host gets, and does what was promised."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml

from tests.e2e.outside import wait
from tests.journey import inventory, ledger, load
from tests.journey.bystanders import *  # noqa: F403
from tests.journey.bystanders import Watched
from tests.journey.far import Far, without_workers
from tests.journey.run import fine

# Of the lab's line, with what a tunnel of two programs costs.
LEAST_MS, MOST_MS = 20, 40
# A backlog of so many seconds at the promised rates. Other work may run on these cores: one of the tries has to do it.
SECONDS, TRIES = 20, 4


@pytest.fixture
def watched(far: Far) -> Watched:
    """The others."""
    return far.join.watched


def test_no_packet_of_the_others_is_lost(far: Far) -> None:
    assert far.streams.figures and far.streams.lost == {}


def test_the_distance_is_measured_and_written_down(far: Far) -> None:
    text = (inventory.directory() / "group_vars" / "mastodon_measured.yml").read_text()
    measured = yaml.safe_load(text)["mastodon_measured"]["pi"]
    assert LEAST_MS <= measured["mastodon_db_rtt_ms"] <= MOST_MS, text


def test_it_runs_what_a_far_host_gets(far: Far) -> None:
    units = far.cluster.hosts["pi"]["sidekiq_workers"]
    assert {queue for unit in units for queue, _weight in unit["queues"]} >= {"default", "ingress", "push", "pull"}
    assert not any("scheduler" in dict(unit["queues"]) for unit in units)
    # Near the database one to three would do for default; far away a thread waits. And deliveries do not queue for
    # one connection of their breaker.
    assert all(unit["threads"] >= 5 for unit in units)
    deliver = [unit for unit in units if "push" in dict(unit["queues"])]
    assert deliver and all(unit["breaker_pool"] and unit["threads"] >= 25 for unit in deliver)
    (line,) = far.join.run.lines("pi: ")
    assert f"pi: {len(units)} processes take jobs" in line, far.join.run.text


def test_every_job_is_done_once(far: Far) -> None:
    jobs = far.join.jobs
    wait(lambda: len(ledger.finished(far.cluster, jobs)) == len(jobs) > 0, "every job", 120)
    assert set(ledger.begun(far.cluster, jobs).values()) == {1}


def promised(far: Far) -> dict[str, float]:
    """Jobs a second that the Pi adds, from what the join printed before it began."""
    found = {}
    for queue in load.QUEUES:
        (row,) = [line for line in far.join.run.text.splitlines() if re.match(rf"\s+{queue} jobs/s ", line)]
        without, with_it = map(float, row.split()[-2:])
        found[queue] = with_it - without
    return found


def test_it_does_at_least_what_the_join_promised(far: Far, inbox: str, tell: Callable[[str], None]) -> None:
    rates, taken = promised(far), []
    assert all(rate > 1 for rate in rates.values()), rates
    backlog = {queue: round(rate * SECONDS) for queue, rate in rates.items()}
    about = load.world(far.cluster)
    with without_workers(far.cluster, "cloud"):
        while len(taken) < TRIES and min(taken, default=SECONDS + 1) > SECONDS:
            load.fill(far.cluster, backlog, about, inbox)
            taken.append(load.emptied(far.cluster, 3 * SECONDS))
    done = {queue: round(count / min(taken), 1) for queue, count in backlog.items()}
    tell(f"pi: promised {rates} jobs/s, did {done}: a backlog of {SECONDS} s in {taken} s")
    assert min(taken) <= SECONDS, (rates, taken)


def test_a_second_run_changes_nothing(far: Far, tell: Callable[[str], None]) -> None:
    again = fine("add_worker", worker="pi")
    tell(f"second run: {again.seconds:.1f} s wall")
    assert again.changed == {}
