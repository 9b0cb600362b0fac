"""Jobs at the price of real ones, straight into their queues, and how long they take."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import shlex
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.sizing.agent.jobs import QUEUES, payload
from tests.e2e.cluster import ROOT, Cluster
from tests.e2e.hosts import RUNNER, host, redis

__all__ = ["QUEUES", "emptied", "fill", "forget", "world"]

WORLD = (ROOT / "benchmarks" / "sizing" / "agent" / "world.rb").read_text()
PAUSE = 0.2
_numbers = itertools.count(time.time_ns())


def world(cluster: Cluster) -> dict[str, Any]:
    """What the jobs speak of: an author, readers, somebody elsewhere; their ids in the database."""
    sender = host(cluster, cluster.settings["migrate_host"])
    found: dict[str, Any] = json.loads(sender.check_output(f"{RUNNER} {shlex.quote(WORLD)}").splitlines()[-1])
    return found


def _command(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def fill(cluster: Cluster, backlog: Mapping[str, int], about: Mapping[str, Any], inbox: str) -> list[str]:
    """Put so many jobs into each queue, all at once; returns their ids. inbox: where deliveries go."""
    now = time.time()
    jobs = {
        queue: [payload(queue, next(_numbers), about, inbox, now) for _ in range(n)] for queue, n in backlog.items()
    }
    orders = b"MULTI\r\n" + _command("SADD", "queues", *backlog)
    orders += b"".join(_command("LPUSH", f"queue:{queue}", *listed) for queue, listed in jobs.items() if listed)
    packed = base64.b64encode(gzip.compress(orders + b"EXEC\r\n")).decode()
    redis(cluster, f"base64 -d <<'END' | gunzip | redis --pipe\n{packed}\nEND")
    return [json.loads(job)["jid"] for listed in jobs.values() for job in listed]


def emptied(cluster: Cluster, patience: float) -> float:
    """Seconds until nothing waits in any of the queues, by the clock of Redis' host; more than patience: it did not."""
    names = " ".join(QUEUES)
    script = f"""
    begun=$(date +%s.%N)
    while :; do
      left=0; for queue in {names}; do left=$((left + $(redis llen queue:$queue))); done
      passed=$(echo "$(date +%s.%N) $begun" | awk '{{print $1 - $2}}')
      [ $left -gt 0 ] && awk "BEGIN {{exit $passed > {patience}}}" || break
      sleep {PAUSE}
    done
    echo $passed $left
    """
    passed, left = redis(cluster, script).split()[-2:]
    return float(passed) if left == "0" else patience + float(passed)


def forget(cluster: Cluster) -> None:
    """Empty the queues, and what waits to be tried again."""
    redis(cluster, "redis del " + " ".join(f"queue:{queue}" for queue in QUEUES) + " retry")
