#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_info
short_description: What the deployed release and the host offer to the app's processes
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Reads the stamp of the release that C(current) leads to, and looks for jemalloc and for a Ruby with YJIT.
attributes:
  check_mode:
    support: full
    description: Reads only.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: Changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  current:
    description: The link to the release.
    type: path
    default: /opt/mastodon/current
  user:
    description: The user that runs the app. Without it, Ruby is not asked.
    type: str
  environment_file:
    description: Holds C(PATH), where Ruby is not the distribution's.
    type: path
    default: /etc/mastodon/path.env
  jemalloc:
    description: Look for jemalloc.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look at the release
  fediverse.mastodon.runtime_info:
    user: mastodon
  register: runtime
"""

RETURN = r"""
version:
  description: Version of the release.
  returned: always
  type: str
  sample: v4.6.5
queues:
  description: The release's Sidekiq queues with their weights.
  returned: always
  type: list
  elements: list
  sample: [[default, 8], [push, 6], [scheduler, null]]
jemalloc:
  description: Path of the library, if there is one.
  returned: always
  type: str
  sample: /usr/lib/x86_64-linux-gnu/libjemalloc.so.2
yjit:
  description: Whether Ruby has YJIT built in.
  returned: always
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Shell, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.runtime import (
    find_jemalloc,
    has_yjit,
    read_release,
)

SPEC = {
    "current": {"type": "path", "default": "/opt/mastodon/current"},
    "user": {"type": "str"},
    "environment_file": {"type": "path", "default": "/etc/mastodon/path.env"},
    "jemalloc": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, shell = module.params, Shell(module)
    with reporting(module):
        stamp = read_release(params["current"])
        yjit = has_yjit(shell, params["user"], params["environment_file"]) if params["user"] else False
    module.exit_json(
        changed=False,
        version=str(stamp.get("version") or ""),
        queues=stamp.get("queues") or [],
        jemalloc=find_jemalloc() if params["jemalloc"] else None,
        yjit=yjit,
    )


if __name__ == "__main__":
    main()
