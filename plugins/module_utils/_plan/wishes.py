# GPL-3.0-or-later (see LICENSE)
"""Sidekiq units as an admin writes them."""

from __future__ import annotations

import re
from typing import Any

from . import names
from .model import Queue, UnitWish
from .problems import did_you_mean
from .read import UNSET, Reader, shown

SETTING = "mastodon_sidekiq_workers"
KEYS = ("name", "queues", "threads", "processes", "db_pool", "on_demand", "breaker_pool")
OUTSIDE = ("push", "pull")  # wait for servers elsewhere, and are hardly ever empty
WAITED_FOR = ("default", "ingress", "mailers", names.SCHEDULER)
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def read_units(reader: Reader, value: Any) -> tuple[UnitWish, ...] | None:
    """The units of one host; None when the admin leaves them to the plan."""
    if value is UNSET:
        return None
    if not isinstance(value, list) or not value:
        reader.bad(SETTING, f"{shown(value)} is not a list of units", "write [{name: …, queues: […], threads: …}]")
        return None
    units: list[UnitWish] = []
    for index, entry in enumerate(value):
        units.extend(_unit(reader, f"{SETTING}[{index}]", entry))
    seen = [unit.name for unit in units]
    for name in sorted({name for name in seen if seen.count(name) > 1}):
        reader.bad(SETTING, f"{seen.count(name)} units are called {name}", "give each a name of its own")
    return tuple(units)


def _unit(reader: Reader, path: str, entry: Any) -> list[UnitWish]:
    given = reader.mapping(path, entry, KEYS)
    if not given:
        return []
    name = given.get("name", UNSET)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        reader.bad(
            f"{path}.name",
            "is missing" if name is UNSET else f"{shown(name)} cannot name a systemd unit",
            "write 1 to 32 lower-case letters, digits and hyphens",
        )
        return []
    threads = reader.integer(f"{path}.threads", given.get("threads", UNSET), 10, 1, 200)
    db_pool = reader.integer(f"{path}.db_pool", given.get("db_pool", UNSET), threads, 1, 400)
    if db_pool < threads:
        reader.bad(
            f"{path}.db_pool",
            f"{db_pool} connections for {threads} threads: {threads - db_pool} would wait and then fail",
            "leave it out (as many as threads), or write more",
        )
    unit = UnitWish(
        name=name,
        queues=_queues(reader, f"{path}.queues", given.get("queues", UNSET)),
        threads=threads,
        db_pool=db_pool,
        on_demand=reader.flag(f"{path}.on_demand", given.get("on_demand", UNSET)),
        breaker_pool=reader.flag(f"{path}.breaker_pool", given.get("breaker_pool", UNSET)),
    )
    if names.SCHEDULER in unit.queue_names and unit.on_demand:
        reader.bad(
            f"{path}.on_demand", "the unit with scheduler must always run", "take scheduler or on_demand out of it"
        )
    if "processes" not in given:
        return [unit]
    count = reader.integer(f"{path}.processes", given["processes"], 1, 1, 64)
    return [UnitWish(**{**vars(unit), "name": f"{name}-{number}"}) for number in range(1, count + 1)]


def _queues(reader: Reader, path: str, value: Any) -> tuple[Queue, ...]:
    if not isinstance(value, list) or not value:
        what = "is missing" if value is UNSET else f"{shown(value)} is not a list"
        reader.bad(path, what, "write [[default, 8], [push, 6]], or [[default, null]] for a strict order")
        return ()
    queues: list[Queue] = []
    for index, entry in enumerate(value):
        pair = [entry, None] if isinstance(entry, str) else entry
        if not isinstance(pair, list) or len(pair) != 2:
            reader.bad(f"{path}[{index}]", f"{shown(entry)} is not a queue", "write [default, 8] or [default, null]")
            continue
        name, weight = pair
        if name not in names.QUEUES:
            fix = did_you_mean(str(name), names.QUEUES, f"Mastodon has {', '.join(names.QUEUES)}")
            reader.bad(f"{path}[{index}]", f"there is no queue {shown(name)}", fix)
            continue
        if weight is not None:
            if weight == 0 and not isinstance(weight, bool):
                reader.bad(
                    f"{path}[{index}]",
                    f"weight 0 does not switch {name} off: Sidekiq reads it as a strict order",
                    "leave the queue out, or give it a weight from 1",
                )
                continue
            weight = reader.integer(f"{path}[{index}]", weight, 1, 1, 1000)
        queues.append((str(name), weight))
    listed = [queue for queue, _ in queues]
    for name in sorted({queue for queue in listed if listed.count(queue) > 1}):
        reader.bad(path, f"{name} is listed {listed.count(name)} times", "list it once, with a higher weight")
    weighted = [weight is not None for _, weight in queues]
    if any(weighted) and not all(weighted):
        reader.bad(path, "some queues have a weight and some have none", "give all of them one, or none of them")
    if not any(weighted):
        _check_order(reader, path, listed)
    return tuple(queues)


def _check_order(reader: Reader, path: str, strict: list[str]) -> None:
    """Nobody waits behind deliveries in a strict order (sizing 2.3, I4): 243 of 253 ingress jobs never ran (1.13)."""
    first = next((queue for queue in strict if queue in OUTSIDE), None)
    if first is None:
        return
    starved = [queue for queue in strict[strict.index(first) :] if queue in WAITED_FOR]
    if starved:
        reader.bad(
            path,
            f"strict order starves {', '.join(starved)}: the queues behind {first} are only looked at when it is empty",
            "give the queues weights, or put push and pull last or into a unit of their own",
        )
