"""More processes for a queue that is behind: they help, and end; they do not help, and end at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.hosts import host, redis
from tests.e2e.outside import wait
from tests.journey import ledger
from tests.journey.far import Far
from tests.journey.run import fine, run

WAIT_MS = 2000
# For so long the timer lets them run, from before their start; systemd may be a second late.
LIFE, LATE = 45, 30


@pytest.fixture(autouse=True)
def empty(far: Far) -> Iterator[None]:
    """Nothing of another test waits in the queue, and nothing of this one is left."""
    redis(far.cluster, "redis del queue:push")
    yield
    redis(far.cluster, "redis del queue:push")


def surging(far: Far) -> dict[str, int]:
    """Surge processes that run, by host."""
    count = "systemctl list-units --state=active --plain --no-legend 'mastodon-sidekiq@surge-*' | wc -l"
    found = {name: int(host(far.cluster, name).check_output(count)) for name in ("cloud", "pi")}
    return {name: number for name, number in found.items() if number}


def left(far: Far) -> str:
    """What a surge leaves on its hosts: environment files and the timer."""
    look = "ls /etc/mastodon | grep surge; systemctl list-units --plain --no-legend 'mastodon-surge*'; true"
    return "".join(host(far.cluster, name).check_output(look) for name in ("cloud", "pi"))


def threads(far: Far) -> int:
    """That deliver, as planned."""
    units = [unit for name in ("cloud", "pi") for unit in far.cluster.hosts[name]["sidekiq_workers"]]
    return sum(unit["threads"] for unit in units if "push" in dict(unit["queues"]))


def test_it_takes_jobs_of_a_backlog_and_ends_by_itself(far: Far, tell: Callable[[str], None]) -> None:
    """More are asked for than the memory allows, and the run says so."""
    jobs = ledger.push(far.cluster, [({"queue": "push", "wait_ms": WAIT_MS}, 15 * threads(far))])
    done = fine("surge", queue="push", instances=9, **{"for": f"{LIFE}s"})
    there = surging(far)
    assert there and any("of 9 processes fit: " in line for line in done.text.splitlines()), done.text
    wait(lambda: len(ledger.finished(far.cluster, jobs)) == len(jobs), "every job", 120)
    assert set(ledger.begun(far.cluster, jobs).values()) == {1}
    wait(lambda: not surging(far) and not left(far), "the end of the surge", LIFE + LATE)
    tell(f"surge: {there} processes for {LIFE} s, {done.seconds:.1f} s until they were seen to help")


def test_one_that_does_not_help_is_ended_at_once(far: Far) -> None:
    """Jobs that take longer than anybody watches: the queue gets no shorter, and older."""
    ledger.push(far.cluster, [({"queue": "push", "wait_ms": 30_000}, 20 * threads(far))])
    done = run("surge", queue="push", instances=1, surge_watch_s=15, **{"for": "10min"})
    assert done.code == 2 and "push did not get better in 15 s" in done.text, done.text
    assert surging(far) == {} and left(far) == ""
