#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Documentation of the action plugin of this name."""

from __future__ import annotations

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
  sample: 3 problems, listed above
"""
