#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Stolen processor time, and round trips to the database and Redis."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: survey_info
short_description: Measure stolen processor time and round trips of a host
version_added: 0.1.0
description:
  - Measures what the plan wants to know of a host and what no single reading tells. Changes nothing, needs no
    privileges.
  - Stolen time is the share of the cores that a hypervisor gave to others while this host wanted to run. The larger
    of the share in the sample and of the share since boot counts.
  - A round trip is the median of five TCP connections. A refused connection counts, so nothing needs to listen yet.
    Where the port does not answer, SSH's is tried.
  - The playbook C(survey.yml) prints the result as lines for the inventory.
options:
  sample_s:
    description: Seconds between the two readings of the processor's time.
    type: float
    default: 3.0
  timeout_s:
    description: Seconds to wait for an answer of another host.
    type: float
    default: 2.0
  database_host:
    description: Address of the database's host. Without it, the way there is not measured.
    type: str
  database_port:
    description: Planned port of PostgreSQL.
    type: int
    default: 5432
  redis_host:
    description: Address of Redis' host. Without it, the way there is not measured.
    type: str
  redis_port:
    description: Planned port of Redis.
    type: int
    default: 6379
attributes:
  check_mode: {description: Changes nothing anyway., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Changes nothing., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Measure the host
  fediverse.mastodon.survey_info:
    database_host: 10.40.0.12
    redis_host: 10.40.0.11
  register: __measured
"""

RETURN = r"""
cpu:
  description:
    - Shares of all cores, from 0 to 1. C(steal) is the larger of C(sample) and C(since_boot).
    - C(busy) is how much of the sample the host worked itself; a host that idles shows no stolen time.
  returned: always
  type: dict
  sample: {steal: 0.04, sample: 0.04, since_boot: 0.01, busy: 0.35}
sample_s:
  description: Seconds that the sample really took.
  returned: always
  type: float
  sample: 3.0
round_trips:
  description: Of C(database) and C(redis), those that were asked for. C(ms) is null where C(reason) says why.
  returned: always
  type: dict
  sample:
    database: {address: 10.40.0.12, port: 5432, ms: 0.4, reason: ""}
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.measure import look

ARGUMENTS = {
    "sample_s": {"type": "float", "default": 3.0},
    "timeout_s": {"type": "float", "default": 2.0},
    "database_host": {"type": "str"},
    "database_port": {"type": "int", "default": 5432},
    "redis_host": {"type": "str"},
    "redis_port": {"type": "int", "default": 6379},
}


def main() -> None:
    """Measure and return."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    targets = {
        name: (params[f"{name}_host"], params[f"{name}_port"])
        for name in ("database", "redis")
        if params[f"{name}_host"]
    }
    module.exit_json(changed=False, **asdict(look(targets, params["sample_s"], params["timeout_s"])))


if __name__ == "__main__":
    main()
