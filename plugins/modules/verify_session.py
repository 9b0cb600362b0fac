#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_session
short_description: Get a short-lived token and one harmless job per queue from the application
version_added: 0.1.0
description:
  - Runs C(bin/rails runner) once on a host with a release. It makes an access token for an account that expires after
    ten minutes, and pushes one C(LocalNotificationWorker) job for nobody into each queue; such a job ends at once.
  - M(fediverse.mastodon.verify_database) removes the token again.
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  username:
    description: The local account that the checks act as.
    type: str
    required: true
  queues:
    description: Queues to push a job into.
    type: list
    elements: str
    required: true
  directory:
    description: The running release.
    type: path
    default: /opt/mastodon/current
  user:
    description: Owner of the release; the command runs as this user.
    type: str
    default: mastodon
  environment_file:
    description: Holds C(PATH), where Ruby is not the distribution's.
    type: path
    default: /etc/mastodon/path.env
"""

EXAMPLES = r"""
- name: Get a token
  fediverse.mastodon.verify_session:
    username: admin
    queues: [default, push]
  register: session
  no_log: true
"""

RETURN = r"""
checks:
  description: One entry per check. A failed check does not fail the module; the playbook reports all of them together.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: units run, where: main, ok: true, seen: 12 of 12, fix: ""}
token:
  description: The token; empty when the application did not start. Register the result with C(no_log).
  returned: always
  type: str
  sample: vGmhRSR3vY0kTZ…
jobs:
  description: Identifier of the job in each queue.
  returned: always
  type: dict
  sample: {default: 0c8e4a5b1d2f3a4b5c6d7e8f}
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import session
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.dotenv import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.host import read
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "username": {"type": "str", "required": True},
            "queues": {"type": "list", "elements": "str", "required": True},
            "directory": {"type": "path", "default": "/opt/mastodon/current"},
            "user": {"type": "str", "default": "mastodon"},
            "environment_file": {"type": "path", "default": "/etc/mastodon/path.env"},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, checks=[], token="", jobs={})
    code, out, err = module.run_command(
        session.command(given["user"], parse(read(given["environment_file"])), given["username"], given["queues"]),
        cwd=given["directory"],
    )
    made = session.parse(out)
    check = session.judge(socket.gethostname(), given["username"], made, code, err)
    module.exit_json(
        changed=False,
        checks=plain([check]),
        token=made.token if made else "",
        jobs=made.jobs if made else {},
    )


if __name__ == "__main__":
    main()
