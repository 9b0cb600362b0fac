# GPL-3.0-or-later (see LICENSE)
"""The plan for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain

DOCUMENTATION = r"""
name: plan_text
author: The fediverse.mastodon contributors
short_description: The plan of a cluster as lines of text
version_added: 0.1.0
description: A table for the cluster and one for each host, at most 100 columns wide.
positional: why
options:
  _input:
    description: What the filter P(fediverse.mastodon.plan#filter) returns.
    type: dict
    required: true
  why:
    description: Add the reason of each number.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the plan
  fediverse.mastodon.show:
    lines: "{{ mastodon_plan | fediverse.mastodon.plan_text(why=true) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Lines.
  type: list
  elements: str
"""


def plan_text(plan: Mapping[str, Any], why: bool = False) -> list[str]:
    """Lines of at most 100 columns."""
    return explain.text(plan, why)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"plan_text": plan_text}
