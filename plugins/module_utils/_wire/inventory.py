# GPL-3.0-or-later (see LICENSE)
"""From an inventory's variables to the plain values that read.py reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .._plan.problems import Problems
from .read import HOST_KEYS, NETWORK_KEYS, unknown, variable


def from_inventory(
    hosts: Mapping[str, Mapping[str, Any]], problems: Problems, also: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Inventory variables of every host -> (settings, hosts) for read_network.

    hosts: {host: its variables, evaluated}; those of other parts are left alone. A setting of the network that differs
    between hosts, and a `wireguard_` variable nobody knows, is a finding. also: variables that the role reads itself.
    """
    settings: dict[str, Any] = {}
    found: dict[str, dict[str, Any]] = {}
    known = {variable(key): key for key in (*NETWORK_KEYS, *HOST_KEYS)}
    for name in sorted(hosts):
        found[name] = {}
        for word, value in hosts[name].items():
            key = known.get(word, "")
            if not key and word.startswith("wireguard_") and word not in also:
                unknown((name,), word, [*known, *also], problems)
            elif key in HOST_KEYS:
                found[name][key] = value
            elif key and settings.setdefault(key, value) != value:
                problems.add(
                    name, word, f"{value!r} here, {settings[key]!r} elsewhere", "set it once, for group mastodon"
                )
    return settings, found


def alone(hosts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """The variables of a single host, with a network and an address where it has none; of several hosts as they are."""
    if len(hosts) != 1:
        return hosts
    ((name, given),) = hosts.items()
    return {name: {"wireguard_networks": ["10.66.0.0/24"], "mastodon_address": "10.66.0.1", **given}}
