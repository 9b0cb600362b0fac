# GPL-3.0-or-later (see LICENSE)
"""Leave in order: quiet, idle, stopped, off the list in Redis (wireguard-join c.12)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._join import drain, queues, removal
from .._join.drain import Job, in_hand, jobs, waits_for
from .._join.registration import Beat
from .._shell import Refusal
from .sidekiq import until
from .worker import Unfit, Worker

PAUSE = 1.0
REPORT = 30.0
# Sidekiq takes itself off the list when it stops; the hash lives on for a while and says nothing.
GONE = 10.0
# Each process tells every 10 s what it has in hand.
BEAT = 12.0


class Leave:
    """One host that is to take no jobs any more."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.progress: list[str] = []
        self.reasons: list[str] = []
        self.drained_in = 0.0
        self.left: list[str] = []

    def drained(self) -> dict[str, Any]:
        """Quiet and idle. Unfit at the time limit."""
        self._drain()
        result = self._result()
        if self.reasons:
            running = in_hand(self._own().values(), self.worker.sidekiq.now())
            limit = self.worker.given["drain_timeout"]
            raise Unfit(drain.timed_out(self.worker.name, limit, self.reasons, running), **result)
        return result

    def absent(self) -> dict[str, Any]:
        """Drained, stopped, disabled. At the time limit jobs are pushed back, and counted."""
        worker = self.worker
        found = worker.units()
        steps = list(removal.to_stop(list(found.values())))
        if all(unit.is_down for unit in found.values()):
            # A host that has left is refused by Redis, as it should be: its second removal asks nobody.
            worker.do(steps)
            return {**self._nothing(), "jobs_requeued": 0}
        self._drain()
        before = self._own()
        pending = [job for beat in before.values() for job in jobs(beat.work)]
        if self.reasons and not worker.check_mode:
            worker.changes.notes.append(
                f"{worker.name}: stopped at the time limit with jobs in hand: {'; '.join(self.reasons)}"
            )
        # Looked at again: what ended in the meantime is not stopped twice.
        worker.do(steps if worker.check_mode else list(removal.to_stop(list(worker.units().values()))))
        requeued = 0 if worker.check_mode else self._verify(before, pending)
        return {**self._result(), "jobs_requeued": requeued}

    def _own(self) -> dict[str, Beat]:
        worker = self.worker
        return worker.mine(worker.units(), worker.sidekiq.beats())

    def _drain(self) -> None:
        worker = self.worker
        found, beats, now = worker.units(), worker.sidekiq.beats(), worker.sidekiq.now()
        own = worker.mine(found, beats)
        self.left = queues.left_without(own.values(), beats, now)
        if self.left:
            raise Unfit(queues.refusal(self.left, worker.name), queues_left_without_worker=self.left)
        quiet = [found[name].name for name, beat in own.items() if beat.quiet]
        steps = list(removal.to_quiet(list(found.values()), quiet))
        # The beat is this host's own clock. An earlier signal has been answered by a beat already.
        signalled = {step.unit: time.time() for step in steps}
        worker.do(steps)
        if not worker.check_mode:
            self._wait(signalled)

    def _wait(self, signalled: Mapping[str, float]) -> None:
        worker = self.worker
        began = last = time.monotonic()

        def reasons() -> list[str]:
            nonlocal last
            found = worker.units()
            try:
                own = worker.mine(found, worker.sidekiq.beats())
            except Refusal as error:
                # A line that is dead for a moment ends no wait of many minutes.
                worker.close()
                return [str(error)]
            told = [waits_for(unit, own.get(name), signalled.get(unit.name, 0.0)) for name, unit in found.items()]
            if time.monotonic() - last >= REPORT:
                last = time.monotonic()
                running = ", ".join(in_hand(own.values(), time.time())) or "no job seen"
                self.progress.append(f"after {last - began:.0f} s: {running}")
            return [text for text in told if text]

        limit = worker.given["drain_timeout"]
        self.reasons, self.drained_in = until(reasons, lambda texts: not texts, limit, PAUSE)

    def _verify(self, before: Mapping[str, Beat], pending: list[Job]) -> int:
        worker = self.worker
        for name, unit in worker.units().items():
            if not unit.is_down:
                raise Refusal(f"{worker.name}: {unit.name} is {unit.active} after its stop. Run it again.")
            if name in before and unit.result not in ("", "success"):
                running = in_hand([before[name]], time.time())
                raise Unfit(removal.killed(worker.name, unit, running), **self._result())
        identities = {beat.identity for beat in before.values()}

        def listed() -> list[str]:
            return sorted(identities & {beat.identity for beat in worker.sidekiq.beats()})

        still, passed = until(listed, lambda names: not names, GONE, PAUSE)
        if still:
            raise Unfit(
                f"{worker.name}: {', '.join(still)} stopped and is still on Redis' list after {passed:.0f} s."
                " Remove it with force, which also looks for its jobs.",
                **self._result(),
            )
        back = self._seen_again(pending)
        if len(pending) > back:
            worker.changes.notes.append(
                f"{worker.name}: of {len(pending)} jobs in hand {back} were seen again, in their queues or in the hands"
                " of another process; the others had ended"
            )
        return back

    def _seen_again(self, pending: Sequence[Job]) -> int:
        """How many of the jobs in hand at the stop are in a queue, or soon in another process' hands: a queue that is
        empty gives them away at once."""
        sidekiq = self.worker.sidekiq
        wanted = {job.jid for job in pending}
        seen: set[str] = set()

        def missing() -> set[str]:
            seen.update(sidekiq.in_queues(pending))
            for beat in sidekiq.beats():
                seen.update(job.jid for job in jobs(beat.work))
            return wanted - seen

        until(missing, lambda left: not left, BEAT, PAUSE)
        return len(wanted & seen)

    def _nothing(self) -> dict[str, Any]:
        return {
            "processes": [],
            "idle": True,
            "drained_in_s": 0.0,
            "progress": [],
            "running": [],
            "queues_left_without_worker": [],
        }

    def _result(self) -> dict[str, Any]:
        worker = self.worker
        beats, now = worker.sidekiq.beats(), worker.sidekiq.now()
        own = worker.mine(worker.units(), beats)
        return {
            "processes": worker.processes(own, beats, now),
            "idle": not self.reasons and not any(beat.busy or beat.work for beat in own.values()),
            "drained_in_s": round(self.drained_in, 1),
            "progress": self.progress,
            "running": in_hand(own.values(), now),
            "queues_left_without_worker": self.left,
        }
