# GPL-3.0-or-later (see LICENSE)
"""What the rotated host and its peers say to each other, and what a peer does when: pure, without clock or socket.

The lead is the rotated host, a follower each of its direct peers. They talk in datagrams inside the tunnel, so that
WireGuard itself says who speaks; the run's number keeps an earlier run out.

    lead: hello -> follower: ready         the round trip is measured
    lead: use KEY in N ms -> will          repeated until each has answered; `stay` takes it back
    (lead switches its key)                what it sends waits in its queue, what it is sent still arrives
    (follower moves the addresses)         N ms and a margin after it heard: what was under way has arrived by then
    follower: moved KEY                    the datagram makes the follower begin the handshake
    follower: taken KEY -> lead: done KEY  when it has seen the handshake and its file has the key
    follower: bye

The follower moves after the lead, never before: a handshake that begins too early is repeated after 5 s only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

HELLO, READY, USE, WILL, STAY = "hello", "ready", "use", "will", "stay"
MOVED, TAKEN, DONE, BYE = "moved", "taken", "done", "bye"
WORDS = (HELLO, READY, USE, WILL, STAY, MOVED, TAKEN, DONE, BYE)
_FIRST = "fediverse.mastodon-rotation"
RUN = re.compile(r"^[A-Za-z0-9]{8,64}$")

# Seconds. The lead's `wg set` is done, and what it sent before has arrived, when a follower moves.
MARGIN = 0.04
# A handshake that has not come by then is begun anew; a longer way gets three round trips.
PATIENCE = 0.3
# Without a handshake by then the old key has the addresses again; the new one stays known and is watched.
GIVE_UP = 1.0
# How often the follower repeats what is to be answered.
REPEAT = 0.1
# How often handshakes are read after a move.
LOOK = 0.05

MOVE, REDIAL, END = "move", "redial", "end"


class Told(NamedTuple):
    """One message. number: of the question that is answered. after_ms: when to move. rtt_ms: measured by the lead."""

    word: str
    number: int = 0
    key: str = ""
    after_ms: int = 0
    rtt_ms: int = 0


def encode(run: str, told: Told) -> bytes:
    """The datagram."""
    return f"{_FIRST} {run} {told.word} {told.number} {told.key or '-'} {told.after_ms} {told.rtt_ms}".encode()


def decode(run: str, data: bytes) -> Told | None:
    """The message of this run, or None: another run's, or not ours at all."""
    parts = data.decode("ascii", "replace").split(" ")
    if len(parts) != 7 or parts[:2] != [_FIRST, run] or parts[2] not in WORDS:
        return None
    numbers = [parts[3], parts[5], parts[6]]
    if not all(re.fullmatch(r"[0-9]{1,9}", one) for one in numbers):
        return None
    return Told(parts[2], int(parts[3]), "" if parts[4] == "-" else parts[4], int(parts[5]), int(parts[6]))


class Act(NamedTuple):
    """What a follower has to do now. key: the one that gets the addresses (MOVE), or keeps them (END)."""

    what: str
    key: str


@dataclass
class Course:
    """One follower's way through a rotation. Times are seconds of one clock that only goes forward.

    While both keys are live the one that shakes hands has the addresses, whatever happened to the lead meanwhile: it
    was killed, it went back, it rebooted with either key.
    """

    old: str
    new: str
    deadline: float
    owner: str = ""
    # The move that was announced, and when.
    to: str = ""
    at: float = 0.0
    number: int = -1
    # Whether the next key was ever put in: from then on there are two.
    both: bool = False
    # Of the owner, since it has the addresses.
    proven: bool = False
    moved_at: float = 0.0
    dialled_at: float = 0.0
    rtt: float = 0.0
    # Handshakes at the last move: a later one is news.
    base: tuple[int, int] = (0, 0)
    finished: str = ""

    def __post_init__(self) -> None:
        self.owner = self.owner or self.old

    def heard(self, told: Told, now: float) -> Told | None:
        """A message of the lead, and its answer."""
        if told.word == HELLO:
            return Told(READY, told.number)
        if told.word == USE and told.key in (self.old, self.new):
            if told.number >= self.number and told.key != self.owner:
                self.number, self.to, self.rtt = told.number, told.key, told.rtt_ms / 1000
                self.at = now + told.after_ms / 1000 + MARGIN
            return Told(WILL, told.number)
        if told.word == STAY and told.number >= self.number:
            self.number, self.to = told.number, ""
        if told.word == DONE and told.key in (self.old, self.new):
            self.finished = told.key
            return Told(BYE, told.number, told.key)
        return None

    def due(self, now: float, shakes: Mapping[str, int]) -> Act | None:
        """What to do now, or None. shakes: {key: seconds since the epoch of its last handshake}, as far as they run."""
        if self.to and now >= self.at:
            key, self.to = self.to, ""
            return self._moves(key, now, shakes)
        if self.finished or now >= self.deadline:
            if self.finished and self.finished != self.owner:
                return self._moves(self.finished, now, shakes)
            return Act(END, self.owner)
        if not self.both:
            return None
        old, new = shakes.get(self.old, 0), shakes.get(self.new, 0)
        if self.owner == self.new:
            if new > self.base[1]:
                self.proven = True
            if old > max(new, self.base[0]):
                return self._moves(self.old, now, shakes, proven=True)
            if not self.proven and now - self.moved_at >= max(GIVE_UP, 6 * self.rtt):
                return self._moves(self.old, now, shakes)
            if not self.proven and now - self.dialled_at >= max(PATIENCE, 3 * self.rtt):
                self.dialled_at = now
                return Act(REDIAL, self.new)
        else:
            if old > self.base[0]:
                self.proven = True
            if new > max(old, self.base[1]):
                return self._moves(self.new, now, shakes, proven=True)
        return None

    def wake(self, now: float) -> float:
        """Seconds until there may be something to do."""
        until = min(self.deadline, self.at if self.to else self.deadline)
        if self.both:
            until = min(until, now + LOOK)
        return max(0.0, until - now)

    def _moves(self, key: str, now: float, shakes: Mapping[str, int], proven: bool = False) -> Act:
        self.base = (shakes.get(self.old, 0), shakes.get(self.new, 0))
        self.owner, self.both = key, True
        self.proven = proven
        self.moved_at = self.dialled_at = now
        return Act(MOVE, key)
