#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Raise kernel settings, never lower them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sysctl_raise
short_description: Raise kernel settings, never lower them
version_added: 0.1.0
description:
  - Sets each figure that is lower than wanted, now and (by an early file in C(/etc/sysctl.d), which the admin's own
    files overrule) at boot.
  - Where the kernel refuses (a container, whose kernel is its host's), says so in RV(notes) and goes on.
options:
  settings:
    description: Names and least figures.
    type: dict
    required: true
  path:
    description: Our file for the next boot.
    type: path
    required: true
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: Shows the file., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Raise kernel settings
  fediverse.mastodon.sysctl_raise:
    path: /etc/sysctl.d/10-fediverse-mastodon.conf
    settings: {net.core.somaxconn: 4096}
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [raise net.core.somaxconn from 128 to 4096]
notes:
  description: What this host cannot do.
  returned: always
  type: list
  elements: str
  sample: [vm.swappiness is read-only here]
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import sysctl
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    put_file,
    read_text,
    reporting,
)


def read(name: str) -> tuple[int, ...]:
    value = read_text(sysctl.path_of(name))
    if value is None:
        raise Refusal(f"sysctl {name}: this kernel has no such setting; correct its name or take it out of the list.")
    return sysctl.parse(value)


def apply(module: AnsibleModule, item: sysctl.Raise, changes: Changes) -> None:
    path = sysctl.path_of(item.name)
    try:
        handle = os.open(path, os.O_WRONLY)
    except OSError as problem:
        changes.notes.append(
            f"{item.name} stays {sysctl.text(item.before)} (wanted: {sysctl.text(item.after)}): {problem.strerror}; "
            "in a container it is set on its host."
        )
        return
    os.close(handle)
    changes.actions.append(str(item))
    if not module.check_mode:
        Path(path).write_text(sysctl.text(item.after) + "\n", encoding="ascii")


def main() -> None:
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "required": True}, "path": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    changes = Changes()
    with reporting(module):
        wanted = {name: sysctl.parse(str(value)) for name, value in module.params["settings"].items()}
        raised = sysctl.raises({name: read(name) for name in wanted}, wanted)
        for item in raised:
            apply(module, item, changes)
        path = module.params["path"]
        held = sysctl.lines(sysctl.parse_file(read_text(path) or ""), wanted, raised)
        if held:
            header = "Managed by fediverse.mastodon (sysctl_raise); only ever raised."
            put_file(module, FileSpec(path, sysctl.render(held, header)), changes)
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
