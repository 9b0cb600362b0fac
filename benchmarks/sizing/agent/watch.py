# GPL-3.0-or-later (see LICENSE)
"""What processes use: processor time, memory, database connections."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = (
    "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND usename = 'mastodon';\n"
)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_mb(pid: int) -> float:
    """Proportional memory: shared pages count in equal parts for all who share them."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


def machine() -> dict[str, float]:
    """Seconds that all cores of the machine were busy, and were wanted by another machine, since it started."""
    user, nice, system, _idle, _io, irq, softirq, steal = (
        int(field) / TICK for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return {"busy": user + nice + system + irq + softirq, "steal": steal}


class Connections:
    """Asks PostgreSQL through one session of psql, which costs less than the question is worth."""

    def __init__(self) -> None:
        call = ["runuser", "-u", "postgres", "--", "psql", "-AtXq", "-F", " ", "-d", "postgres"]
        self._psql = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")
        self.peak = self.busy_peak = 0
        self._asked = 0.0

    def look(self, every: float = 0.5) -> None:
        """Note the peak; asks no more often than every so many seconds."""
        if time.monotonic() - self._asked < every or self._psql.stdin is None or self._psql.stdout is None:
            return
        self._asked = time.monotonic()
        self._psql.stdin.write(CONNECTIONS)
        self._psql.stdin.flush()
        opened, busy = map(int, self._psql.stdout.readline().split())
        self.peak, self.busy_peak = max(self.peak, opened), max(self.busy_peak, busy)

    def reset(self) -> None:
        """A new run, a new peak."""
        self.peak = self.busy_peak = 0
