# GPL-3.0-or-later (see LICENSE)
"""How the cluster does, judged from what its hosts, Redis and PostgreSQL said a moment ago. No I/O.

Two kinds of findings. A problem is something broken: the verdict is `broken`, and the playbook fails. A strain is
something that works and is short of room or late: the verdict is `strained`, and the playbook ends well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._verify import expect, heartbeat
from .status_data import judge_data
from .status_host import host_row, judge_host, judge_releases

OK, STRAINED, BROKEN = "ok", "strained", "broken"
Plan = Mapping[str, Any]


@dataclass
class Status:
    """Everything that is printed and written as JSON."""

    hosts: list[dict[str, Any]] = field(default_factory=list)
    instances: list[dict[str, Any]] = field(default_factory=list)
    queues: list[dict[str, Any]] = field(default_factory=list)
    redis: list[dict[str, Any]] = field(default_factory=list)
    database: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=dict)
    tunnels: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    strains: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """`ok`, `strained` or `broken`."""
        return BROKEN if self.problems else STRAINED if self.strains else OK

    def plain(self, strict: bool = False) -> dict[str, Any]:
        """For JSON. failure: why the playbook fails, empty when it does not; strict: strains count too."""
        bad = (STRAINED, BROKEN) if strict else (BROKEN,)
        failure = f"The cluster is {self.verdict}; see above." if self.verdict in bad else ""
        return {
            "verdict": self.verdict,
            "failure": failure,
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
        }


def assess(plan: Plan, hosts: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]) -> Status:
    """hosts: {name: what status_info said there, or {"unreachable": why}}. data: what one said of what all share."""
    status = Status()
    observed = {name: seen for name, seen in hosts.items() if "units" in seen}
    for name, share in plan["hosts"].items():
        if name not in hosts:
            status.notes.append(f"{name} was left out of this run")
            continue
        seen = hosts[name]
        if name not in observed:
            status.problems.append(f"{name}: not reached: {_first(seen.get('unreachable') or 'no answer')}")
            status.hosts.append({"name": name, "reached": False})
            continue
        status.hosts.append(host_row(share, seen, expect.units(share)))
        status.tunnels += [{"host": name, **one} for one in seen.get("tunnels", ())]
        judge_host(status, name, share, seen)
    judge_releases(status, plan, observed)
    if not data:
        status.problems.append("Redis and PostgreSQL: no host with the application was reached that could ask them")
        return status
    _judge_instances(status, plan, observed, data)
    judge_data(status, plan, data)
    return status


def _first(text: Any) -> str:
    return (str(text).strip().splitlines() or [""])[0]


def _judge_instances(
    status: Status, plan: Plan, observed: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]
) -> None:
    """Every planned process against the heartbeats, by its host and process id."""
    if "processes" not in data:
        return  # the reason is among the data's own errors
    alive = {(str(one["hostname"]), int(one["pid"])): one for one in data["processes"]}
    for wanted in heartbeat.instances(plan, observed, plan["cluster"]["queues"]):
        one = alive.pop((wanted.hostname, wanted.pid), None) if wanted.pid else None
        if one is None and wanted.on_demand and not wanted.pid:
            continue
        if one is None:
            what = f"runs as process {wanted.pid}, but has no heartbeat in Redis" if wanted.pid else "does not run"
            status.problems.append(
                f"{wanted.host}: Sidekiq {wanted.name} {what}: journalctl -u mastodon-sidekiq@{wanted.name} there"
            )
        elif one["quiet"]:
            status.strains.append(f"{wanted.host}: Sidekiq {wanted.name} is quiet and takes no new job")
        status.instances.append(
            {"host": wanted.host, "name": wanted.name, "planned": True, **(one or {"state": "dead"})}
        )
    for one in alive.values():
        status.instances.append({"host": one["hostname"], "name": one["tag"] or "?", "planned": False, **one})
        if all(str(one["hostname"]) != str(seen.get("hostname")) for seen in observed.values()):
            continue
        status.notes.append(f"{one['identity']} is alive, and no process of the plan")
    for one in status.instances:
        one["state"] = one.get("state") or ("quiet" if one["quiet"] else "takes jobs")
    _judge_queues(status, plan, data)


def _judge_queues(status: Status, plan: Plan, data: Mapping[str, Any]) -> None:
    active = [one for one in data["processes"] if not one["quiet"]]
    for queue in plan["cluster"]["queues"]:
        if not any(queue in one["queues"] for one in active):
            status.problems.append(f"queue {queue}: no live process takes its jobs: start the units that should")
    timers = sorted(one["identity"] for one in data["processes"] if heartbeat.SCHEDULER in one["queues"])
    if len(timers) > 1:
        status.problems.append(f"{len(timers)} processes have the scheduler ({', '.join(timers)}): stop all but one")
