# GPL-3.0-or-later (see LICENSE)
"""More processes for one queue for a while: how many fit, and where."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .._plan.names import SCHEDULER
from .._plan.problems import suggest
from .._plan.resources import UNIT_MEMORY
from .instance import seconds
from .members import GROUP

PREFIX = "surge-"
THREADS = 10
LONGEST = 86400.0
Plan = Mapping[str, Any]


@dataclass
class Room:
    """What a host has left. why: what keeps it from one more process; empty while nothing does."""

    host: str
    memory_mb: int
    clients: int
    cores: float
    processes: int
    why: str = ""


def duration(text: str) -> float:
    """Seconds of `2h`, `90m` (as systemd: `90min`) or `1h 30min`. ValueError: it is none, or too long to be meant."""
    spelt = re.sub(r"(\d)m\b", r"\1min", text.strip())
    try:
        found = seconds(spelt)
    except ValueError:
        found = 0.0
    if not 0 < found <= LONGEST:
        raise ValueError(f"for={text}: give a time such as 30min or 2h, 24h at most; for longer, change the inventory")
    return found


def unit_memory(share: Mapping[str, Any]) -> int:
    """What one process takes on a host, as the plan counts it."""
    units = [unit for unit in share["sidekiq_workers"] if not unit["on_demand"]]
    claimed = share["memory_mb"]["claims"].get(GROUP, 0)
    return int(claimed / len(units)) if units and claimed else UNIT_MEMORY["sidekiq"]


def like(plan: Plan, queue: str) -> dict[str, Any]:
    """Threads and pools of a process: as the plan's own that has this queue among the fewest others."""
    units = [unit for share in plan["hosts"].values() for unit in share.get(GROUP, ()) if queue in names(unit)]
    units.sort(key=lambda unit: len(names(unit)))
    if not units:
        return {"threads": THREADS, "db_pool": THREADS, "breaker_pool": False}
    return {key: units[0][key] for key in ("threads", "db_pool", "breaker_pool")}


def names(unit: Mapping[str, Any]) -> list[str]:
    """Queues of a process of the plan."""
    return [str(queue) for queue, _weight in unit["queues"]]


def rooms(plan: Plan, there: Collection[str]) -> list[Room]:
    """What each worker host that answers has left."""
    found = []
    for name in plan["cluster"]["hosts"][GROUP]:
        share = plan["hosts"][name]
        if name not in there:
            continue
        taken = [unit for unit in share[GROUP] if not unit["on_demand"]]
        used = sum(unit["db_pool"] for unit in taken)
        used += sum(puma["workers"] * puma["db_pool"] for puma in share.get("puma", ()))
        used += sum(one["db_pool"] for one in share.get("streaming", ()))
        most = share.get("pgbouncer", {}).get("max_client_conn")
        # Without a pooler each thread is a connection of PostgreSQL, of which the plan leaves none to spare.
        ledger = plan["ledger"]
        spare = ledger["max_connections"] - ledger["clients"] - ledger["direct"] - ledger["reserved"]
        clients = most - used if most else max(0, spare)
        found.append(Room(name, share["memory_mb"]["free"], clients, share["cores"], len(taken)))
    return found


def spread(plan: Plan, queue: str, wanted: int, there: Collection[str]) -> dict[str, Any]:
    """{host: [instance, …]} as the role sidekiq_workers takes them, with what could not be placed and why.

    ValueError: an unknown queue, the scheduler, or no room for even one.
    """
    known = plan["cluster"]["queues"]
    if queue == SCHEDULER:
        raise ValueError("queue=scheduler: exactly one process may have it, so there can be no second one")
    if queue not in known:
        near = suggest(queue, known)
        raise ValueError(f"queue={queue}: there is no such queue. {f'Did you mean {near}?' if near else known}")
    if wanted < 1:
        raise ValueError(f"instances={wanted}: give 1 or more")
    shape = like(plan, queue)
    left = rooms(plan, there)
    placed: dict[str, list[dict[str, Any]]] = {}
    for _number in range(wanted):
        for room in left:
            need = unit_memory(plan["hosts"][room.host])
            if room.memory_mb < need:
                room.why = f"{room.memory_mb} MB free, {need} MB needed"
            elif room.clients < shape["db_pool"]:
                room.why = f"{room.clients} connections left in its pooler, {shape['db_pool']} needed"
        able = [room for room in left if not room.why]
        if not able:
            break
        # One Ruby process uses one core: the host with the most cores for each process has most to give.
        best = max(able, key=lambda room: (room.cores / (room.processes + 1), room.memory_mb))
        best.memory_mb -= unit_memory(plan["hosts"][best.host])
        best.clients -= shape["db_pool"]
        best.processes += 1
        mine = placed.setdefault(best.host, [])
        mine.append({"name": f"{PREFIX}{len(mine) + 1}", "queues": [[queue, None]], "on_demand": True, **shape})
    count = sum(map(len, placed.values()))
    full = [f"{room.host}: {room.why}" for room in left if room.why]
    if not count:
        raise ValueError(f"no worker host has room for one more process: {'; '.join(full) or 'none of them answers'}")
    notes = [f"{count} of {wanted} processes fit: {'; '.join(full)}"] if count < wanted else []
    return {"hosts": placed, "count": count, "notes": notes}


def improved(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a queue got better: empty, a quarter less to wait, or a quarter shorter. Both: size and latency_s."""
    if not now["size"]:
        return True
    waits = [float(one["latency_s"] or 0.0) for one in (before, now)]
    return bool(waits[1] < 0.75 * waits[0] or now["size"] < 0.75 * before["size"])
