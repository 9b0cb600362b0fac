# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin shell around module_utils/_units: from a role's instances to what the module `units` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils._units import compose, queues
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import UnitsError
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.sandbox import sandbox


def plain(value: Any) -> Any:
    """Ansible hands over lazy, tagged containers: take the plain values out of them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*[plain(item) for item in args], **{key: plain(item) for key, item in kwargs.items()})
        except UnitsError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


def resolve(instances: Any, release: Any, known: Any = ()) -> dict[str, Any]:
    resolved = queues.resolve(instances, release, known)
    return {"instances": resolved.instances, "notes": resolved.notes}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "web_units": told(compose.web_units),
            "streaming_units": told(compose.streaming_units),
            "sidekiq_units": told(compose.sidekiq_units),
            "resolve_queues": told(resolve),
            "app_sandbox": told(sandbox),
        }
