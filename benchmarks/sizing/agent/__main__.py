# GPL-3.0-or-later (see LICENSE)
"""Takes orders from the controller. A failed order is answered with its reason; the next one may work."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from . import host
from .dotenv import sidekiq_redis
from .measure import Run
from .queues import Queues
from .resp import Redis
from .watch import Connections, machine


class Agent:
    """One order, one method."""

    def __init__(self) -> None:
        self._queues: Queues | None = None
        self._connections: Connections | None = None
        self._run: Run | None = None
        self._processed = 0
        self._bounds: dict[str, Any] = {}
        self._rtt = 0.0

    def prepare(self, cores: int, memory_mb: int, world: str) -> dict[str, Any]:
        """Once: quiet the host, make what jobs speak of, bound the slice."""
        host.silence()
        host.stop("bench-*.service", kill=True)  # of a run that was interrupted
        found = json.loads(host.world(world))
        host.bound(cores, memory_mb)
        self._bounds = {"cores": cores}
        at = sidekiq_redis(host.application())
        redis = Redis(at.host, at.port, at.user, at.password, at.db, timeout=30)
        self._queues = Queues(redis, found, f"http://127.0.0.1:{host.INBOX}/inbox")
        self._queues.empty()
        self._connections = Connections()
        versions = {
            "Sidekiq": host.installed("ruby-sidekiq"),
            "Ruby": host.run("ruby", "-e", "print RUBY_VERSION"),
            "Redis": host.installed("redis-server"),
            "PgBouncer": host.installed("pgbouncer"),
            "PostgreSQL": host.run("runuser", "-u", "postgres", "--", "psql", "-AtXc", "SHOW server_version").split()[
                0
            ],
        }
        return {"versions": versions, "readers": len(found["readers"])}

    def place(self, rtt_ms: float, pool: int, answer_ms: float, slow_share: float) -> dict[str, Any]:
        """Set the distance; tells the round trip that a Redis command really takes."""
        host.place(rtt_ms, pool, answer_ms, slow_share)
        self._rtt = rtt_ms
        at = sidekiq_redis(host.application())
        port = host.PREFIXES["SIDEKIQ_"] if rtt_ms else at.port
        redis = Redis("127.0.0.1" if rtt_ms else at.host, port, at.user, at.password, at.db)
        taken = []
        for _ in range(50):
            started = time.perf_counter()
            redis.call("PING")
            taken.append((time.perf_counter() - started) * 1000)
        redis.close()
        return {"redis_rtt_ms": round(statistics.median(taken), 3)}

    def idle(self, cores: float, patience: float) -> dict[str, Any]:
        """While nothing of ours runs: wait until the machine is idle, at most that long; cores that others use."""
        end = time.monotonic() + patience
        while True:
            before, started = machine(), time.monotonic()
            time.sleep(1)
            busy = (machine()["busy"] - before["busy"]) / (time.monotonic() - started)
            if busy <= cores or time.monotonic() >= end:
                return {"others_cores": round(busy, 2)}

    def start(self, processes: list[dict[str, Any]]) -> dict[str, Any]:
        """Start a configuration's processes."""
        if self._queues is None or self._connections is None:
            raise RuntimeError("prepare comes first")
        self._queues.empty()
        began = time.monotonic()
        pids = host.sidekiq(processes, self._rtt, self._bounds["cores"])
        self._run = Run(self._queues, self._connections, pids, sum(process["threads"] for process in processes))
        self._processed, self._queues.taken = self._queues.processed(), 0
        return {"ready_s": round(time.monotonic() - began, 2)}

    def _running(self) -> Run:
        if self._run is None:
            raise RuntimeError("no configuration runs")
        return self._run

    def warm(self, **order: Any) -> dict[str, Any]:
        """Until processes are as fast as they get."""
        return self._running().warm(**order)

    def closed(self, **order: Any) -> dict[str, Any]:
        """A closed loop."""
        run = self._running()
        return run.observed(lambda: run.closed(**order))

    def drain(self, **order: Any) -> dict[str, Any]:
        """A mixed backlog."""
        run = self._running()
        return run.observed(lambda: run.drain(**order))

    def burn(self, **order: Any) -> dict[str, Any]:
        """A mixed backlog with arrivals."""
        run = self._running()
        return run.observed(lambda: run.burn(**order))

    def stop(self) -> dict[str, Any]:
        """End the configuration; tells what Sidekiq counted since its start, and what we did."""
        host.stop("bench-sidekiq-*.service")
        self._run = None
        if self._queues is None:
            return {"processed": 0, "taken": 0}
        return {"processed": self._queues.processed() - self._processed, "taken": self._queues.taken}


def main() -> None:
    """One order per line until the input ends."""
    agent = Agent()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(agent, order.pop("do"))(**order)
        except Exception as problem:  # whatever it is, the controller decides
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
