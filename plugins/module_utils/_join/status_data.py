# GPL-3.0-or-later (see LICENSE)
"""The shared services' part of the status: queues, Redis, connections, and who may still come in. No I/O."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from .identity import user_name

# Above these Mastodon calls itself under load (mastodon-facts 3.5); the others are as patient as their users.
LATENCY_S = {"default": 5, "push": 10, "pull": 300, "ingress": 30, "mailers": 60, "scheduler": 60, "fasp": 600}
LATENCY_OTHER_S = 60
FULL, SHORT = 98, 90
BEAT_LATE_S = 30


class Findings(Protocol):
    """What a judgement adds to."""

    queues: list[dict[str, Any]]
    redis: list[dict[str, Any]]
    database: dict[str, Any]
    jobs: dict[str, Any]
    problems: list[str]
    strains: list[str]
    notes: list[str]


def judge_data(found: Findings, plan: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """What one host saw of Redis and PostgreSQL."""
    found.problems += [str(error) for error in data.get("errors", ())]
    found.jobs.update(data.get("jobs", {}))
    _queues(found, plan, data)
    _redis(found, data)
    if data.get("database"):
        _database(found, plan, data["database"])
    _strangers(found, plan, data)
    if data.get("stale"):
        found.notes.append(f"{len(data['stale'])} dead processes are still in Sidekiq's list: it drops them by itself")
    for one in data.get("processes", ()):
        if one["beat_age_s"] > BEAT_LATE_S:
            found.strains.append(f"{one['identity']}: last heartbeat {one['beat_age_s']:.0f} s ago, instead of 10")


def _queues(found: Findings, plan: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    processes = data.get("processes", ())
    queues = data.get("queues", {})
    known = [*plan["cluster"]["queues"], *sorted(set(queues) - set(plan["cluster"]["queues"]))]
    for name in (one for one in known if one in queues):
        takers = [one for one in processes if name in one["queues"] and not one["quiet"]]
        row = {"name": name, **queues[name], "processes": len(takers), "threads": sum(one["threads"] for one in takers)}
        found.queues.append(row)
        limit = LATENCY_S.get(name, LATENCY_OTHER_S)
        if name not in plan["cluster"]["queues"] and row["size"] and not takers:
            found.strains.append(
                f"queue {name}: {row['size']} jobs wait, the plan does not know it, and nobody takes them"
            )
        elif row["latency_s"] > limit:
            late = f"{row['latency_s']:.0f} s, {limit} s is the limit"
            found.strains.append(f"queue {name}: the oldest of {row['size']} jobs waits for {late}")


def _redis(found: Findings, data: Mapping[str, Any]) -> None:
    for one in data.get("redis", ()):
        found.redis.append(dict(one))
        where = f"Redis {one['name']}"
        if one["role"] != "master":
            found.problems.append(f"{where} is a {one['role']} and takes no writes: point the relay at the primary")
        if one["loading"]:
            found.problems.append(f"{where} reads its data from disk: wait")
        if not one["log_written"]:
            found.problems.append(f"{where} cannot write its append-only file: look at the disk of its host")
        used = _percent(one["memory_mb"], one["memory_limit_mb"])
        if used > SHORT and one["policy"] == "noeviction":
            text = f"{where}: {one['memory_mb']} of {one['memory_limit_mb']} MB are used; when full it refuses writes"
            (found.problems if used >= FULL else found.strains).append(text)
        if _percent(one["clients"], one["clients_limit"]) > SHORT:
            found.strains.append(f"{where}: {one['clients']} of {one['clients_limit']} clients are connected")


def _database(found: Findings, plan: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    room = seen["connections_limit"] - seen["reserved"]
    found.database.update(seen, ledger=dict(plan["ledger"]))
    if seen["recovering"]:
        found.problems.append("PostgreSQL is a standby and takes no writes: point the poolers at the primary")
    text = f"PostgreSQL: {seen['connections']} of {room} connections are in use"
    if seen["connections"] >= room:
        found.problems.append(f"{text}: nobody new gets in")
    elif _percent(seen["connections"], room) > SHORT:
        found.strains.append(text)
    if seen["connections_limit"] < plan["ledger"]["max_connections"]:
        found.strains.append(
            f"PostgreSQL allows {seen['connections_limit']} connections, the plan counts on"
            f" {plan['ledger']['max_connections']}: run site.yml (a restart of PostgreSQL)"
        )


def _strangers(found: Findings, plan: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Roles and users of workers that are in no inventory any more: doors that were left open."""
    known = set()
    for name in plan["hosts"]:
        with contextlib.suppress(ValueError):  # a name that no worker's user can have
            known.add(user_name(name))
    roles = set(data.get("database", {}).get("workers", {}))
    users = {name for one in data.get("redis", ()) for name in one.get("users", ())}
    for name in sorted((roles | users) - known):
        doors = [word for word, names in (("PostgreSQL", roles), ("Redis", users)) if name in names]
        found.strains.append(
            f"{name} may still come in at {' and '.join(doors)}, and is no host of the plan: run"
            " playbooks/remove_worker.yml"
        )


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0
