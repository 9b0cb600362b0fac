# GPL-3.0-or-later (see LICENSE)
"""From registered reports of hosts to lines for an inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import survey as core

DOCUMENTATION = r"""
name: survey
author: The fediverse.mastodon contributors
short_description: Turn what hosts have into a snippet for the inventory
version_added: 0.1.0
description: Names hosts that could not be reached instead of failing for all.
positional: hosts
options:
  _input:
    description: The magic variable C(hostvars); of each host the registered report is read.
    type: dict
    required: true
  hosts:
    description: Which hosts to print.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Print the snippet
  fediverse.mastodon.show:
    lines: "{{ hostvars | fediverse.mastodon.survey(ansible_play_hosts_all) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Lines of YAML.
  type: list
  elements: str
"""


RESULT = "__preflight_result"


def survey(hostvars: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """A snippet for the inventory."""
    reached_at = {host: str(hostvars[host].get("ansible_host", host)) for host in hosts}
    return core.snippet({host: hostvars[host].get(RESULT, {}) for host in hosts}, reached_at)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"survey": survey}
