# GPL-3.0-or-later (see LICENSE)
"""When a quiet process has nothing in hand any more, and what it still has (wireguard-join c.12)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .instance import Unit
from .registration import Beat


@dataclass(frozen=True)
class Job:
    """A job in hand. payload: as it lay in its queue; began: epoch."""

    queue: str
    payload: str
    name: str
    jid: str
    began: float


def jobs(work: Mapping[str, str]) -> tuple[Job, ...]:
    """The hash `<identity>:work`: one JSON text per thread, in which the payload is JSON text again."""
    found = []
    for entry in work.values():
        state: dict[str, Any] = json.loads(entry)
        raw = state.get("payload", "")
        payload = raw if isinstance(raw, str) else json.dumps(raw, separators=(",", ":"))
        job = json.loads(payload)
        # ActiveJob wraps its jobs: the mailer's class is inside.
        name = str(job.get("wrapped") or job.get("class") or "?")
        queue = str(state.get("queue", "")).removeprefix("queue:")
        found.append(Job(queue, payload, name, str(job.get("jid", "")), float(state.get("run_at") or 0)))
    return tuple(found)


def waits_for(unit: Unit, beat: Beat | None, signalled: float) -> str:
    """Why a process is not idle yet; empty when it is.

    Only a beat after the signal counts: an older one may say idle of a process that took a job since.
    """
    if not unit.pid:
        return ""
    if beat is None:
        return f"{unit.name} has no heartbeat in Redis"
    if beat.beat <= signalled:
        return f"{unit.name} has not beaten since the signal"
    if not beat.quiet:
        return f"{unit.name} is not quiet yet"
    if beat.busy or beat.work:
        return f"{unit.name} has {max(beat.busy, len(beat.work))} jobs in hand"
    return ""


def in_hand(beats: Iterable[Beat], now: float) -> list[str]:
    """`ActivityPub::DeliveryWorker 2 (longest 41 s)`, most first."""
    found = [job for beat in beats for job in jobs(beat.work)]
    counted = Counter(job.name for job in found)
    longest = {
        name: max(now - job.began for job in found if job.name == name and job.began) if _dated(found, name) else 0.0
        for name in counted
    }
    return [f"{name} {count} (longest {longest[name]:.0f} s)" for name, count in counted.most_common()]


def _dated(found: Sequence[Job], name: str) -> bool:
    return any(job.name == name and job.began for job in found)


def timed_out(worker: str, limit: float, reasons: Sequence[str], running: Sequence[str]) -> str:
    """The failure of `drained`."""
    return (
        f"{worker}: not idle after {limit:.0f} s: {'; '.join(reasons)}."
        + (f" Running: {', '.join(running)}." if running else "")
        + " All its processes are quiet, nothing is lost. Run it again to wait on; state absent stops them and pushes"
        " their jobs back (they may run twice); state present takes jobs again."
    )
