# GPL-3.0-or-later (see LICENSE)
"""From the inventory to the addresses whose distance a host measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import survey as core
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain

DOCUMENTATION = r"""
name: survey_targets
author: The fediverse.mastodon contributors
short_description: Name the database and Redis as one host will reach them
version_added: 0.1.0
description:
  - For the playbook C(survey.yml). Reads groups, C(mastodon_address) and C(mastodon_ports).
  - A host that runs neither Puma, nor streaming, nor Sidekiq has no way to measure, nor has one to itself.
positional: hostvars, host, joining
options:
  _input:
    description: The groups of the inventory (the magic variable C(groups)).
    type: dict
    required: true
  hostvars:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  host:
    description: Which host measures.
    type: str
    required: true
  joining:
    description: >-
      Whether it has no tunnel yet. With C(mastodon_network=wireguard) it then measures the way that its tunnel will
      take, to C(wireguard_endpoint), or to C(wireguard_lan_endpoint) in its own zone.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Measure the way to the database
  fediverse.mastodon.survey_info:
    database_host: "{{ (groups | fediverse.mastodon.survey_targets(hostvars, inventory_hostname)).database.address }}"
"""

RETURN = r"""
_value:
  description: Of C(database) and C(redis) those that are on another host, each with C(host), C(address) and C(port).
  type: dict
  sample: {database: {host: db, address: 10.40.0.12, port: 5432}}
"""

READ = (
    "mastodon_address",
    "mastodon_network",
    "mastodon_ports",
    "wireguard_endpoint",
    "wireguard_lan_endpoint",
    "wireguard_zone",
)


def find(
    groups: Mapping[str, Any], hostvars: Mapping[str, Any], host: str, joining: bool = False
) -> dict[str, core.Target]:
    """The core's answer for a real inventory."""
    members = {name: [plain(member) for member in groups[name]] for name in groups}
    servers = {members[group][0] for group, _ in core.SERVERS.values() if members.get(group)}
    settings = {
        one: {name: plain(hostvars[one][name]) for name in READ if name in hostvars[one]}
        for one in (servers | {plain(host)} if joining else servers)
    }
    return core.targets(members, settings, plain(host), joining=joining)


def survey_targets(
    groups: Mapping[str, Any], hostvars: Mapping[str, Any], host: str, joining: bool = False
) -> dict[str, dict[str, Any]]:
    """As plain data."""
    return {
        name: {"host": target.host, "address": target.address, "port": target.port}
        for name, target in find(groups, hostvars, host, joining).items()
    }


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"survey_targets": survey_targets}
