#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Enable, start, reload or restart services as their files demand."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_state
short_description: Enable, start, reload or restart services as their files demand
version_added: 0.1.0
description:
  - A service is restarted when a file in O(services[].restart_on) is younger than its process, reloaded when one in
    O(services[].reload_on) is younger than its last start or reload, and otherwise left alone.
  - Because that is read from the host, a run that was interrupted before the reload is made good by the next one.
options:
  services:
    description: Services that have to run.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the unit with its suffix., type: str, required: true}
      restart_on: {description: Files that count only after a restart., type: list, elements: path, default: []}
      reload_on: {description: Files that a reload reads., type: list, elements: path, default: []}
  written:
    description: Paths written a moment ago (RV(fediverse.mastodon.host_files#module:written)), for check mode.
    type: list
    elements: path
    default: []
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Run the relay
  fediverse.mastodon.service_state:
    services:
      - name: mastodon-relay.service
        restart_on: [/etc/systemd/system/mastodon-relay.service]
        reload_on: [/etc/mastodon/relay.cfg]
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [reload mastodon-relay.service]
notes: {description: Always empty., returned: always, type: list, elements: str, sample: []}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import services
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    Shell,
    control,
    modified,
    reporting,
)

SPEC = {
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "restart_on": {"type": "list", "elements": "path", "default": []},
            "reload_on": {"type": "list", "elements": "path", "default": []},
        },
    },
    "written": {"type": "list", "elements": "path", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, shell = Changes(), Shell(module)
    with reporting(module):
        wishes = [
            services.Wish(item["name"], tuple(item["restart_on"]), tuple(item["reload_on"]))
            for item in module.params["services"]
        ]
        show = ["systemctl", "show", "--timestamp=us+utc", "-p", ",".join(services.PROPERTIES)]
        states = services.parse_show(shell.run([*show, *(wish.name for wish in wishes)]).out)
        if any(state["NeedDaemonReload"] == "yes" for state in states.values()) and not module.check_mode:
            shell.run(["systemctl", "daemon-reload"])
        for wish in wishes:
            for step in services.steps(states.get(wish.name, {}), wish, modified, module.params["written"]):
                changes.actions.append(" ".join(step))
                if not module.check_mode:
                    control(shell, step)
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
