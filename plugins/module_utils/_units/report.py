# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells: the diff of the files it writes, and the units afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .model import Action, Desired, Observed, UnitState


def diff_of(desired: Desired, observed: Observed, actions: Sequence[Action]) -> list[dict[str, str]]:
    contents = {file.path: file.content for file in desired.shared_files}
    contents.update({file.path: file.content for item in desired.instances for file in item.files})
    diffs = []
    for action in actions:
        if action.verb != "write":
            continue
        found = observed.files.get(action.target)
        diffs.append(
            {
                "before_header": action.target,
                "after_header": action.target,
                "before": found[0] if found else "",
                "after": contents[action.target],
            }
        )
    if actions:
        diffs.append({"prepared": "".join(f"{action}\n" for action in actions)})
    return diffs


def unit_report(states: Mapping[str, UnitState]) -> dict[str, dict[str, Any]]:
    return {
        name: {"active": state.active, "enabled": state.enabled, "pid": state.pid}
        for name, state in sorted(states.items())
    }
