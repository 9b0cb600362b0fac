# GPL-3.0-or-later (see LICENSE)
"""Takes and gives back a lock file. The kernel's lock on it lasts as long as the look and the write, no longer."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import os
import socket
import time
from collections.abc import Collection, Iterator
from typing import IO

from .._join import lock
from .._join.lock import Holder, Verdict
from .._shell import Refusal, read_text


def started(pid: int) -> str:
    """When a process was started, in its system's own words; empty where it is gone or the system does not say."""
    text = read_text(f"/proc/{pid}/stat")
    # The name in brackets may hold blanks; the start is the 20th field after it (proc(5), field 22).
    return text.rpartition(")")[2].split()[19] if text else ""


def is_alive(held: Holder) -> bool:
    """Whether that process of this machine still runs."""
    try:
        os.kill(held.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's, and it is there
    now = started(held.pid)
    return not now or now == held.started


def this_run(pid: int, what: str) -> Holder:
    """The run whose main process is this one."""
    machine = read_text("/etc/machine-id") or socket.gethostname()
    mark = hashlib.sha256(f"fediverse.mastodon {machine.strip()}".encode()).hexdigest()[:16]
    return Holder(getpass.getuser(), socket.gethostname(), mark, pid, started(pid), time.time(), what)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[str]]:
    """The file, and nobody else at it. One that was removed while we waited is opened anew."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if os.path.exists(path) and os.stat(path).st_ino == os.fstat(handle).st_ino:
                yield stream
                return


def _read(text: str, path: str) -> Holder | None:
    try:
        return lock.parse(text)
    except ValueError as error:
        raise Refusal(f"{path}: {error}. Remove the file when no run is at work.") from error


def look(path: str, mine: Holder, *, stale_after: float, gone: Collection[str] = ()) -> tuple[Verdict, Holder | None]:
    """Who has it. gone: tokens of runs that are known to be over."""
    return _judge(read_text(path) or "", path, mine, stale_after, gone)


def _judge(
    text: str, path: str, mine: Holder, stale_after: float, gone: Collection[str]
) -> tuple[Verdict, Holder | None]:
    held = _read(text, path)
    # Another machine's process ids say nothing here; whoever knows better names it among those that are gone.
    here = held is not None and held.machine == this_run(os.getpid(), "").machine
    alive = held is not None and held.token not in gone and (not here or is_alive(held))
    where = f"{path} on {socket.gethostname()}"
    return lock.judge(held, mine, time.time(), alive=alive, stale_after=stale_after, where=where), held


def take(
    path: str, mine: Holder, *, stale_after: float, gone: Collection[str] = (), force: bool = False
) -> tuple[Verdict, Holder | None]:
    """Take or renew it, unless somebody else has it. Returns how it was found, and who had it."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with _opened(path) as stream:
        verdict, held = _judge(stream.read(), path, mine, stale_after, gone)
        if verdict.is_held and force and held:
            verdict = Verdict(lock.STALE, f"taken from {held}, as worker_lock_break says")
        if not verdict.is_held:
            stream.seek(0)
            stream.truncate()
            stream.write(lock.render(mine))
    return verdict, held


def give_back(path: str, mine: Holder) -> bool:
    """Remove it where it is ours."""
    if not os.path.exists(path):
        return False
    with _opened(path) as stream:
        held = _read(stream.read(), path)
        ours = held is None or held.token == mine.token
        if ours:
            os.unlink(path)
    return ours and held is not None
