# GPL-3.0-or-later (see LICENSE)
"""Round trips of hosts that join: what was measured, and the file that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._join import measured as core
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain, told


def added(raw: Any, hostvars: Mapping[str, Any], names: Sequence[str]) -> str:
    """The file with what hosts of this run measured (their `__worker_measured`)."""
    found = {plain(name): plain(hostvars[name].get("__worker_measured")) for name in names}
    return core.added(plain(raw), {name: one for name, one in found.items() if one is not None})


class FilterModule:
    """Found by Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names of the filters in this file."""
        return {
            "worker_measured": told(core.read, ValueError),
            "worker_measured_added": added,
            "worker_measured_gone": told(core.gone, ValueError),
            "worker_round_trips": told(core.figures, ValueError),
            "worker_round_trips_text": told(core.lines, ValueError),
        }
