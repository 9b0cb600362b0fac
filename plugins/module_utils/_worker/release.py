# GPL-3.0-or-later (see LICENSE)
"""Reads what release is deployed here."""

from __future__ import annotations

import os
import re
from typing import Any

from .._join.preflight_release import Release
from .._release.commands import Failed
from .._release.database import shipped_migrations
from .._shell import Refusal, read_text
from .._units.runtime import read_release


def stamp(app_dir: str) -> dict[str, Any]:
    """`.release.json`. Refusal when there is no release."""
    return read_release(app_dir)


def release(app_dir: str, found: dict[str, Any]) -> Release:
    """Version, build, and the Sidekiq that its lock file names."""
    lock = read_text(os.path.join(app_dir, "Gemfile.lock")) or ""
    sidekiq = re.search(r"^    sidekiq \(([0-9][^)]*)\)$", lock, re.MULTILINE)
    return Release(
        str(found.get("version") or ""),
        str(found.get("fingerprint") or ""),
        str(found.get("architecture") or ""),
        sidekiq.group(1) if sidekiq else "",
    )


def migrations(app_dir: str) -> set[str]:
    """Versions of the release's migrations. Refusal when it has none."""
    try:
        return shipped_migrations(app_dir)
    except Failed as error:
        raise Refusal(str(error)) from error


def queue_names(found: dict[str, Any]) -> list[str]:
    """The release's queues."""
    return [str(entry[0] if isinstance(entry, list) else entry) for entry in found.get("queues") or ()]
