"""One line in the inventory: how a host comes into the cluster and leaves it again."""

from __future__ import annotations

import os
from pathlib import Path

LINE = "mastodon: {{children: {{sidekiq_workers: {{hosts: {{{name}: }}}}}}}}\n"


def directory() -> Path:
    """The scenario's inventory."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"


def _file(name: str) -> Path:
    return directory() / f"zzz_{name}.yml"


def write(name: str) -> None:
    """Puts a host of the lab under sidekiq_workers."""
    _file(name).write_text(LINE.format(name=name))


def erase(name: str) -> None:
    """Takes it out again."""
    _file(name).unlink(missing_ok=True)
