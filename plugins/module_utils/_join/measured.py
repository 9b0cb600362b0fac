# GPL-3.0-or-later (see LICENSE)
"""How far worker hosts were from the database and Redis when they joined, where the inventory does not say it.

Written down and not measured in every run: a line is now a little faster and now a little slower, and a plan that
followed it would restart processes for nothing. A figure in the inventory wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._plan.measure import differ
from .._plan.names import MEASURED

NAME = "mastodon_measured"
_HEADER = """---
# Managed by fediverse.mastodon (playbook add_worker.yml); keep it with the inventory.
# Round trips in milliseconds, measured once, before a host's first join. What the inventory says (mastodon_db_rtt_ms)
# wins. Take a host's line out, and it is measured anew.
"""
DATABASE, REDIS = MEASURED

Known = dict[str, dict[str, float]]


def read(raw: Any) -> Known:
    """The parsed file, or None where there is none. ValueError: something else is in it."""
    if not raw:
        return {}
    entries = raw.get(NAME) if isinstance(raw, Mapping) else None
    fine = isinstance(entries, Mapping) and all(
        isinstance(one, Mapping) and all(key in MEASURED and _is_figure(value) for key, value in one.items())
        for one in entries.values()
    )
    if not fine or entries is None:
        raise ValueError(f"the file of {NAME} holds something else: restore it from version control, or remove it")
    return {str(name): dict(one) for name, one in entries.items()}


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 2000


def render(known: Mapping[str, Mapping[str, float]]) -> str:
    """The file's text, the same for the same content."""
    # JSON is YAML as well.
    lines = [f"  {json.dumps(name)}: {json.dumps(dict(one), sort_keys=True)}" for name, one in sorted(known.items())]
    return _HEADER + "\n".join([f"{NAME}:" if lines else f"{NAME}: {{}}", *lines]) + "\n"


def added(raw: Any, found: Mapping[str, Mapping[str, float]]) -> str:
    """The file with these hosts. One of which nothing could be measured is in it too: it is not asked again."""
    return render({**read(raw), **{name: dict(one) for name, one in found.items()}})


def gone(raw: Any, name: str) -> str:
    """The file without a host that left."""
    known = read(raw)
    known.pop(name, None)
    return render(known)


def figures(round_trips: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """What the plan takes from survey_info's round trips. Redis only where it is worth a figure of its own."""
    trips = {name: one.get("ms") for name, one in round_trips.items()}
    database, redis = trips.get("database"), trips.get("redis")
    found = {} if database is None else {DATABASE: float(database)}
    if redis is not None and (database is None or differ(database, redis)):
        found[REDIS] = float(redis)
    return found


def lines(
    name: str, targets: Mapping[str, Mapping[str, Any]], round_trips: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """What was measured, in words; what could not be is told with what to declare."""
    told = []
    for kind, target in targets.items():
        trip, where = round_trips.get(kind, {}), f"{target['host']} ({kind})"
        if trip.get("ms") is not None:
            told.append(f"{name}: {trip['ms']:g} ms to {where}, by {trip['address']} port {trip['port']}.")
            continue
        why = trip.get("reason") or f"{target['host']} has no mastodon_address"
        setting = DATABASE if kind == "database" else REDIS
        told.append(
            f"{name}: how far it is to {where} could not be measured: {why}."
            f" It is planned as near; declare {setting} if it is not."
        )
    return told
