# GPL-3.0-or-later (see LICENSE)
"""From registered reports of hosts to lines for an inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible_collections.fediverse.mastodon.plugins.filter.survey_targets import find
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import survey as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import FACTS
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain

DOCUMENTATION = r"""
name: survey
author: The fediverse.mastodon contributors
short_description: Turn what hosts have into a snippet for the inventory
version_added: 0.1.0
description: Names hosts that could not be reached instead of failing for all.
positional: hosts, groups
options:
  _input:
    description: The magic variable C(hostvars); of each host the registered results are read.
    type: dict
    required: true
  hosts:
    description: Which hosts to print.
    type: list
    elements: str
    required: true
  groups:
    description: The magic variable C(groups), to name the hosts to which round trips were measured.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Print the snippet
  fediverse.mastodon.show:
    lines: "{{ hostvars | fediverse.mastodon.survey(ansible_play_hosts_all, groups) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Lines of YAML.
  type: list
  elements: str
"""

RESULT = "__preflight_result"
MEASURED = "__survey_result"


def survey(hostvars: Mapping[str, Any], hosts: Sequence[str], groups: Mapping[str, Any] | None = None) -> list[str]:
    """A snippet for the inventory."""
    found = {}
    for host in hosts:
        known = hostvars[host]
        measured = known.get(MEASURED, {})
        facts = known.get("ansible_facts", {})
        found[plain(host)] = core.Host(
            result=known.get(RESULT, {}),
            reached_at=str(known.get("ansible_host", host)),
            interface=str(known.get("mastodon_network_interface", "")),
            measured=measured if "cpu" in measured else {},
            targets=find(groups or {}, hostvars, host),
            facts_cached=all(name in facts for name in FACTS),
        )
    return core.snippet(found, cache_hours())


def cache_hours() -> float:
    """How long this controller keeps facts. The plugin for memory forgets them with the run; 0 s means for ever."""
    if constants.CACHE_PLUGIN in ("memory", "ansible.builtin.memory"):
        return 0.0
    seconds: int = constants.config.get_config_value("CACHE_PLUGIN_TIMEOUT")
    return seconds / 3600 if seconds else float("inf")


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"survey": survey}
