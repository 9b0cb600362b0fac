#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_step
short_description: Run one step of a build as the app user, its output in a log
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Runs a command in the build directory.
  - When it fails, the message ends with the last lines of the log and names the file.
attributes:
  check_mode:
    support: full
    description: Runs nothing.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: none
    description: Runs each time; the caller knows whether a build is needed.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  name:
    description: What the step does.
    type: str
    required: true
  argv:
    description: The command.
    type: list
    elements: str
    required: true
  directory:
    description: Where it runs.
    type: path
    required: true
  environment:
    description: Its environment.
    type: dict
    default: {}
  log:
    description: File that the output is appended to.
    type: path
    required: true
  home:
    description: The app's home.
    type: path
    default: /opt/mastodon
  user:
    description: Who builds.
    type: str
    default: mastodon
  search_path:
    description: PATH with the Ruby and Node to use.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Install the gems
  fediverse.mastodon.release_step:
    name: Install the gems
    argv: [bundle, install]
    directory: /opt/mastodon/build/tree
    log: /opt/mastodon/archives/v4.6.5-amd64.log
    search_path: /usr/local/bin:/usr/bin:/bin
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [Install the gems]
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 83.2
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import commands

SPEC = {
    "name": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "environment": {"type": "dict", "default": {}},
    "log": {"type": "path", "required": True},
    "home": {"type": "path", "default": "/opt/mastodon"},
    "user": {"type": "str", "default": "mastodon"},
    "search_path": {"type": "str", "required": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    runner = commands.Runner(params["user"], params["home"], params["search_path"])
    started = time.monotonic()
    if not module.check_mode:
        environment = {key: str(value) for key, value in params["environment"].items()}
        try:
            code = runner.logged(params["argv"], params["log"], cwd=params["directory"], environment=environment)
        except OSError as error:
            module.fail_json(msg=f"{commands.host()}: {params['name']}: {error}")
        if code != 0:
            module.fail_json(
                msg=f"{commands.host()}: {params['name']}: `{' '.join(params['argv'])}` ended with {code}. The end of "
                f"{params['log']} says:\n{commands.last_lines_of(params['log'], 25)}"
            )
    module.exit_json(changed=True, actions=[params["name"]], seconds=round(time.monotonic() - started, 1))


if __name__ == "__main__":
    main()
