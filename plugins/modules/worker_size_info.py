#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""The Sidekiq processes of one host, for people who use nothing else of this collection."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: worker_size_info
short_description: Size the Sidekiq processes of one Mastodon host
version_added: 0.1.0
description:
  - Measures or takes what a host has, and says which Sidekiq processes it should run, with how many threads each, what
    they do a second, and why. Changes nothing, needs no privileges, no cluster and nothing else of this collection.
  - Computes what the plan of this collection computes for a host in C(sidekiq_workers) alone.
  - What is not given is measured on the host. A round trip is measured where the other host's address is given, and
    assumed to be 0.5 ms otherwise.
options:
  cores:
    description: Logical processors. Those that the process may use, if not given.
    type: int
  memory_mb:
    description: Memory in MB. A container sees that of its machine, so give it there.
    type: int
  cpu_steal:
    description:
      - Share of the cores that others take, from 0 to 0.9; 0.3 is usual for shared vCPUs. Measured if not given.
    type: float
  sample_s:
    description: Seconds for which O(cpu_steal) is measured.
    type: float
    default: 3.0
  db_rtt_ms:
    description: Milliseconds to the database and back; 0 on the same host.
    type: float
  redis_rtt_ms:
    description: Milliseconds to Redis and back. As O(db_rtt_ms), if not given and not measured.
    type: float
  database_host:
    description: Address to which O(db_rtt_ms) is measured.
    type: str
  database_port:
    description: Port of PostgreSQL or of the pooler in front of it.
    type: int
    default: 5432
  redis_host:
    description: Address to which O(redis_rtt_ms) is measured.
    type: str
  redis_port:
    description: Port of Redis.
    type: int
    default: 6379
  timeout_s:
    description: Seconds to wait for an answer of another host.
    type: float
    default: 2.0
  queues:
    description: Queues that the host shall serve. All but C(scheduler), if not given.
    type: list
    elements: str
    choices: [default, push, ingress, mailers, pull, fasp]
  scheduler:
    description: Whether the one process that listens to C(scheduler) runs here. One in a whole installation may.
    type: bool
    default: false
  breaker_pool:
    description:
      - Whether far processes have a connection pool for the circuit breaker of deliveries. Mastodon as it comes has
        none; the role P(fediverse.mastodon.mastodon#role) installs an initializer for it.
    type: bool
    default: false
  unit_memory_mb:
    description: MB that one Sidekiq process claims. 400, if not given.
    type: int
  pgbouncer:
    description: Whether a PgBouncer runs here too, and needs memory and processor time.
    type: bool
    default: false
  relay:
    description: Whether this collection's relay to Redis runs here too.
    type: bool
    default: false
  job_profile:
    description:
      - What jobs of a queue cost, over the defaults, as C(mastodon_job_profile) has it. For each queue any of C(rate)
        (a second, only the proportion of queues counts), C(cpu_ms), C(sql), C(redis) and C(wait_ms).
    type: dict
  slow_share:
    description: Share of deliveries and fetches that run into their time limit, to be survived. 0.1, if not given.
    type: float
attributes:
  check_mode: {description: Changes nothing anyway., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Changes nothing., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
seealso:
  - module: fediverse.mastodon.survey_info
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
# From a shell: ansible HOST -m fediverse.mastodon.worker_size_info -a 'redis_rtt_ms=20'

- name: Size a host far from the database
  fediverse.mastodon.worker_size_info:
    db_rtt_ms: 20
  register: result

- name: Measure everything, the way to database and Redis included
  fediverse.mastodon.worker_size_info:
    database_host: db.example.org
    redis_host: redis.example.org

- name: Size a host that does not exist yet
  fediverse.mastodon.worker_size_info:
    cores: 4
    memory_mb: 8192
    cpu_steal: 0
    db_rtt_ms: 0.5
    queues: [push, pull, fasp]
  delegate_to: localhost
"""

RETURN = r"""
units:
  description:
    - One entry for each process. C(queues) are pairs of name and weight; no weight means strict order.
    - C(capacity) is jobs a second if it did this queue only; C(binding) is what keeps it from more.
  returned: always
  type: list
  elements: dict
  sample:
    - name: push-1
      queues: [[push, 6], [fasp, 1]]
      threads: 10
      db_pool: 10
      breaker_pool: false
      capacity: {push: 15.6, fasp: 15.9}
      binding: breaker lock
memory:
  description: In MB, C(claims) by whom.
  returned: always
  type: dict
  sample: {total: 8192, reserve: 768, claims: {system: 64, sidekiq_workers: 6400}, free: 960}
cores:
  description: Logical processors.
  returned: always
  type: int
  sample: 4
inputs:
  description: The figures that were given or measured. Round trips of which neither holds are null.
  returned: always
  type: dict
  sample: {cores: 4, memory_mb: 8192, cpu_steal: 0.04, db_rtt_ms: 20.0, redis_rtt_ms: 20.0}
measured:
  description: Which of C(inputs) were measured.
  returned: always
  type: list
  elements: str
  sample: [cores, memory_mb, cpu_steal]
forecast:
  description: Jobs a second of each queue that the host serves, all of them together, at 70 % of its cores.
  returned: always
  type: dict
  sample: {default: 55.4, push: 110.8, ingress: 33.2, mailers: 0.6, pull: 16.6, fasp: 0.1}
why:
  description: Sentences that say where each figure comes from.
  returned: always
  type: list
  elements: str
  sample: ["push-1 to push-12: 10 threads: far from Redis: threads wait for round trips, so many of them."]
warnings:
  description: What the admin should know.
  returned: when there is something
  type: list
  elements: str
  sample: ["web1: the round trip to Redis was neither given nor measured: 0.5 ms assumed."]
"""

import os
import platform
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.measure import look
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.measure import worth
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.worker_size import (
    WorkerSizeError,
    worker_size,
)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cores": {"type": "int"},
    "memory_mb": {"type": "int"},
    "cpu_steal": {"type": "float"},
    "sample_s": {"type": "float", "default": 3.0},
    "db_rtt_ms": {"type": "float"},
    "redis_rtt_ms": {"type": "float"},
    "database_host": {"type": "str"},
    "database_port": {"type": "int", "default": 5432},
    "redis_host": {"type": "str"},
    "redis_port": {"type": "int", "default": 6379},
    "timeout_s": {"type": "float", "default": 2.0},
    "queues": {
        "type": "list",
        "elements": "str",
        "choices": ["default", "push", "ingress", "mailers", "pull", "fasp"],
    },
    "scheduler": {"type": "bool", "default": False},
    "breaker_pool": {"type": "bool", "default": False},
    "unit_memory_mb": {"type": "int"},
    "pgbouncer": {"type": "bool", "default": False},
    "relay": {"type": "bool", "default": False},
    "job_profile": {"type": "dict"},
    "slow_share": {"type": "float"},
}
INPUTS = ("cores", "memory_mb", "cpu_steal", "db_rtt_ms", "redis_rtt_ms")
ROUND_TRIPS = {"database": "db_rtt_ms", "redis": "redis_rtt_ms"}


def measured(params: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What was not given and can be measured, and why some of it could not."""
    targets = {
        name: (params[f"{name}_host"], params[f"{name}_port"])
        for name, option in ROUND_TRIPS.items()
        if params[option] is None and params[f"{name}_host"]
    }
    wants_steal = params["cpu_steal"] is None
    seen = look(targets, params["sample_s"] if wants_steal else 0.0, params["timeout_s"])
    found: dict[str, Any] = {
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "cpu_steal": worth(seen.cpu.steal),
        **{ROUND_TRIPS[name]: trip.ms for name, trip in seen.round_trips.items()},
    }
    return (
        {option: value for option, value in found.items() if params[option] is None and value is not None},
        [trip.reason for trip in seen.round_trips.values() if trip.reason],
    )


def main() -> None:
    """Measure, size and return."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    found, notes = measured(module.params)
    given = {**module.params, **found}
    try:
        sized = worker_size(platform.node() or "this host", given)
    except WorkerSizeError as error:
        module.fail_json(msg=str(error))
    for text in (*notes, *sized.pop("warnings")):
        module.warn(text)
    inputs = {option: given[option] for option in INPUTS}
    module.exit_json(changed=False, inputs=inputs, measured=sorted(found), **sized)


if __name__ == "__main__":
    main()
