# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin shell around module_utils/_dotenv: which variables an app host has, and one file for three readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.quote import DotenvError, render
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.variables import app_environment


def plain(value: Any) -> Any:
    """Ansible hands over lazy, tagged containers: take the plain values out of them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def told(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        try:
            return function(plain(value))
        except DotenvError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"app_environment": told(app_environment), "dotenv": told(render)}
