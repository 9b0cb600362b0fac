# GPL-3.0-or-later (see LICENSE)
"""Reads what an admin measured of jobs, and puts it over the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import names
from .profile import DEFAULT, Profile
from .read import Reader

LIMITS = {
    "rate": (0.0, 100_000.0),
    "cpu_ms": (0.01, 60_000.0),
    "sql": (0.0, 1000.0),
    "redis": (0.0, 1000.0),
    "wait_ms": (0.0, 600_000.0),
}


def read_profile(reader: Reader, value: Any, slow_share: Any) -> Profile:
    """mastodon_job_profile: {queue: {rate, cpu_ms, sql, redis, wait_ms}}; mastodon_slow_share: from 0 to 0.9."""
    queues = dict(DEFAULT.queues)
    given = reader.mapping("mastodon_job_profile", value, names.QUEUES)
    for queue, wish in given.items():
        if queue not in queues:
            continue
        path = f"mastodon_job_profile.{queue}"
        figures: Mapping[str, Any] = reader.mapping(path, wish, LIMITS)
        measured: dict[str, Any] = {
            key: reader.number(f"{path}.{key}", figures[key], getattr(queues[queue], key), *LIMITS[key])
            for key in LIMITS
            if key in figures
        }
        queues[queue] = replace(queues[queue], **measured)
    return Profile(
        queues=queues,
        slow_share=reader.number("mastodon_slow_share", slow_share, DEFAULT.slow_share, 0.0, 0.9),
        slow_s=DEFAULT.slow_s,
    )
