# GPL-3.0-or-later (see LICENSE)
"""The measurements: a closed loop, a mixed backlog to the end, a backlog with arrivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import host, watch
from .jobs import due
from .queues import Queues

REFILL = 1000  # jobs that a queue of a closed loop never falls below for long
LOOK = 0.1
WARM_PER_PROCESS, WARM_PER_THREAD = 100, 4  # jobs; the first ones of a process cost many times the later ones


class Run:
    """One running configuration."""

    def __init__(self, queues: Queues, connections: watch.Connections, pids: Sequence[int], threads: int) -> None:
        self.queues, self.connections, self.pids, self.threads = queues, connections, pids, threads

    def cpu(self) -> float:
        """Seconds that all its processes used."""
        return sum(watch.cpu_seconds(pid) for pid in self.pids)

    def observed(self, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do it, and tell what it cost."""
        self.connections.reset()
        began = time.time()
        found = action()
        return {
            **found,
            "load_average": float(open("/proc/loadavg").read().split()[0]),
            "pss_mb": [round(watch.pss_mb(pid), 1) for pid in self.pids],
            "connections_peak": self.connections.peak,
            "connections_busy_peak": self.connections.busy_peak,
            "connection_errors": host.complaints(began),
        }

    def _costs(self, before: tuple[float, float, dict[str, float]], jobs: float) -> dict[str, Any]:
        started, cpu, machine = before
        seconds, after = time.monotonic() - started, watch.machine()
        used = self.cpu() - cpu
        return {
            "seconds": round(seconds, 3),
            "cpu_ms_per_job": round(1000 * used / jobs, 3) if jobs else None,
            "cores_used": round(used / seconds, 3),
            "machine_cores_busy": round((after["busy"] - machine["busy"]) / seconds, 3),
            "machine_cores_stolen": round((after["steal"] - machine["steal"]) / seconds, 3),
        }

    def _now(self) -> tuple[float, float, dict[str, float]]:
        return time.monotonic(), self.cpu(), watch.machine()

    def closed(self, queues: Sequence[str], warmup: float, seconds: float) -> dict[str, Any]:
        """Never let the queues run dry; jobs per second of each over the last `seconds`."""
        self.queues.empty()
        self._refill(queues)
        self._keep(queues, warmup)
        before, first = self._now(), self.queues.fetched()
        self._keep(queues, seconds)
        last = self.queues.fetched()
        jobs = {queue: last[queue] - first[queue] for queue in queues}
        costs = self._costs(before, sum(jobs.values()))
        failures = self._finish()
        rates = {queue: round(count / costs["seconds"], 2) for queue, count in jobs.items()}
        total = round(sum(rates.values()), 2)
        return {"jobs": jobs, "failures": failures, "per_second": rates, "total_per_second": total, **costs}

    def warm(self, queues: Sequence[str], limit: float) -> dict[str, Any]:
        """Jobs for every process and thread, until all code is loaded and all connections are open, or to the limit."""
        self.queues.empty()
        wanted = WARM_PER_PROCESS * len(self.pids) + WARM_PER_THREAD * self.threads
        started, done = time.monotonic(), 0
        while done < wanted and time.monotonic() - started < limit:
            self._keep(queues, 0.5)
            done = sum(self.queues.fetched().values())
        self.queues.empty()
        return {"jobs": done, "seconds": round(time.monotonic() - started, 1)}

    def _finish(self) -> dict[str, int]:
        """Forget what is left; tells what had failed until then."""
        failures = self.queues.failures()
        self.queues.empty()
        return failures

    def _refill(self, queues: Sequence[str]) -> None:
        lengths = self.queues.lengths()
        for queue in queues:
            if lengths[queue] < REFILL:
                self.queues.push(queue, REFILL)

    def _keep(self, queues: Sequence[str], seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._refill(queues)
            self.connections.look()
            time.sleep(min(LOOK * 2, max(0.0, left)))

    def drain(self, backlog: Mapping[str, int], limit: float) -> dict[str, Any]:
        """A mixed backlog until nothing waits any more, or until the limit."""
        return self._run_down(backlog, {}, limit)

    def burn(self, backlog: Mapping[str, int], arrivals: Mapping[str, float], limit: float) -> dict[str, Any]:
        """The same while jobs arrive."""
        return self._run_down(backlog, arrivals, limit)

    def _run_down(self, backlog: Mapping[str, int], arrivals: Mapping[str, float], limit: float) -> dict[str, Any]:
        self.queues.empty()
        for queue, count in backlog.items():
            self.queues.push(queue, count)
        before, cleared, arrived = self._now(), dict[str, float](), dict.fromkeys(arrivals, 0)
        started = before[0]
        while (elapsed := time.monotonic() - started) < limit:
            for queue, rate in arrivals.items():
                count = due(rate, elapsed, arrived[queue])
                self.queues.push(queue, count)
                arrived[queue] += count
            for queue, length in self.queues.lengths().items():
                # While jobs arrive a queue is never empty for long: what came within the last looks does not count.
                if queue in backlog and queue not in cleared and length <= arrivals.get(queue, 0) * LOOK * 2:
                    cleared[queue] = round(elapsed, 2)
            if len(cleared) == len(backlog):
                break
            self.connections.look()
            time.sleep(LOOK)
        fetched = self.queues.fetched()
        jobs = sum(fetched.values())
        # Jobs in hand at the end are half done on average.
        done = max(0.0, jobs - min(self.threads, jobs) / 2)
        costs = self._costs(before, done)
        left = self.queues.lengths()
        failures = self._finish()
        return {
            "jobs": fetched,
            "failures": failures,
            "cleared_s": cleared,
            "left": left,
            "total_per_second": round(done / costs["seconds"], 2),
            **costs,
        }
