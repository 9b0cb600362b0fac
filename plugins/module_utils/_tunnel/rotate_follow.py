# GPL-3.0-or-later (see LICENSE)
"""A direct peer of a host whose key rotates: it waits for the word, moves, proves, and keeps its file true."""

from __future__ import annotations

import time
from typing import Any

from .._shell import Refusal
from .._wire import rotation
from .._wire.model import Secret
from .._wire.rotation_course import END, MOVE, MOVED, REPEAT, TAKEN, USE, Course, Told
from . import host
from .rotate import Place, Talk

# Seconds that the lead is waited for, once it was heard.
HEARD = 90.0


class Follow:
    """One peer's part."""

    def __init__(self, place: Place, peer: str, next_key: str, preshared: Secret | None) -> None:
        self.place, self.peer, self.next_key, self.preshared = place, peer, next_key, preshared
        block = rotation.block_of(place.filed, peer)
        if block is None:
            raise Refusal(f"{place.paths.conf} has no block for {peer}: run the play first. Nothing was changed.")
        self.block = block
        if block.public_key == next_key:
            raise Refusal(f"the next key of {peer} is its key here already: run the play first. Nothing was changed.")
        self.config = rotation.moving(place.filed, place.interface, peer, next_key, preshared)
        running = {one.public_key: one for one in place.dump().peers}
        old = running.get(block.public_key)
        if old is None or set(old.allowed) != set(block.allowed):
            raise Refusal(f"{peer} does not run as {place.paths.conf} has it: run the play first. Nothing was changed.")
        self.learned = old.endpoint
        # Whether the next key was put into the running interface.
        self.live = False

    def foresee(self) -> dict[str, Any]:
        """Check mode: the actions of a rotation that goes well."""
        self.place.changes.actions.append(rotation.take(self.config, self.peer).says)
        self.place.write(rotation.moved_file(self.place.filed, self.peer, self.next_key, self.preshared))
        self.place.changes.actions.append(rotation.settle(self.config, self.peer).says)
        return self._answer(True, False)

    def follow(self, talk: Talk, where: str, wait: float) -> dict[str, Any]:
        """Until the lead says done, or `wait` seconds have passed without it. where: its address in the tunnel."""
        course = Course(self.block.public_key, self.next_key, time.monotonic() + wait)
        said = 0.0
        while True:
            now = time.monotonic()
            act = course.due(now, self.place.shakes() if course.both else {})
            if act and act.what == END:
                self._end(act.key)
                return self._answer(act.key == self.next_key, course.number >= 0)
            if act:
                self._act(act.what, act.key)
                said = 0.0
            if course.both and not course.finished:
                self._file(course)
                if now - said >= REPEAT:
                    said = now
                    talk.send(where, Told(TAKEN if course.proven else MOVED, course.number, course.owner))
            heard = talk.receive(course.wake(time.monotonic()))
            if heard and heard[0] == where:
                answer = course.heard(heard[1], time.monotonic())
                course.deadline = max(course.deadline, time.monotonic() + HEARD)
                if heard[1].word == USE and not self.live:
                    self._learn()
                if answer:
                    for _ in range(3 if course.finished else 1):
                        talk.send(where, answer)

    def _learn(self) -> None:
        """Where the lead is found now: it may have roamed since this run began."""
        running = {one.public_key: one for one in self.place.dump().peers}
        if self.block.public_key in running:
            self.learned = running[self.block.public_key].endpoint

    def _act(self, what: str, key: str) -> None:
        if what != MOVE:
            step = rotation.redial(self.config, self.peer, self.learned)
        elif self.live:
            step = rotation.lend(self.config, self.peer, key)
        else:
            step = rotation.take(self.config, self.peer, self.learned)
            self.live = True
        self.place.changes.actions.append(step.says)
        host.run_step(self.place.shell, step)

    def _file(self, course: Course) -> None:
        """The key that has shaken hands is the one to boot with."""
        if course.proven:
            preshared = self.preshared if course.owner == self.next_key else self.block.preshared
            self.place.write(rotation.moved_file(self.place.filed, self.peer, course.owner, preshared))

    def _end(self, owner: str) -> None:
        moved = owner == self.next_key
        preshared = self.preshared if moved else self.block.preshared
        self.place.write(rotation.moved_file(self.place.filed, self.peer, owner, preshared))
        if self.live:
            step = (rotation.settle if moved else rotation.give_back)(self.config, self.peer)
            self.place.changes.actions.append(step.says)
            host.run_step(self.place.shell, step)

    def _answer(self, moved: bool, told: bool) -> dict[str, Any]:
        return {"moved": moved, "told": told, "public_key": self.next_key if moved else self.block.public_key}
