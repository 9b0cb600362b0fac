# GNU General Public License v3.0 or later (see LICENSE)
"""The table at the end of playbooks/verify.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import check_from, failures, table

DOCUMENTATION = r"""
name: verify_report
author: The fediverse.mastodon contributors
short_description: Make a table of what the checks found
version_added: 0.1.0
description:
  - One line per check, failures last, and one sentence per failure that says what to do.
options:
  _input:
    description: Results of the verify modules; those of tasks that were skipped or never reached are left out.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ ([site, sidekiq] | fediverse.mastodon.verify_report).lines }}"
"""

RETURN = r"""
_value:
  description: C(lines) of the table, and C(failures).
  type: dict
"""


def verify_report(results: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Lines and failures of all results that have checks."""
    checks = [check_from(check) for result in results if result for check in result.get("checks", [])]
    return {"lines": table(checks), "failures": failures(checks)}


class FilterModule:
    """Found by Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names of the filters in this file."""
        return {"verify_report": verify_report}
