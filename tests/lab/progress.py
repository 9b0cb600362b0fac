"""Progress lines on stderr: when, what, how long it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_STARTED = time.monotonic()
_LOCK = threading.Lock()


def elapsed() -> float:
    """Seconds since the program started."""
    return time.monotonic() - _STARTED


def say(text: str) -> None:
    """One line with the time since the start in front."""
    with _LOCK:
        print(f"[{elapsed():6.1f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, expected: str = "") -> Iterator[None]:
    """Announce a long step and say afterwards what it took."""
    say(f"{what}: started" + (f" ({expected})" if expected else "") + " …")
    begun = time.monotonic()
    yield
    say(f"{what}: done in {time.monotonic() - begun:.1f} s")
