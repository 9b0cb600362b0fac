# GPL-3.0-or-later (see LICENSE)
"""The proof that a process takes jobs: one that only it can take, without side effects (wireguard-join c.11, S8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# Finds no post with this id, rescues that, and is done: Redis, the code and the database were used.
CLASS, ARGUMENTS = "LinkCrawlWorker", (-1,)
# A job that fails is moved a moment after it was taken.
SETTLE = 1.0
# What a run that died half-way leaves is gone by then. It is more than any wait for a canary.
KEPT = 600


def payload(queue: str, jid: str, now: float, name: str = CLASS, arguments: Sequence[Any] = ARGUMENTS) -> str:
    """A job as Sidekiq's client writes it; times are whole milliseconds. retry 0: a failure goes to `dead` at once."""
    milliseconds = int(now * 1000)
    job = {
        "class": name,
        "args": list(arguments),
        "retry": 0,
        "queue": queue,
        "jid": jid,
        "created_at": milliseconds,
        "enqueued_at": milliseconds,
    }
    return json.dumps(job, separators=(",", ":"))


def failed(entries: Sequence[str], jid: str) -> tuple[str, str]:
    """(entry, error) of this job among entries of `dead` or `retry`; two empty strings when it is in neither."""
    for entry in entries:
        job = json.loads(entry)
        if job.get("jid") == jid:
            return entry, f"{job.get('error_class', 'an error')}: {job.get('error_message', '')}".rstrip(": ")
    return "", ""


def not_taken(instance: str, queue: str, waited: float, quiet: bool) -> str:
    """Why: in words."""
    why = "it is quiet" if quiet else "its threads are all busy, or it does not listen to that queue"
    return (
        f"{instance}: the canary in {queue} was not taken in {waited:.0f} s: {why}."
        f" Look at journalctl -u mastodon-sidekiq@{instance}."
    )


def died(instance: str, error: str) -> str:
    """The job was taken and failed."""
    return (
        f"{instance}: the canary failed with {error}. The process takes jobs and cannot do them:"
        f" look at journalctl -u mastodon-sidekiq@{instance}."
    )
