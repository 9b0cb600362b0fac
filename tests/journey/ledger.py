"""Every job that was enqueued against every job that was executed."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import RUNNER, host, sql

MOST = 300  # ids in one query: quotes are quoted twice on their way
PUSH = """
require "json"
JSON.parse(ARGV.fetch(0)).each do |order, count|
  count.times do
    puts Sidekiq::Client.push("class" => "LabWorker", "queue" => order["queue"], "args" => [order], "retry" => false)
  end
end
"""


def push(cluster: Cluster, orders: Sequence[tuple[Mapping[str, Any], int]]) -> list[str]:
    """Enqueues each order so many times, as the application does; returns the jobs' ids."""
    sender = host(cluster, cluster.settings["migrate_host"])
    out = sender.check_output(f"{RUNNER} {shlex.quote(PUSH)} {shlex.quote(json.dumps(orders))}")
    return [word for word in out.split() if len(word) == 24]


def finished(cluster: Cluster, jobs: Sequence[str]) -> Counter[str]:
    """How often each of these was done to its end."""
    return _counted(cluster, jobs, "finished_at IS NOT NULL")


def begun(cluster: Cluster, jobs: Sequence[str]) -> Counter[str]:
    """How often each of these was begun."""
    return _counted(cluster, jobs, "true")


def held_at(cluster: Cluster, jobs: Sequence[str], name: str) -> set[str]:
    """Those that are begun and not ended on a host."""
    return set(_counted(cluster, jobs, f"finished_at IS NULL AND hostname = '{name}'"))


def done_at(cluster: Cluster, jobs: Sequence[str], name: str) -> int:
    """How many were done to their end on a host."""
    return sum(_counted(cluster, jobs, f"finished_at IS NOT NULL AND hostname = '{name}'").values())


def _counted(cluster: Cluster, jobs: Sequence[str], condition: str) -> Counter[str]:
    """In pieces: a command line has an end."""
    found: Counter[str] = Counter()
    for start in range(0, len(jobs), MOST):
        listed = ", ".join(f"'{job}'" for job in jobs[start : start + MOST])
        rows = sql(cluster, f"SELECT jid, count(*) FROM lab_runs WHERE jid IN ({listed}) AND {condition} GROUP BY jid")
        found.update({jid: int(count) for jid, count in rows})
    return found
