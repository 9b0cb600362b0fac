#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""What the action plugin of this name takes and returns."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: preflight
author: The fediverse.mastodon contributors
short_description: Judge what all hosts of a play are, in one message
version_added: 0.1.0
description:
  - Reads what M(fediverse.mastodon.preflight_info) registered as C(__preflight_result) on every host of the play.
  - Compares it with the limits and, if there is one, with C(mastodon_plan). Prints every finding of every host, and
    fails if there is one.
  - Runs on the controller and connects to no host.
options:
  min_disk_mb:
    description: Free space that each directory must have, in MB.
    type: int
    required: true
  clock_tolerance_s:
    description: By how many seconds a host's clock may differ from the controller's.
    type: float
    required: true
  memory_tolerance_percent:
    description: By how much declared memory may exceed what the host has.
    type: int
    required: true
  must_be_deployed:
    description: Refuse hosts on which nothing of this collection has been deployed yet.
    type: bool
    default: false
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
- name: Refuse hosts that are not ready
  fediverse.mastodon.preflight:
    min_disk_mb: 5120
    clock_tolerance_s: 10
    memory_tolerance_percent: 10
  run_once: true
"""

RETURN = r"""
msg:
  description: The failure, if there was one.
  returned: failure
  type: str
  sample: The hosts are not ready; what to correct is listed above.
"""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "min_disk_mb": {"type": "int", "required": True},
    "clock_tolerance_s": {"type": "float", "required": True},
    "memory_tolerance_percent": {"type": "int", "required": True},
    "must_be_deployed": {"type": "bool", "default": False},
}


def main() -> None:
    """Reached only where Ansible did not find the action plugin, which does the work on the controller."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(
        msg="the action plugin fediverse.mastodon.preflight was not found: is the whole collection installed?"
    )


if __name__ == "__main__":
    main()
