# GPL-3.0-or-later (see LICENSE)
"""Join: one process first, seen in Redis and proven by a job of its own, then the rest (wireguard-join c.11)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from .._join import canary
from .._join.checks import refusal
from .._join.instance import Wanted, probe_queue
from .._join.registration import verdict
from .._join.removal import Step, to_run
from .._shell import Refusal
from . import units
from .sidekiq import until
from .worker import Unfit, Worker

PAUSE = 0.2


def present(worker: Worker) -> dict[str, Any]:
    """Every instance that is not on demand runs, beats and takes jobs. What a failed run started is stopped again."""
    found = worker.units()
    beats, now = worker.sidekiq.beats(), worker.sidekiq.now()
    unfit = refusal(worker.fitness(found, beats, now), worker.name)
    if unfit:
        raise Unfit(f"{unfit}\nNothing was started.")
    wanted = [one for one in worker.wanted if not one.on_demand]
    started: list[Step] = []
    canaries: list[dict[str, Any]] = []
    try:
        for batch in (wanted[:1], wanted[1:]):
            if batch:
                started += _run(worker, batch)
                if not worker.check_mode:
                    _await(worker, batch)
                    canaries += _prove(worker, batch) if worker.given["canary"] else []
    except Refusal as error:
        raise Unfit(f"{error}{_undo(worker, started)}", canaries=canaries) from error
    beats, now = worker.sidekiq.beats(), worker.sidekiq.now()
    return {"processes": worker.processes(worker.mine(worker.units(), beats), beats, now), "canaries": canaries}


def _run(worker: Worker, batch: Sequence[Wanted]) -> list[Step]:
    """Start what does not run; returns what was done, for a way back."""
    found = worker.units()
    own = worker.mine(found, worker.sidekiq.beats())
    steps = [
        step for one in batch for step in to_run(found[one.name], own[one.name].quiet if one.name in own else False)
    ]
    starts = [step for step in steps if step.verb == "start"]
    worker.do([step for step in steps if step.verb != "start"])
    worker.changes.actions += [str(step) for step in starts]
    if starts and not worker.check_mode:
        try:
            units.start(worker.shell, [step.unit for step in starts])
        except Refusal as error:
            raise Refusal(f"{worker.name}: {error}{_undo(worker, steps)}") from error
    return steps


def _await(worker: Worker, batch: Sequence[Wanted]) -> None:
    """Until each is in Redis under its own pid and tag."""

    def reasons() -> list[str]:
        found, beats, now = worker.units(), worker.sidekiq.beats(), worker.sidekiq.now()
        told = [verdict(one, found[one.name], worker.hostname, beats, now) for one in batch]
        return [text for text in told if text]

    left, passed = until(reasons, lambda texts: not texts, worker.given["start_timeout"], PAUSE)
    if left:
        raise Refusal(
            f"{worker.name}: not registered after {passed:.0f} s: {'; '.join(left)}."
            f" Look at journalctl -u 'mastodon-sidekiq@*' there."
        )


def _prove(worker: Worker, batch: Sequence[Wanted]) -> list[dict[str, Any]]:
    """One job for each, all at once. Taken, and not found among the failed ones a moment later."""
    job = worker.given["canary_job"]
    sidekiq, began, pushed_at = worker.sidekiq, time.monotonic(), worker.sidekiq.now()
    left = {one.name: probe_queue(worker.name, one.name) for one in batch}
    jids = {name: sidekiq.push_canary(queue, job["class"], job["args"]) for name, queue in left.items()}
    taken: dict[str, float] = {}

    def waiting() -> list[str]:
        for name in [name for name, queue in left.items() if not sidekiq.waiting(queue)]:
            taken[name] = time.monotonic() - began
            del left[name]
        return list(left)

    late, passed = until(waiting, lambda names: not names, worker.given["canary_timeout"], 0.05)
    if late:
        found = worker.units()
        own = worker.mine(found, sidekiq.beats())
        for queue in left.values():
            sidekiq.take_back(queue)
        texts = [
            canary.not_taken(name, queue, passed, own[name].quiet if name in own else False)
            for name, queue in left.items()
        ]
        raise Refusal(f"{worker.name}: {' '.join(texts)}")
    time.sleep(canary.SETTLE)
    failures = {name: sidekiq.failed_canary(jid, pushed_at) for name, jid in jids.items()}
    texts = [canary.died(name, error) for name, error in failures.items() if error]
    if texts:
        raise Refusal(f"{worker.name}: {' '.join(texts)}")
    return [{"instance": name, "taken_ms": round(seconds * 1000)} for name, seconds in taken.items()]


def _undo(worker: Worker, steps: Sequence[Step]) -> str:
    """Stop and disable what this run started or enabled; returns what to add to the message."""
    started = [step.unit for step in steps if step.verb == "start"]
    back = [Step("disable", step.unit, "the join failed") for step in steps if step.verb == "enable"]
    back += [Step("stop", unit, "the join failed") for unit in started]
    if not back or worker.check_mode:
        return ""
    worker.do(back)
    return f"\nStopped again, as it was started by this run: {', '.join(started)}." if started else ""
