# GPL-3.0-or-later (see LICENSE)
"""One run at a time may change who is in the cluster: who holds the lock, and when it is nobody's any more.

The same text lies beside the inventory, which keeps two runs of one machine apart, and on a host of the cluster, which
keeps two machines apart. A run that was killed leaves its lock: on its own machine its process is looked for, from
another one only time tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import formatdate
from typing import Any

FREE, MINE, STALE, HELD = "free", "mine", "stale", "held"


@dataclass(frozen=True)
class Holder:
    """A run. machine: what tells two controllers of one hostname apart; started: of the process, as its system says
    (a process id is used again); since: epoch of the last time that it took or renewed the lock."""

    user: str
    host: str
    machine: str
    pid: int
    started: str
    since: float
    what: str

    @property
    def token(self) -> str:
        """The same for all tasks of one run."""
        return f"{self.machine}:{self.pid}:{self.started}"

    def __str__(self) -> str:
        when = formatdate(self.since, usegmt=True)
        return f"{self.user}@{self.host} (process {self.pid}, {self.what}, {when})"


def holder_from(data: Mapping[str, Any]) -> Holder:
    """From plain data. ValueError: that is no holder."""
    try:
        return Holder(
            str(data["user"]),
            str(data["host"]),
            str(data["machine"]),
            int(data["pid"]),
            str(data["started"]),
            float(data["since"]),
            str(data["what"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no lock of a run: {error}") from error


def parse(text: str) -> Holder | None:
    """A lock's file. None: it is empty. ValueError: somebody else wrote it."""
    if not text.strip():
        return None
    data = json.loads(text)  # JSONDecodeError is a ValueError
    if not isinstance(data, Mapping):
        raise ValueError("this is no lock of a run: no dictionary")
    return holder_from(data)


def render(holder: Holder) -> str:
    """The file's text."""
    return json.dumps(asdict(holder), sort_keys=True) + "\n"


@dataclass(frozen=True)
class Verdict:
    """kind: free, mine, stale or held. text: why it is stale, or who holds it and what to do."""

    kind: str
    text: str = ""

    @property
    def is_held(self) -> bool:
        """By somebody else who may still be at work."""
        return self.kind == HELD


def judge(held: Holder | None, mine: Holder, now: float, *, alive: bool, stale_after: float, where: str) -> Verdict:
    """alive: whether the holder's process runs, which counts on its own machine only. stale_after: seconds."""
    if held is None:
        return Verdict(FREE)
    if held.token == mine.token:
        return Verdict(MINE)
    if held.machine == mine.machine and not alive:
        return Verdict(STALE, f"taken over from {held}, whose process is gone")
    age = now - held.since
    if age > stale_after:
        return Verdict(STALE, f"taken over from {held}, not renewed for {age / 60:.0f} min")
    left = max(0.0, stale_after - age) / 60
    wait = "wait until it is done" if held.machine == mine.machine else f"it is taken for dead in {left:.0f} min"
    return Verdict(
        HELD,
        f"{held} changes the cluster's hosts at this moment ({where}). Nothing was changed here: {wait}, or take the"
        " lock with -e worker_lock_break=true when you know that it is over.",
    )
