# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin shell around module_utils/_dotenv: which variables an app host has, and one file for three readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.quote import DotenvError, render
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.variables import app_environment
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import told


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"app_environment": told(app_environment, DotenvError), "dotenv": told(render, DotenvError)}
