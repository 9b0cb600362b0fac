"""Sidekiq as four administrators ran it, and as Mastodon ships it, for comparison with the plan on the same hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import presets

from .model import Process

# config/sidekiq.yml of Mastodon 4.6 with its weights; the number of threads is the setting people turn first.
SHIPPED = (
    ("default", 8),
    ("push", 6),
    ("ingress", 4),
    ("mailers", 2),
    ("pull", 1),
    ("scheduler", 1),
    ("fasp", 1),
)
LAYOUTS = tuple(presets.PRESETS)


def layout(name: str) -> list[Process]:
    """The processes of a published installation, on the hosts of the inventory of that name."""
    return [
        process
        for host, settings in presets.PRESETS[name].hosts.items()
        for unit in settings.get("mastodon_sidekiq_workers", ())
        for process in _processes(host, unit)
    ]


def _processes(host: str, unit: Mapping[str, Any]) -> list[Process]:
    queues = tuple((queue, weight) for queue, weight in unit["queues"])
    one = Process(host, queues, unit["threads"], unit.get("breaker_pool", False))
    return [] if unit.get("on_demand", False) else [one] * unit.get("processes", 1)


def default(host: str, threads: int) -> list[Process]:
    """Mastodon as it comes: one process with all queues. 5 threads in its unit file, 25 in much advice."""
    return [Process(host, SHIPPED, threads)]
