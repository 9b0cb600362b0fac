# GPL-3.0-or-later (see LICENSE)
"""Thin shell around module_utils/_wire/rotation_table: order and table of playbooks/rotate_tunnel_keys.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import rotation_table
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import read_network
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain, told


def order(settings: Mapping[str, Any], hosts: Mapping[str, Any], wanted: str | Sequence[str]) -> list[str]:
    """The hosts whose keys are replaced, in order."""
    problems = Problems()
    network = read_network(settings, hosts, problems)
    if problems:
        raise ValueError("\n".join(map(str, problems.all())))
    return rotation_table.order(Topology(network), wanted)


def report(hostvars: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Lines of the table. names: as `order` gave them."""
    try:
        answers = {plain(name): plain(hostvars[name].get("__wireguard_rotation")) for name in names}
    except KeyError as error:
        raise AnsibleFilterError(f"{error} is no host of this run") from None
    return rotation_table.table(answers)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"wireguard_rotation_order": told(order, ValueError), "wireguard_rotation_report": report}
