# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which queues an instance listens to: the plan's wish, corrected by what the deployed release really has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .model import UnitsError

SCHEDULER = "scheduler"

Queue = tuple[str, Optional[int]]


@dataclass(frozen=True)
class Resolved:
    instances: list[dict[str, Any]]  # as given, their queues corrected
    notes: list[str]


def _queues(raw: Any, where: str) -> list[Queue]:
    queues: list[Queue] = []
    for item in raw:
        if isinstance(item, str):
            item = (item, None)
        if not isinstance(item, Sequence) or not 1 <= len(item) <= 2:
            raise UnitsError(f"{where}: {item!r} is no queue; write [name, weight] or [name, null]")
        name, weight = str(item[0]), item[1] if len(item) == 2 else None
        if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int) or weight < 1):
            raise UnitsError(f"{where}: queue {name} has the weight {weight!r}; give a whole number above 0, or null")
        queues.append((name, weight))
    names = [name for name, _weight in queues]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnitsError(f"{where}: queue listed twice: {', '.join(twice)}; Sidekiq takes a weight instead")
    return queues


def _with_rest(queues: list[Queue], rest: list[Queue]) -> list[Queue]:
    # One weight would turn a strictly ordered list into a weighted one.
    strict = bool(queues) and all(weight is None for _name, weight in queues)
    return queues + [(name, None if strict else weight or 1) for name, weight in rest]


def resolve(instances: Sequence[Mapping[str, Any]], release: Any, known: Sequence[str] = ()) -> Resolved:
    """`known` are the queues that some instance of the cluster was given; without a plan, those of this host."""
    in_release = dict(_queues(release, "the release's queues"))
    if not in_release:
        raise UnitsError("the release names no queues in its .release.json: deploy it again with the role mastodon")
    wanted = [_queues(item["queues"], f"instance {item['name']}") for item in instances]
    placed = {str(name) for name in known} | {name for queues in wanted for name, _weight in queues}
    # Several hosts may take the rest, but nobody may take the scheduler just because it is left over.
    rest = [(name, weight) for name, weight in in_release.items() if name not in placed and name != SCHEDULER]

    notes: list[str] = []
    resolved: list[dict[str, Any]] = []
    taken = False
    for item, queues in zip(instances, wanted):
        dropped = [name for name, _weight in queues if name not in in_release]
        kept = [queue for queue in queues if queue[0] in in_release]
        if dropped:
            notes.append(f"{item['name']}: the release has no queue {', '.join(dropped)}; not listened to")
        if rest and not taken and item.get("takes_rest"):
            taken = True
            kept = _with_rest(kept, rest)
            names = ", ".join(name for name, _weight in rest)
            notes.append(f"{item['name']}: also takes {names}, which the plan does not know")
        if not kept:
            raise UnitsError(
                f"instance {item['name']} would listen to no queue: the release has {', '.join(in_release)}, not "
                f"{', '.join(dropped) or 'an empty list'}; correct its queues or remove the instance"
            )
        resolved.append({**item, "queues": [list(queue) for queue in kept]})
    with_scheduler = [str(item["name"]) for item in resolved if SCHEDULER in [queue[0] for queue in item["queues"]]]
    if len(with_scheduler) > 1:
        raise UnitsError(
            f"{len(with_scheduler)} instances listen to {SCHEDULER} ({', '.join(with_scheduler)}), but every timed job "
            "would run once in each: leave it to exactly one in the whole cluster"
        )
    return Resolved(resolved, notes)
