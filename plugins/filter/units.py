# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin shell around module_utils/_units: from a role's instances to what the module `units` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._units import compose, queues
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import UnitsError
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.sandbox import sandbox
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import told


def resolve(instances: Any, release: Any, known: Any = ()) -> dict[str, Any]:
    resolved = queues.resolve(instances, release, known)
    return {"instances": resolved.instances, "notes": resolved.notes}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "web_units": told(compose.web_units, UnitsError),
            "streaming_units": told(compose.streaming_units, UnitsError),
            "sidekiq_units": told(compose.sidekiq_units, UnitsError),
            "resolve_queues": told(resolve, UnitsError),
            "app_sandbox": told(sandbox, UnitsError),
        }
