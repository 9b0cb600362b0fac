# GPL-3.0-or-later (see LICENSE)
"""The jobs, as Sidekiq finds them in Redis. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

QUEUES = ("default", "ingress", "push")
INBOXES = 50
# Activities that start no other job, so that a closed loop stays closed: likes, boosts and deletions of what we do not
# know. In this proportion one costs what the plan's profile says of the queue, without its look-ups elsewhere.
ACTIVITIES = ("Like", "Announce", "Delete", "Announce", "Like", "Announce", "Delete", "Like", "Announce", "Delete")
NOTE = {"type": "Note", "content": "<p>" + "All work and no play. " * 20 + "</p>"}


def arguments(queue: str, number: int, world: Mapping[str, Any], inbox: str) -> tuple[str, list[Any]]:
    """Class and arguments of the job with this number. `world`: ids that exist in the database (see `world.rb`)."""
    if queue == "push":
        activity = {"type": "Create", "id": f"https://bench.example/{number}", "object": NOTE}
        return "ActivityPub::DeliveryWorker", [
            json.dumps(activity),
            world["author"],
            f"{inbox}/{number % INBOXES}",
            {},
        ]
    if queue == "ingress":
        kind = ACTIVITIES[number % len(ACTIVITIES)]
        body = {"type": kind, "id": f"https://remote.example/{number}", "object": f"https://remote.example/n/{number}"}
        return "ActivityPub::ProcessingWorker", [world["stranger"], json.dumps(body)]
    if queue == "default":
        readers: Sequence[int] = world["readers"]
        return "FeedInsertWorker", [world["status"], readers[number % len(readers)], "home", {}]
    raise ValueError(f"no job for queue {queue}; there are {', '.join(QUEUES)}")


def payload(queue: str, number: int, world: Mapping[str, Any], inbox: str, now: float) -> str:
    """One job as Sidekiq's client would write it. `now`: seconds since the epoch."""
    name, values = arguments(queue, number, world, inbox)
    job = {
        "class": name,
        "args": values,
        "queue": queue,
        "jid": f"{number:024x}",
        "retry": True,
        "created_at": now,
        "enqueued_at": now,
    }
    return json.dumps(job)


def due(rate: float, seconds: float, pushed: int) -> int:
    """Jobs to push now so that arrivals keep to their rate: per second, seconds since the start, pushed so far."""
    return max(0, int(rate * seconds) - pushed)
