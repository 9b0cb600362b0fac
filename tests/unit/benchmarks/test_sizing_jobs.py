# GPL-3.0-or-later (see LICENSE)
"""The jobs as Sidekiq finds them, and what the host's side writes."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from benchmarks.sizing.agent import jobs

WORLD = {"author": 1, "stranger": 2, "status": 3, "readers": [10, 11, 12]}
INBOX = "http://127.0.0.1:28090/inbox"


@pytest.mark.parametrize("queue", jobs.QUEUES)
def test_a_job_has_what_sidekiq_reads(queue: str) -> None:
    job = json.loads(jobs.payload(queue, 7, WORLD, INBOX, 1000.5))
    assert job["queue"] == queue and job["retry"] is True
    assert len(job["jid"]) == 24 and int(job["jid"], 16) == 7
    assert job["created_at"] == job["enqueued_at"] == 1000.5
    assert isinstance(job["args"], list)


def test_jobs_differ_and_go_round() -> None:
    inboxes = Counter(jobs.arguments("push", number, WORLD, INBOX)[1][2] for number in range(jobs.INBOXES * 3))
    assert set(inboxes.values()) == {3} and len(inboxes) == jobs.INBOXES
    readers = Counter(jobs.arguments("default", number, WORLD, INBOX)[1][1] for number in range(9))
    assert readers == {10: 3, 11: 3, 12: 3}
    kinds = Counter(json.loads(jobs.arguments("ingress", number, WORLD, INBOX)[1][1])["type"] for number in range(100))
    assert kinds == {"Announce": 40, "Like": 30, "Delete": 30}


def test_an_unknown_queue_is_refused() -> None:
    with pytest.raises(ValueError, match="no job for queue pull"):
        jobs.arguments("pull", 1, WORLD, INBOX)


def test_arrivals_keep_to_their_rate() -> None:
    pushed = 0
    for tick in range(1, 101):
        pushed += jobs.due(12.5, tick * 0.1, pushed)
    assert pushed == 125
    assert jobs.due(1.0, 5.0, 9) == 0
