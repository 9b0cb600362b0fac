#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_site
short_description: Use the site as its users do, from a host with nginx
version_added: 0.1.0
description:
  - Speaks to nginx on this host under the site's public names, certificate checked, whatever DNS says.
  - Writes one post that only its author sees, with a picture; expects it on a WebSocket; fetches the picture without
    credentials; tries to list what is stored. O(state=absent) removes the post and the picture.
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  plan:
    description: The whole plan, C(mastodon_plan).
    type: dict
    required: true
  where:
    description: This host's name in the plan.
    type: str
    required: true
  token:
    description: From M(fediverse.mastodon.verify_session). Empty leaves out what needs one.
    type: str
    default: ""
  marker:
    description: Text of the post.
    type: str
    required: true
  state:
    description: V(present) writes and looks, V(absent) removes.
    type: str
    choices: [present, absent]
    default: present
  status_id:
    description: The post to remove.
    type: str
    default: ""
  ca_file:
    description: Certificate authority to check against instead of the system's.
    type: str
    default: ""
  address:
    description: Where nginx listens.
    type: str
    default: 127.0.0.1
  port:
    description: Its port for HTTPS.
    type: int
    default: 443
  timeout:
    description: Seconds for a request, and for the event on the socket.
    type: float
    default: 15.0
"""

EXAMPLES = r"""
- name: Use the site
  fediverse.mastodon.verify_site:
    plan: "{{ mastodon_plan }}"
    where: "{{ inventory_hostname }}"
    token: "{{ session.token }}"
    marker: a sentence that is nowhere else
"""

RETURN = r"""
checks:
  description: One entry per check. A failed check does not fail the module; the playbook reports all of them together.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: units run, where: main, ok: true, seen: 12 of 12, fix: ""}
status_id:
  description: The post; empty when none was written.
  returned: always
  type: str
  sample: "113524567890123456"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.site import Journey, site_of
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.web import Entry, context


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "required": True},
            "where": {"type": "str", "required": True},
            "token": {"type": "str", "default": "", "no_log": True},
            "marker": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "status_id": {"type": "str", "default": ""},
            "ca_file": {"type": "str", "default": ""},
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 443},
            "timeout": {"type": "float", "default": 15.0},
        },
        supports_check_mode=True,
    )
    given = module.params
    token = "" if module.check_mode else given["token"]
    entry = Entry(given["address"], given["port"], context(given["ca_file"]), timeout=given["timeout"])
    journey = Journey(entry, site_of(given["plan"], given["where"], token, given["marker"], given["timeout"]))
    found = journey.run() if given["state"] == "present" else journey.clean(given["status_id"])
    module.exit_json(changed=False, checks=plain(found.checks), status_id=found.status_id)


if __name__ == "__main__":
    main()
