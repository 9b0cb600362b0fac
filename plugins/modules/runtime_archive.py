#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_archive
short_description: Unpack a Ruby or Node from an archive, whole or not at all
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Unpacks an archive into a directory, which gets its name only when it is whole.
  - A single directory at its top is left out.
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run does.
  diff_mode:
    support: none
    description: Archives are no diff.
  idempotent:
    support: full
    description: A directory that is there is left alone.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  path:
    description: The archive on this host. Not looked at when O(directory) is there.
    type: path
    required: true
  directory:
    description: Where to unpack it.
    type: path
    required: true
  program:
    description: What must be in it, relative to O(directory).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Unpack Node
  fediverse.mastodon.runtime_archive:
    path: /opt/mastodon/archives/node-0123456789ab
    directory: /opt/mastodon/node-0123456789ab
    program: bin/node
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [unpack /opt/mastodon/node-0123456789ab]
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import building, commands, disk

SPEC = {
    "path": {"type": "path", "required": True},
    "directory": {"type": "path", "required": True},
    "program": {"type": "str", "required": True},
}


def unpack(params: dict[str, str]) -> None:
    parent, name = os.path.split(params["directory"])
    partial = os.path.join(parent, disk.PARTIAL + name)
    if os.path.lexists(partial):
        shutil.rmtree(partial)
    os.mkdir(partial, mode=0o755)
    building.extract(partial, commands.Runner(), params["path"])
    if not os.access(os.path.join(partial, params["program"]), os.X_OK):
        shutil.rmtree(partial)
        raise commands.Failed(
            f"{params['path']} holds no {params['program']}; give the archive of a whole installation"
        )
    os.chmod(partial, 0o755)
    os.rename(partial, params["directory"])


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    there = os.path.isdir(params["directory"])
    try:
        if not there and not module.check_mode:
            unpack(params)
    except (commands.Failed, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    actions = [] if there else [f"unpack {params['directory']}"]
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
