"""Where the lab keeps things. All of it lies in one cache outside the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("FEDIVERSE_CACHE") or Path.home() / ".cache" / "fediverse-mastodon")
LABS = CACHE / "lab"
LEAST_FREE = 4 << 30


def lab_dir(name: str) -> Path:
    """State, keys and secrets of one lab."""
    return LABS / name


def shortage(place: str, free: int, needed: int = LEAST_FREE) -> str | None:
    """The sentence for a disk that is nearly full, or nothing."""
    if free >= needed:
        return None
    return (
        f"{place} has {free / (1 << 30):.1f} GiB free and the lab needs {needed >> 30}; free some space "
        "(`python3 -m tests.lab down --all` removes labs, `docker image prune --all` unused images) and run it again"
    )


def check_disk(*places: Path) -> None:
    """Refuse to fill a disk: a half-written image or database says nothing useful."""
    for place in places:
        found = place
        while not found.exists():
            found = found.parent
        problem = shortage(str(place), shutil.disk_usage(found).free)
        if problem:
            raise LabError(problem)


@contextmanager
def lock(name: str, shared: bool = False) -> Iterator[None]:
    """Several labs may start at once; what they share is made by one of them while the others wait."""
    with _file(name) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def lock_if_free(name: str) -> Iterator[bool]:
    """The same without waiting: False when somebody holds it."""
    with _file(name) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _file(name: str) -> IO[str]:
    directory = CACHE / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    return (directory / f"{name}.lock").open("w")
