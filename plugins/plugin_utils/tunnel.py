# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role wireguard registers on its hosts, for the filters that read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MESH = "__wireguard_mesh"
LOOK = "__wireguard_look"
PEERS = "__wireguard_peers"


def mesh(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """What wireguard_mesh said of a host last. One that needed nothing has only the look before the run."""
    answer: Mapping[str, Any] = variables.get(MESH, {})
    return variables.get(LOOK, {}) if answer.get("skipped") else answer
