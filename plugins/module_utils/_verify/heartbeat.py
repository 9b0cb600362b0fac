# GNU General Public License v3.0 or later (see LICENSE)
"""Sidekiq's heartbeats in Redis, held against the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._join.instance import public
from .report import Check

SCHEDULER = "scheduler"


@dataclass(frozen=True)
class Process:
    """One live Sidekiq process, as it describes itself. queues: without its private one."""

    identity: str
    hostname: str
    pid: int
    queues: frozenset[str]
    concurrency: int
    busy: int
    quiet: bool


@dataclass(frozen=True)
class Instance:
    """One process that the plan wants, with what its host says about the unit."""

    host: str
    hostname: str
    name: str
    pid: int
    queues: frozenset[str]
    takes_rest: bool
    on_demand: bool


def parse(identity: str, fields: Mapping[str, str]) -> Process | None:
    """A heartbeat hash. None where it has expired: the set `processes` keeps the names of the dead."""
    if "info" not in fields:
        return None
    info: dict[str, Any] = json.loads(fields["info"])
    queues: set[str] = set()
    for capsule in (info.get("capsules") or {}).values():
        queues.update(capsule.get("weights") or {})
    if not queues:  # Sidekiq 7 and older have no capsules in their heartbeat
        queues.update(info.get("queues") or [])
    return Process(
        identity=identity,
        hostname=str(info.get("hostname", "")),
        pid=int(info.get("pid", 0)),
        queues=public(queues),
        concurrency=int(fields.get("concurrency") or info.get("concurrency") or 0),
        busy=int(fields.get("busy") or 0),
        quiet=fields.get("quiet") == "true",
    )


def instances(
    plan: Mapping[str, Any], observed: Mapping[str, Mapping[str, Any]], queues: Iterable[str]
) -> list[Instance]:
    """What the plan wants of a release with these queues, with hostname and process id from each host's own answer."""
    known = frozenset(queues)
    wanted = []
    for host, share in sorted(plan["hosts"].items()):
        if host not in observed:  # left out by --limit: its process ids are unknown
            continue
        seen = observed[host]
        for worker in share.get("sidekiq_workers", []):
            unit = seen.get("units", {}).get(f"mastodon-sidekiq@{worker['name']}.service", {})
            wanted.append(
                Instance(
                    host=host,
                    hostname=str(seen.get("hostname", host)),
                    name=str(worker["name"]),
                    pid=int(unit.get("pid", 0)),
                    queues=known.intersection(str(queue[0]) for queue in worker["queues"]),
                    takes_rest=bool(worker.get("takes_rest")),
                    on_demand=bool(worker.get("on_demand")),
                )
            )
    return wanted


def judge(wanted: Sequence[Instance], queues: Iterable[str], alive: Sequence[Process], where: str) -> list[Check]:
    """Every planned process beats and listens to what it should; every queue has somebody; one scheduler."""
    by_place = {(process.hostname, process.pid): process for process in alive}
    checks = []
    for instance in wanted:
        process = by_place.pop((instance.hostname, instance.pid), None)
        if process or not instance.on_demand:
            checks.append(_judge_one(instance, process))
    listened = {queue: [p for p in alive if queue in p.queues and not p.quiet] for queue in sorted(queues)}
    orphans = [queue for queue, listeners in listened.items() if not listeners]
    checks.append(
        Check(
            "every queue is listened to",
            where,
            not orphans,
            f"{len(listened) - len(orphans)} of {len(listened)} queues"
            + (f", nobody takes {', '.join(orphans)}" if orphans else ""),
            "Start the units that should: systemctl status 'mastodon-sidekiq@*' on the worker hosts."
            if orphans
            else "",
        )
    )
    timers = [process.identity for process in alive if SCHEDULER in process.queues]
    checks.append(
        Check(
            "exactly one scheduler",
            where,
            len(timers) == 1,
            f"{len(timers)} processes listen to {SCHEDULER}" + (f": {', '.join(sorted(timers))}" if timers else ""),
            "" if len(timers) == 1 else "Daily jobs run once per such process. Keep the planned one, stop the others.",
        )
    )
    if by_place:
        strangers = ", ".join(sorted(process.identity for process in by_place.values()))
        checks.append(Check("processes outside the plan", where, True, f"{len(by_place)} alive: {strangers}"))
    return checks


def _judge_one(instance: Instance, process: Process | None) -> Check:
    name = f"Sidekiq {instance.name} beats"
    status = f"systemctl status mastodon-sidekiq@{instance.name}; journalctl -u mastodon-sidekiq@{instance.name}"
    if process is None:
        seen = f"no heartbeat of {instance.hostname}:{instance.pid or 'no running process'} in Redis"
        return Check(name, instance.host, False, seen, f"Look at {status} there, and at the host's relay.")
    missing = sorted(instance.queues - process.queues)
    extra = [] if instance.takes_rest else sorted(process.queues - instance.queues)
    if missing or extra or process.quiet:
        seen = ", ".join(
            part
            for part in (
                f"does not listen to {', '.join(missing)}" if missing else "",
                f"listens to {', '.join(extra)} without being planned to" if extra else "",
                "is quiet and takes no new job" if process.quiet else "",
            )
            if part
        )
        return Check(
            name, instance.host, False, seen, f"Restart it: systemctl restart mastodon-sidekiq@{instance.name}."
        )
    return Check(name, instance.host, True, f"{process.concurrency} threads, {', '.join(sorted(process.queues))}")
