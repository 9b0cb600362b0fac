# GPL-3.0-or-later (see LICENSE)
"""Reads what a host has: cores, memory, steal, round trips, and which queues it may serve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from . import names
from .cpu import SHARED_STEAL
from .memory import UNITS as UNIT_MEMORY
from .problems import did_you_mean
from .read import UNSET, Reader, shown

__all__ = ["UNIT_MEMORY", "read_queues", "read_round_trip", "read_size", "read_steal"]
SURVEY = (
    "run `ansible-playbook playbooks/survey.yml -i INVENTORY --limit {}` and put the lines that it prints into"
    " the inventory"
)
# In place of what could not be read, so that only the real finding is told and not sums that follow from it.
STAND_IN = {"mastodon_cpus": 8, "mastodon_memory_mb": 1_000_000}


def read_size(reader: Reader, name: str, values: Mapping[str, Any], broken: Collection[str] = ()) -> tuple[int, int]:
    """Cores and memory in MB. Declared values win over cached facts; a host of which neither is known is named.

    broken: settings whose value could not be evaluated, which is a finding already.
    """
    facts: Mapping[str, Any] = values.get("facts") or {}
    found: dict[str, int] = {}
    missing = []
    for setting, fact, lowest, highest in (
        ("mastodon_cpus", "processor_vcpus", 1, 1024),
        ("mastodon_memory_mb", "memtotal_mb", 256, 16_000_000),
    ):
        declared = values.get(setting)
        if declared is not None:
            found[setting] = reader.required_integer(setting, declared, STAND_IN[setting], lowest, highest)
        elif facts.get(fact):
            found[setting] = max(lowest, int(facts[fact]))
        else:
            found[setting] = STAND_IN[setting]
            missing += [] if setting in broken else [setting]
    if missing:
        reader.bad(
            " and ".join(missing),
            "not declared, and no facts of this host are cached: nothing can be sized",
            SURVEY.format(name),
        )
    return found["mastodon_cpus"], found["mastodon_memory_mb"]


def read_steal(reader: Reader, steal: Any, shared: Any) -> float:
    """The share of the cores that others take: measured, or assumed where the host is said to share them."""
    if steal is not UNSET:
        return reader.number("mastodon_cpu_steal", steal, 0.0, 0.0, 0.9)
    return SHARED_STEAL if reader.flag("mastodon_shared_cpu", shared) else 0.0


def read_round_trip(reader: Reader, setting: str, value: Any) -> float | None:
    """Milliseconds there and back; None where nobody measured."""
    return None if value is UNSET else reader.number(setting, value, 0.5, 0.0, 2000.0)


def read_queues(reader: Reader, value: Any) -> tuple[str, ...]:
    """The queues that the plan may give this host; all where the admin does not say."""
    if value is UNSET:
        return names.QUEUES
    setting = "mastodon_sidekiq_queues"
    if not isinstance(value, list) or not value:
        reader.bad(setting, f"{shown(value)} is not a list of queues", "write some of " + ", ".join(names.QUEUES))
        return names.QUEUES
    for index, queue in enumerate(value):
        if queue not in names.QUEUES:
            fix = did_you_mean(str(queue), names.QUEUES, f"Mastodon has {', '.join(names.QUEUES)}")
            reader.bad(f"{setting}[{index}]", f"there is no queue {shown(queue)}", fix)
    return tuple(queue for queue in names.QUEUES if queue in value)
