# GPL-3.0-or-later (see LICENSE)
"""Remove a host that died, from any other host: its jobs in hand saved at once, its entry dropped when it is sure."""

from __future__ import annotations

import time
from typing import Any

from .._join import queues, removal
from .._join.registration import Beat, parse
from .._join.removal import Dead, Step
from .._shell import Refusal
from .sidekiq import Sidekiq
from .worker import Unfit, Worker

PAUSE = 1.0


def remove(worker: Worker) -> dict[str, Any]:
    """Unfit while one of its processes beats."""
    given, sidekiq = worker.given, worker.sidekiq
    hostname, identities = given["hostname"], given["identities"]
    if not hostname and not identities:
        raise Refusal(
            f"{worker.name}: force needs `hostname` (as Sidekiq calls the dead host) or `identities`:"
            " it runs on another host than the dead one"
        )
    beats, now = _known(sidekiq), sidekiq.now()
    found = removal.chosen(beats, hostname, identities)
    rescue = given["rescue_jobs"]
    # Before anything else: what it had in hand is readable for at most a minute after its last beat.
    if rescue and not worker.check_mode:
        for beat in found:
            if beat.work and beat.beat:
                sidekiq.save(beat.identity)
    if not found:
        worker.changes.notes.append(f"{worker.name}: Redis knows no process of {hostname or ', '.join(identities)}")
    dead = [_certain(worker, sidekiq, beat, now) for beat in found]
    left = queues.left_without(found, beats, now)
    threads = max((one.threads for one in worker.wanted), default=0)
    counts = {"jobs_rescued": 0, "jobs_lost_at_most": 0}
    for one in dead:
        waiting = removal.to_rescue(one) if rescue else ()
        if waiting:
            worker.changes.actions.append(f"push back {len(waiting)} jobs of {one.identity}")
        worker.changes.actions.append(str(Step("remove", one.identity, "dead, from Redis' list of processes")))
        done = len(waiting)
        if not worker.check_mode:
            done = sidekiq.push_back(one.identity, one.work or {}) if rescue else 0
            sidekiq.bury(one.identity)
        counts["jobs_rescued"] += done
        counts["jobs_lost_at_most"] += removal.lost_at_most(one, threads)
        worker.changes.notes.append(f"{worker.name}: {removal.honest(one, done, threads, rescue)}")
    beats, now = sidekiq.beats(), sidekiq.now()
    return {"processes": worker.processes({}, beats, now), "queues_left_without_worker": left, **counts}


def _known(sidekiq: Sidekiq) -> list[Beat]:
    """The list, and whom Sidekiq's web page has struck from it after an earlier run had saved their work."""
    beats = sidekiq.beats()
    listed = {beat.identity for beat in beats}
    return beats + [parse(identity, {}) for identity in sidekiq.saved() if identity not in listed]


def _certain(worker: Worker, sidekiq: Sidekiq, beat: Beat, now: float) -> Dead:
    """Wait until it has been silent for long enough. A beat in between, and it is alive."""
    limit = worker.given["dead_after"]
    age = beat.age(now) if beat.beat else None
    seen = beat
    while not worker.check_mode and not removal.is_dead(seen, now, limit):
        time.sleep(PAUSE)
        now = sidekiq.now()
        again = next((one for one in sidekiq.beats() if one.identity == beat.identity), None)
        if again and again.beat > beat.beat:
            sidekiq.forget(beat.identity)
            named = bool(worker.given["identities"])
            raise Unfit(removal.still_alive(worker.name, again, now, limit, named), processes=[again.plain(now, False)])
        # Its hash may expire while we wait: from then on its last beat is what we know.
        seen = again or parse(beat.identity, {})
    saved = sidekiq.saved().get(beat.identity)
    work = saved if saved is not None else (beat.work if beat.beat else None)
    return Dead(beat.identity, beat.concurrency, age, work)
