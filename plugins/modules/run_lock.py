#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Let one run at a time change who is in the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_lock
short_description: Let one run at a time change who is in the cluster
version_added: 0.1.0
description:
  - V(present) takes a lock on the controller, O(controller_path), and one on the host that the task runs on, O(path).
    Called again in the same run, it renews them. V(absent) gives back what this run holds.
  - A second run fails, and is told who holds it and since when.
  - The lock of a run that was killed is taken over on the same machine as soon as its process is gone, from another one
    when it was not renewed for O(stale_after).
options:
  state:
    description: Take it, or give it back.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: On the host. Under C(/run), so that no lock survives a boot.
    type: path
    default: /run/fediverse-mastodon/run.lock
  controller_path:
    description: On the controller.
    type: path
    required: true
  what:
    description: What the run does, in a few words, for others who wait.
    type: str
    default: a run
  stale_after:
    description: Seconds without renewal after which another machine's lock is nobody's.
    type: float
    default: 7200
  force:
    description: Take it from whoever has it.
    type: bool
    default: false
  holder:
    description: Filled in by the action plugin.
    type: dict
    default: {}
  gone:
    description: Filled in by the action plugin.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {description: Looks who has it and takes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: A lock is not a change., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Be the only one
  fediverse.mastodon.run_lock:
    controller_path: "{{ inventory_dir }}/.fediverse-mastodon.lock"
    what: add_worker pi
  delegate_to: db
"""

RETURN = r"""
notes:
  description: From whom a lock was taken over.
  returned: always
  type: list
  elements: str
  sample: []
held: {description: The lock that was found., returned: when there was one, type: dict, sample: {user: anna, pid: 812}}
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import lock as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import lock

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path", "default": "/run/fediverse-mastodon/run.lock"},
    "controller_path": {"type": "path", "required": True},
    "what": {"type": "str", "default": "a run"},
    "stale_after": {"type": "float", "default": 7200.0},
    "force": {"type": "bool", "default": False},
    "holder": {"type": "dict", "default": {}},
    "gone": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        mine = core.holder_from(given["holder"])
        if given["state"] == "absent":
            if not module.check_mode:
                lock.give_back(given["path"], mine)
            module.exit_json(changed=False, notes=[])
        limits = {"stale_after": given["stale_after"], "gone": given["gone"]}
        if module.check_mode:
            verdict, held = lock.look(given["path"], mine, **limits)
        else:
            verdict, held = lock.take(given["path"], mine, force=given["force"], **limits)
    except (Refusal, ValueError) as error:
        module.fail_json(msg=str(error), notes=[])
    found = {"held": asdict(held)} if held else {}
    if verdict.is_held:
        module.fail_json(msg=verdict.text, notes=[], **found)
    module.exit_json(changed=False, notes=[verdict.text] if verdict.text else [], **found)


if __name__ == "__main__":
    main()
