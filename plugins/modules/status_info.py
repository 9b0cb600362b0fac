#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Read what playbooks/status.yml shows: one host, or the services that all share."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: status_info
short_description: Read what playbooks/status.yml shows
version_added: 0.1.0
description:
  - V(host) reads the host it runs on, its units, room, pooler, tunnels, release, and jobs that its processes lost.
  - V(shared) reads Sidekiq, Redis and PostgreSQL as the application on this host does, in less than two seconds.
  - Changes nothing. What does not answer is told in the result; the module itself does not fail because of it.
options:
  scope: {description: What to read., type: str, required: true, choices: [host, shared]}
  share: {description: This host's share of the plan., type: dict, default: {}}
  queues: {description: Queues that the plan knows., type: list, elements: str, default: []}
  environment_file:
    description: The application's environment on this host.
    type: path
    default: /opt/mastodon/shared/.env.production
  interval: {description: Seconds between the two readings of the queues., type: float, default: 0.5}
  database_host: {description: PostgreSQL itself; empty for what the application uses., type: str, default: ""}
  database_port: {description: Its port; 0 for what the application uses., type: int, default: 0}
attributes:
  check_mode: {description: Reads only., support: full}
  diff_mode: {description: There is nothing to compare., support: none}
  idempotent: {description: Changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Read the host
  fediverse.mastodon.status_info:
    scope: host
    share: "{{ mastodon_host }}"
"""

RETURN = r"""
seen:
  description: What was read, for the filter P(fediverse.mastodon.status#filter).
  returned: always
  type: dict
  sample: {hostname: main, load: 0.4, cores: 4}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import status_data, status_host

SPEC = {
    "scope": {"type": "str", "required": True, "choices": ["host", "shared"]},
    "share": {"type": "dict", "default": {}},
    "queues": {"type": "list", "elements": "str", "default": []},
    "environment_file": {"type": "path", "default": "/opt/mastodon/shared/.env.production"},
    "interval": {"type": "float", "default": 0.5},
    "database_host": {"type": "str", "default": ""},
    "database_port": {"type": "int", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    if params["scope"] == "host":
        try:
            seen = status_host.read(module, params["share"])
        except Refusal as refusal:
            seen = {"unreachable": f"it cannot be read: {refusal}"}
    else:
        data = status_data.Data(module, params["environment_file"], params["queues"])
        seen = data.read(params["interval"], params["database_host"], params["database_port"])
    module.exit_json(changed=False, seen=seen)


if __name__ == "__main__":
    main()
