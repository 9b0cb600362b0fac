#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""What the action plugin of this name takes and returns."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: show
author: The fediverse.mastodon contributors
short_description: Print lines as they are, and fail if told so
version_added: 0.1.0
description:
  - Prints a table or a list of findings line by line, without quotes and escapes.
  - Runs on the controller and connects to no host.
options:
  lines:
    description: What to print.
    type: list
    elements: str
    required: true
  failure:
    description: If not empty, the task fails with this message after printing.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in check mode and changes nothing.
    support: full
  diff_mode:
    description: Shows differences.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
  platform:
    description: Runs on the controller.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Show the plan
  fediverse.mastodon.show:
    lines: "{{ mastodon_plan | fediverse.mastodon.plan_text }}"
  run_once: true
"""

RETURN = r"""
msg:
  description: The failure, if there was one.
  returned: failure
  type: str
  sample: The inventory cannot be planned; what to correct is listed above.
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "lines": {"type": "list", "elements": "str", "required": True},
    "failure": {"type": "str", "default": ""},
}


def main() -> None:
    """Reached only where Ansible did not find the action plugin, which does the work on the controller."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(msg="the action plugin fediverse.mastodon.show was not found: is the whole collection installed?")


if __name__ == "__main__":
    main()
