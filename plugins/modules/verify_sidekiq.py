#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_sidekiq
short_description: Hold Sidekiq's heartbeats in Redis against the plan, and see jobs leave their queues
version_added: 0.1.0
description:
  - Runs on a host with a release and speaks to Redis as the application there does, from its environment file.
  - Every planned process must have a heartbeat with its host and process id and listen to its queues; every queue must
    have a listener; exactly one process in the cluster may have C(scheduler).
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  plan:
    description: The whole plan, C(mastodon_plan).
    type: dict
    required: true
  observed:
    description: RV(fediverse.mastodon.verify_host#module:observed) of M(fediverse.mastodon.verify_host), by host.
    type: dict
    required: true
  queues:
    description: Queues that the release has. The plan may know more of them than an old release does.
    type: list
    elements: str
    required: true
  jobs:
    description: Jobs that must leave their queues, as M(fediverse.mastodon.verify_session) returned them.
    type: dict
    default: {}
  environment_file:
    description: The application's environment on this host.
    type: path
    default: /opt/mastodon/shared/.env.production
  timeout:
    description: Seconds to wait for heartbeats and for jobs.
    type: float
    default: 15.0
"""

EXAMPLES = r"""
- name: Ask Sidekiq
  fediverse.mastodon.verify_sidekiq:
    plan: "{{ mastodon_plan }}"
    observed: "{{ observed }}"
    queues: [default, push, ingress, mailers, pull, scheduler]
    jobs: "{{ session.jobs }}"
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
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.sidekiq import ask


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "required": True},
            "observed": {"type": "dict", "required": True},
            "queues": {"type": "list", "elements": "str", "required": True},
            "jobs": {"type": "dict", "default": {}},
            "environment_file": {"type": "path", "default": "/opt/mastodon/shared/.env.production"},
            "timeout": {"type": "float", "default": 15.0},
        },
        supports_check_mode=True,
    )
    given = module.params
    checks = ask(
        given["plan"],
        given["observed"],
        given["environment_file"],
        queues=given["queues"],
        jobs=None if module.check_mode else given["jobs"],
        timeout=given["timeout"],
        where=socket.gethostname(),
    )
    module.exit_json(changed=False, checks=plain(checks))


if __name__ == "__main__":
    main()
