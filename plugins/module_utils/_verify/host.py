# GNU General Public License v3.0 or later (see LICENSE)
"""The lines about one host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .expect import listeners, misplaced
from .report import Check


def read(path: str) -> str:
    """A file; empty where there is none (a kernel without IPv6, a host with the distribution's Ruby)."""
    file = Path(path)
    return file.read_text() if file.exists() else ""


def judge_listeners(share: Mapping[str, Any], bound: Iterable[tuple[str, int]]) -> list[Check]:
    """Whether every port of ours is bound where the plan says, and nowhere else."""
    planned = listeners(share)
    if not planned:
        return []
    where = str(share["name"])
    absent, wide = misplaced(share, bound)
    checks = []
    if absent:
        seen = f"nobody listens for {', '.join(absent)}"
        checks.append(Check("ports are open", where, False, seen, "Look at the unit of that service on that host."))
    if wide:
        seen = f"open wider than planned: {', '.join(wide)}"
        fix = "Run site.yml, and restart the service if it was started with an older configuration."
        checks.append(Check("ports are narrow", where, False, seen, fix))
    if not checks:
        checks.append(Check("ports are where planned", where, True, f"{len(planned)} of {len(planned)}"))
    return checks
