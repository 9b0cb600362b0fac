# GPL-3.0-or-later (see LICENSE)
"""The plan as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import page

DOCUMENTATION = r"""
name: plan_page
author: The fediverse.mastodon contributors
short_description: What a page about the plan shows
version_added: 0.1.0
description:
  - Everything that the template of C(playbooks/plan.yml) writes down for C(-e mastodon_plan_html=PATH), computed.
  - Texts, widths of bars in per cent, and positions in the drawing; no markup.
options:
  _input:
    description: What the filter P(fediverse.mastodon.plan#filter) returns.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show each host's memory
  ansible.builtin.debug:
    msg: "{{ (mastodon_plan | fediverse.mastodon.plan_page).hosts | map(attribute='bar') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Title, figures, warnings, drawing, ledger, forecast, hosts, cluster and why.
  type: dict
"""


def plan_page(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Texts, widths and positions."""
    return page.view(plan)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"plan_page": plan_page}
