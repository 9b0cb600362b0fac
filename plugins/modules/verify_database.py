#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_database
short_description: Look for a post in PostgreSQL, or remove the token that the checks used
version_added: 0.1.0
description:
  - Runs on the database host as the server's own administrator, so that it sees what was really committed.
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  database:
    description: Name of the database.
    type: str
    default: mastodon_production
  port:
    description: Port of the server.
    type: int
    default: 5432
  marker:
    description: Text of the post to look for.
    type: str
    default: ""
  token:
    description: Access token to remove.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Find the post
  fediverse.mastodon.verify_database:
    marker: a sentence that is nowhere else

- name: Remove the token
  fediverse.mastodon.verify_database:
    token: "{{ session.token }}"
"""

RETURN = r"""
checks:
  description: One entry per check. A failed check does not fail the module; the playbook reports all of them together.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: units run, where: main, ok: true, seen: 12 of 12, fix: ""}
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import database
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "default": "mastodon_production"},
            "port": {"type": "int", "default": 5432},
            "marker": {"type": "str", "default": ""},
            "token": {"type": "str", "default": "", "no_log": True},
        },
        required_one_of=[("marker", "token")],
        mutually_exclusive=[("marker", "token")],
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, checks=[])
    query = database.query(given["marker"], given["token"])
    code, out, err = module.run_command(database.command(given["database"], given["port"]), data=query, cwd="/")
    module.exit_json(
        changed=False, checks=plain([database.judge(socket.gethostname(), bool(given["marker"]), code, out, err)])
    )


if __name__ == "__main__":
    main()
