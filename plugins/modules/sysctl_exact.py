#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Set kernel settings to exact values."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sysctl_exact
short_description: Set kernel settings to exact values
version_added: 0.1.0
description:
  - Sets what differs, now and (by a file in C(/etc/sysctl.d)) at boot. For settings that are switches; limits are
    M(fediverse.mastodon.sysctl_raise)'s.
  - Where the kernel refuses (a container, whose kernel is its host's), says so in RV(notes) and goes on.
options:
  settings:
    description: >-
      Names and values. A name with slashes (V(net/ipv4/conf/wg0/send_redirects)) belongs to an interface, which may not
      be there yet and is not there at boot, so that it is set where it exists and not written into the file.
    type: dict
    required: true
  path:
    description: Our file for the next boot. Without a setting it is removed.
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
- name: Let services bind addresses that are not there yet
  fediverse.mastodon.sysctl_exact:
    path: /etc/sysctl.d/60-fediverse-mastodon-tunnel.conf
    settings: {net.ipv4.ip_nonlocal_bind: 1}
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [set net.ipv4.ip_nonlocal_bind from 0 to 1]
notes:
  description: What this host cannot do.
  returned: always
  type: list
  elements: str
  sample: [net.ipv4.ip_forward stays 0]
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import sysctl
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    drop_files,
    put_file,
    read_text,
    reporting,
)


def apply(module: AnsibleModule, name: str, value: tuple[int, ...], changes: Changes) -> None:
    """One setting, as far as the kernel lets it."""
    path = sysctl.path_of(name)
    text = read_text(path)
    if text is None:
        if "/" in name:
            return
        raise Refusal(f"sysctl {name}: this kernel has no such setting; correct its name or take it out of the list.")
    before = sysctl.parse(text)
    if before == value:
        return
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as problem:
        changes.notes.append(
            f"{name} stays {sysctl.text(before)} (wanted: {sysctl.text(value)}): {problem.strerror}; in a container it "
            "is set on its host."
        )
        return
    changes.actions.append(f"set {name} from {sysctl.text(before)} to {sysctl.text(value)}")
    if not module.check_mode:
        Path(path).write_text(sysctl.text(value) + "\n", encoding="ascii")


def main() -> None:
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "required": True}, "path": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    changes = Changes()
    with reporting(module):
        wanted = {name: sysctl.parse(str(value)) for name, value in sorted(module.params["settings"].items())}
        for name, value in wanted.items():
            apply(module, name, value, changes)
        path = module.params["path"]
        held = {name: value for name, value in wanted.items() if "/" not in name}
        if held:
            header = "Managed by fediverse.mastodon (sysctl_exact); local changes are overwritten."
            put_file(module, FileSpec(path, sysctl.render(held, header)), changes)
        else:
            drop_files(module, path, set(), changes)
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
