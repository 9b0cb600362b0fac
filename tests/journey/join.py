"""One line in the inventory and one command, with jobs and visitors all the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e.cluster import Cluster, describe

from . import bystanders, inventory, ledger
from .run import Run, fine

QUEUES, EACH, WAIT_MS = ("default", "push"), 150, 500


@dataclass(frozen=True)
class Join:
    """What a join did. cluster: with the host; jobs: that were there when it began."""

    run: Run
    watched: bystanders.Watched
    cluster: Cluster
    jobs: list[str]


def join(before: Cluster, worker: str, tell: Callable[[str], None]) -> Join:
    """A host joins."""
    jobs = ledger.push(before, [({"queue": queue, "wait_ms": WAIT_MS}, EACH) for queue in QUEUES])
    inventory.write(worker)
    with bystanders.watch(before, worker) as watched:
        done = fine("add_worker", worker=worker)
    tell(f"join: {done.seconds:.1f} s wall; {done.lines('grant ')[0].strip()}")
    visits = watched.visits
    tell(f"visitors meanwhile: {visits.answered}, failed {len(visits.failures)}, slowest {visits.slowest:.2f} s")
    return Join(done, watched, describe(str(inventory.directory())), jobs)
