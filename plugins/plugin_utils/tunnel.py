# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role wireguard registers on its hosts, for the filters that read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AGAIN = "__wireguard_again"
MESH = "__wireguard_mesh"
LOOK = "__wireguard_look"
PEERS = "__wireguard_peers"
HEARD = "__wireguard_heard"


def mesh(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """What wireguard_mesh said of a host last. One that needed nothing has only the look before the run."""
    for word in (AGAIN, MESH):
        answer: Mapping[str, Any] = variables.get(word, {})
        if answer and not answer.get("skipped"):
            return answer
    return variables.get(LOOK, {}) if MESH in variables else {}


def heard(hostvars: Mapping[str, Any], hosts: Sequence[str]) -> dict[str, Any]:
    """What wireguard_handshakes saw on the ends of silent links, by host. A host may have listened for several ones."""
    found: dict[str, Any] = {}
    for host in hosts:
        for row in hostvars[host].get(HEARD, {}).get("results", ()):
            if "handshakes" in row:
                name = str(row["item"]["item"])
                before = found.get(name, {}).get("handshakes", [])
                found[name] = {"handshakes": [*before, *row["handshakes"]], "clock": row["clock"]}
    return found
