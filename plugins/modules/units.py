#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Run the instances of a systemd template unit as wanted, restarting only what differs
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Writes the unit files and the instances' files, enables and starts the instances, and removes instances that are not
    wanted any more. One call handles all instances of a family on a host.
  - An instance is restarted when what it would read at its next start differs from what it read at its last healthy
    start. That is recorded under C(/var/lib/mastodon-units) after the health check, so a run that died half-way is
    finished by the next one.
  - Instances are taken one at a time, in the order given. The first that does not become healthy ends the run.
  - Drop-ins of the admin count as well.
attributes:
  check_mode:
    support: full
    description: Reports the same actions as a real run.
  diff_mode:
    support: full
    description: Shows the files and the actions.
  idempotent:
    support: full
    description: A second run finds nothing to do.
  platform:
    support: full
    platforms: posix
    description: Hosts that run systemd.
options:
  family:
    description: Name of the template without C(@.service). Units are C(<family>@<instance>.service).
    type: str
    required: true
  socket:
    description: Each instance has a C(<family>@<instance>.socket) that stays open while the service is restarted.
    type: bool
    default: false
  shared_files:
    description: Files that all instances read, such as the template unit.
    type: list
    elements: dict
    default: []
    suboptions: &file
      path:
        description: Where it is.
        type: path
        required: true
      content:
        description: What is in it.
        type: str
        required: true
      mode:
        description: Its mode.
        type: str
        default: "0644"
  instance_files:
    description: >-
      Patterns of the files that an instance may have, with C(%i) for its name. Files of instances that are not wanted
      any more are found by them and removed.
    type: list
    elements: str
    default: []
  watch:
    description: >-
      What others write and an instance reads when it starts. A file counts by its content, a link to a directory by
      where it leads.
    type: list
    elements: path
    default: []
  instances:
    description: The wanted instances, all of them. Others of the family are stopped and removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What stands between C(@) and C(.service).
        type: str
        required: true
      files:
        description: Files of this instance.
        type: list
        elements: dict
        default: []
        suboptions: *file
      state:
        description: >-
          V(started) runs now and after a boot, V(stopped) does not run, V(as_found) is left to the admin but restarted
          when it runs with something old.
        type: str
        choices: [started, stopped, as_found]
        default: started
      health_url:
        description: Must answer 200 after a start. Without it, the unit must be active (for C(Type=notify), ready).
        type: str
      health_headers:
        description: Headers of that request.
        type: dict
        default: {}
      mapped:
        description: A library that the started process must have mapped into its memory.
        type: str
  timeout:
    description: Seconds in which an instance must become healthy after its start.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Run two streaming processes
  fediverse.mastodon.units:
    family: mastodon-streaming
    shared_files:
      - path: /etc/systemd/system/mastodon-streaming@.service
        content: "{{ lookup('ansible.builtin.template', 'mastodon-streaming@.service.j2') }}"
    instance_files: [/etc/mastodon/streaming-%i.env]
    watch: [/opt/mastodon/current, /opt/mastodon/shared/.env.production]
    instances:
      - name: "4000"
        health_url: http://127.0.0.1:4000/api/v1/streaming/health
        files:
          - {path: /etc/mastodon/streaming-4000.env, content: "PORT=4000\n", mode: "0600"}
      - name: "4001"
        health_url: http://127.0.0.1:4001/api/v1/streaming/health
        files:
          - {path: /etc/mastodon/streaming-4001.env, content: "PORT=4001\n", mode: "0600"}
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order, with the reason.
  returned: always
  type: list
  elements: str
  sample:
    - write /etc/mastodon/web-3000.env (content)
    - "restart mastodon-web@3000.service (changed: /etc/mastodon/web-3000.env)"
units:
  description: The wanted services and their main processes afterwards.
  returned: always
  type: dict
  sample: {"mastodon-web@3000.service": {"active": "active", "enabled": true, "pid": 4711}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Shell, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.host import settle, unit_states
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import desired_from
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.report import diff_of, unit_report

FILE = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0644"},
}
FILES = {"type": "list", "elements": "dict", "default": [], "options": FILE}
INSTANCE = {
    "name": {"type": "str", "required": True},
    "files": FILES,
    "state": {"type": "str", "choices": ["started", "stopped", "as_found"], "default": "started"},
    "health_url": {"type": "str"},
    "health_headers": {"type": "dict", "default": {}},
    "mapped": {"type": "str"},
}
SPEC = {
    "family": {"type": "str", "required": True},
    "socket": {"type": "bool", "default": False},
    "shared_files": FILES,
    "instance_files": {"type": "list", "elements": "str", "default": []},
    "watch": {"type": "list", "elements": "path", "default": []},
    "instances": {"type": "list", "elements": "dict", "required": True, "options": INSTANCE},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    shell = Shell(module)
    with reporting(module):
        desired = desired_from(module.params)
        observed, actions = settle(shell, desired, module.check_mode)
        states = unit_states(shell, [desired.service(item.name) for item in desired.instances])
    module.exit_json(
        changed=bool(actions),
        actions=[str(action) for action in actions],
        units=unit_report(states),
        diff=diff_of(desired, observed, actions),
    )


if __name__ == "__main__":
    main()
