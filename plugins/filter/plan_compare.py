# GPL-3.0-or-later (see LICENSE)
"""Two plans side by side, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.filter.plan import inventory
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import compare
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain

DOCUMENTATION = r"""
name: plan_compare
author: The fediverse.mastodon contributors
short_description: What would change in the plan, as lines of text
version_added: 0.1.0
description:
  - With O(what_if), today's plan and the one after these changes.
  - Without it, where C(mastodon_preset) is set, what that published installation ran and what the plan would run.
  - A plan that cannot work is shown as well, with what speaks against it.
  - Where there is nothing to compare, the lines say why, and begin with C(This inventory cannot be planned).
positional: hostvars, what_if
options:
  _input:
    description: The groups of the inventory (the magic variable C(groups)).
    type: dict
    required: true
  hostvars:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  what_if:
    description:
      - C(hosts) is a dictionary of hosts with C(cpus), C(memory_mb), C(groups) and other settings of a host, or null
        for one that goes. C(settings) is a dictionary of settings of the cluster.
    type: dict
"""

EXAMPLES = r"""
- name: Show what one more worker host would change
  fediverse.mastodon.show:
    lines: "{{ groups | fediverse.mastodon.plan_compare(hostvars, what_if={'hosts': {'new1': new1}}) }}"
  vars:
    new1: {cpus: 4, memory_mb: 8192, groups: [sidekiq_workers]}
  run_once: true
"""

RETURN = r"""
_value:
  description: Lines.
  type: list
  elements: str
"""


def plan_compare(groups: Mapping[str, Any], hostvars: Mapping[str, Any], what_if: Any = None) -> list[str]:
    """Lines of at most 100 columns."""
    raw = inventory(groups, hostvars)
    try:
        if what_if:
            return compare.changes(raw, plain(what_if))
        return compare.published(raw)
    except PlanError as error:
        return str(error).splitlines()


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"plan_compare": plan_compare}
