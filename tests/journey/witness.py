"""Who watches the hosts that a join or a leave must not disturb: their processes, their files, and the site itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.client import session
from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host

UNITS = (
    "systemctl show --property=Id,MainPID,ExecMainStartTimestampMonotonic --state=active --type=service"
    " 'mastodon-*' 'postgresql@*' pgbouncer nginx 'wg-quick@*'"
)
# What a role of ours may write, without what the system writes by itself.
TREES = "/etc /opt/mastodon/shared /usr/local /var/lib/mastodon-units"
FILES = f"find {TREES} -type f -not -name '*.log' -not -path '*/public/system/*' -exec sha256sum {{}} + | sort -k2"
PAUSE = 0.2


@dataclass(frozen=True)
class Seen:
    """One host at one moment."""

    processes: dict[str, tuple[str, str]]  # unit: pid and start
    files: dict[str, str]


def look(cluster: Cluster, names: Collection[str]) -> dict[str, Seen]:
    """These hosts now."""
    return {name: _look(cluster, name) for name in sorted(names)}


def _look(cluster: Cluster, name: str) -> Seen:
    there = host(cluster, name)
    blocks = [
        dict(line.split("=", 1) for line in text.splitlines()) for text in there.check_output(UNITS).split("\n\n")
    ]
    processes = {one["Id"]: (one["MainPID"], one["ExecMainStartTimestampMonotonic"]) for one in blocks if "Id" in one}
    lines = there.check_output(FILES).splitlines()
    return Seen(processes, {path: digest for digest, path in (line.split(None, 1) for line in lines)})


def changed_files(before: Seen, after: Seen) -> set[str]:
    """Files that are new, gone or different."""
    return {path for path in before.files | after.files if before.files.get(path) != after.files.get(path)}


@dataclass
class Visits:
    """What visitors got. failures: time since the beginning and what they got instead."""

    answered: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    slowest: float = 0.0


@contextmanager
def visits(cluster: Cluster) -> Iterator[Visits]:
    """Visitors all the time: each request goes through nginx, Puma, PgBouncer and PostgreSQL on a new connection."""
    found, stop = Visits(), threading.Event()
    began = time.monotonic()
    # Not below /api, where the application counts requests by address. The number keeps caches out of it.
    url = f"https://{cluster.settings['web_domain']}/users/{cluster.settings['admin']['username']}?visit="
    headers = {"Accept": "application/activity+json"}

    def visit() -> None:
        while not stop.wait(PAUSE):
            at = time.monotonic()
            try:
                with session(cluster.authority) as one:
                    answer = one.get(f"{url}{found.answered}", headers=headers, timeout=10)
                if answer.status_code != 200:
                    found.failures.append((at - began, f"status {answer.status_code}"))
            except OSError as error:
                found.failures.append((at - began, str(error)))
            found.answered += 1
            found.slowest = max(found.slowest, time.monotonic() - at)

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
