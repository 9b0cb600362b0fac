# GPL-3.0-or-later (see LICENSE)
"""Jobs that a host's processes lost, as their journal tells. No I/O.

Sidekiq without Pro takes a job out of Redis before it does it. A job that fails while Redis cannot be reached (a
tunnel that is cut) can be put back nowhere; the process writes it to its log, whole, and goes on (sidekiq/sidekiq
v8.1.6, lib/sidekiq/processor.rb).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

# What journalctl looks for, and the time that the status looks back.
WORDS = '"context":"Internal exception!"'
SINCE = "-24h"
NAMED = 3


def read(journal: Iterable[str]) -> dict[str, Any]:
    """Lines of `journalctl --output=json`: how many jobs, of which classes, when the last one was lost (epoch seconds).

    A line that the journal cut short still counts; its class is `?`.
    """
    jobs: dict[str, str] = {}
    last = 0.0
    for number, line in enumerate(journal):
        try:
            entry = json.loads(line)
            message, at = str(entry["MESSAGE"]), int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        except (KeyError, TypeError, ValueError):
            continue
        if WORDS not in message:
            continue
        job = _job(message)
        # ActiveJob wraps its jobs: the mailer's class is inside.
        jobs[str(job.get("jid") or f"line {number}")] = str(job.get("wrapped") or job.get("class") or "?")
        last = max(last, at)
    return {"count": len(jobs), "classes": dict(Counter(jobs.values()).most_common()), "last": round(last)}


def _job(message: str) -> dict[str, Any]:
    try:
        told = json.JSONDecoder().raw_decode(message, message.index("{"))[0]
    except ValueError:
        return {}
    job = told.get("job") if isinstance(told, dict) else None
    return job if isinstance(job, dict) else {}


def sentence(name: str, lost: dict[str, Any], now: float) -> str:
    """For an admin; empty when nothing was lost. complete: false where the journal was too large to be read whole."""
    count = int(lost.get("count") or 0)
    if not count:
        return ""
    classes = list(lost["classes"].items())
    shown = [f"{number} {job}" for job, number in classes[:NAMED]]
    rest = sum(number for _job, number in classes[NAMED:])
    shown += [f"{rest} others"] if rest else []
    minutes = max(0, round((now - lost["last"]) / 60))
    ago = f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"
    jobs = "1 job was" if count == 1 else f"{count} jobs were"
    jobs = jobs if lost.get("complete", True) else f"at least {jobs}"
    return (
        f"{name}: {jobs} lost within 24 h, the last one {ago}: Redis could not be reached when they failed"
        f" ({', '.join(shown)}): journalctl -u 'mastodon-sidekiq@*' -g Internal.exception there has them whole"
    )
