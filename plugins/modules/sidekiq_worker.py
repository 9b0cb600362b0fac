#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Check a worker host, make its Sidekiq processes take jobs and prove it, or make it leave without losing one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sidekiq_worker
short_description: Check a worker host, make it take jobs and prove it, or make it leave without losing one
version_added: 0.1.0
description:
  - V(checked) asks everything around a worker as Sidekiq will, that is the tunnel, clocks, Redis, PostgreSQL directly
    and through PgBouncer, the object store, release and migrations, secrets, queues, units, and the way out. It changes
    nothing but probes that it deletes again, and fails when a check does. A failure that follows from another one is
    not counted.
  - V(present) starts one instance, finds it in Redis under its own process id and tag, lets it do a job from a queue
    that only it listens to, and then does the same with the rest. What a failed run started is stopped again. A quiet
    instance is restarted, as nothing else makes it take jobs.
  - V(drained) tells all instances to take no more jobs, and waits until they have none in hand.
  - V(absent) drains, stops and disables them, and sees that they are off the list in Redis. At O(drain_timeout) their
    jobs are pushed back to the queues, and run again elsewhere.
  - V(absent) with O(force) is for a host that died, and runs on another one. It pushes back the jobs which the dead
    processes had in hand at their last beat, and takes them off the list.
  - V(info) tells who runs, and what another host compares itself with.
  - A host does not leave when one of its queues would be left without a live process that takes jobs.
options:
  worker:
    description: Name of the worker host, for messages and for its private queues.
    type: str
    required: true
  state:
    description: See above.
    type: str
    choices: [checked, present, drained, absent, info]
    required: true
  instances:
    description: >-
      Its processes, as C(mastodon_host.sidekiq_workers) has them: V(name), V(queues), V(threads), V(on_demand). The
      unit of one is C(mastodon-sidekiq@<name>.service); its queues stand in C(/etc/mastodon/sidekiq-<name>.env).
      Those on demand are not started.
    type: list
    elements: dict
    default: []
  env_file:
    description: The application's environment on this host, from which all addresses and passwords come.
    type: path
    default: /opt/mastodon/shared/.env.production
  app_dir:
    description: The link to the release.
    type: path
    default: /opt/mastodon/current
  expected:
    description: RV(reference) of a host that runs. Without it, release and secrets are not compared.
    type: dict
    default: {}
  nonce:
    description: Key of the fingerprints of secrets, new in each run, and the same for both hosts.
    type: str
    default: ""
  tunnel:
    description: V(interface), and V(peers) with V(name) and V(address), which must answer. Empty without a tunnel.
    type: dict
    default: {}
  database_direct:
    description: V(host) and V(port) of PostgreSQL itself, asked to explain what a pooler says vaguely.
    type: dict
    default: {}
  connections:
    description: Connections to PostgreSQL that this host's pool needs; so many must be free.
    type: int
    default: 0
  max_skew:
    description: Seconds that this host's clock may differ from those of the services.
    type: float
    default: 5.0
  max_rtt_ms:
    description: Round trip to Redis. Sidekiq calls up to 10 ms workable, and warns above 50.
    type: float
    default: 50.0
  allow_scheduler:
    description: Do not ask whether another process has the queue C(scheduler).
    type: bool
    default: false
  media_shared:
    description: Without object storage, all hosts write media to one shared directory.
    type: bool
    default: false
  outside:
    description: Names, or names with a port, of which one must be reachable (port 443). An empty list asks nobody.
    type: list
    elements: str
    default: [mastodon.social, joinmastodon.org]
  start_timeout:
    description: Seconds from the start to the entry in Redis. A Raspberry Pi needs a while.
    type: float
    default: 120.0
  canary:
    description: Prove each instance by a job.
    type: bool
    default: true
  canary_job:
    description: The job, V(class) and V(args). It must have no effect; Mastodon's own finds no post with the id -1.
    type: dict
    default: {class: LinkCrawlWorker, args: [-1]}
  canary_timeout:
    description: Seconds in which it must be taken. An instance whose threads are all busy takes it later.
    type: float
    default: 60.0
  drain_timeout:
    description: Seconds to wait for jobs in hand.
    type: float
    default: 900.0
  force:
    description: The host died, and this is another one. With O(state=absent) only.
    type: bool
    default: false
  rescue_jobs:
    description: Push back the jobs that a dead host had in hand. They may run twice.
    type: bool
    default: true
  dead_after:
    description: Seconds without a beat after which a process is taken for dead. Live ones beat every 10 s.
    type: float
    default: 60.0
  hostname:
    description: How Sidekiq calls the dead host.
    type: str
    default: ""
  identities:
    description: Only these processes of the dead host, for when another host has the same name.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Reports the same actions as a run. Writes no probe, waits for nothing, and proves nothing by a job.
    support: full
  diff_mode: {description: There is no file to show., support: none}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Learn what a running host has
  fediverse.mastodon.sidekiq_worker:
    worker: main
    state: info
    nonce: "{{ nonce }}"
  delegate_to: main
  register: running

- name: Check everything around the new worker
  fediverse.mastodon.sidekiq_worker:
    worker: "{{ inventory_hostname }}"
    state: checked
    instances: "{{ mastodon_host.sidekiq_workers }}"
    expected: "{{ running.reference }}"
    nonce: "{{ nonce }}"
    database_direct: "{{ mastodon_host.mastodon.database_direct }}"
    tunnel: {interface: wg0, peers: [{name: main, address: 10.66.0.1}]}

- name: Let it take jobs
  fediverse.mastodon.sidekiq_worker:
    worker: "{{ inventory_hostname }}"
    state: present
    instances: "{{ mastodon_host.sidekiq_workers }}"

- name: Let it leave
  fediverse.mastodon.sidekiq_worker:
    worker: "{{ inventory_hostname }}"
    state: absent
    instances: "{{ mastodon_host.sidekiq_workers }}"

- name: Clean up after a host that died
  fediverse.mastodon.sidekiq_worker:
    worker: pi
    state: absent
    force: true
    hostname: raspberrypi
  delegate_to: main
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
  sample: [enable mastodon-sidekiq@main.service, start mastodon-sidekiq@main.service (is inactive)]
notes:
  description: What is good to know. Shown as warnings as well.
  returned: always
  type: list
  elements: str
  sample: ["pi: raspberrypi:812:0123456789ab: work key expired: up to 10 jobs may be lost"]
checks:
  description: >-
    One per question. RV(checks[].ok) is null for what was not asked, and for what follows from another failure.
  returned: state checked
  type: list
  elements: dict
  sample: [{id: redis, ok: true, value: "7.0.15 as default, 0.4 ms away", limit: "", hint: "", ms: 3.1}]
reference:
  description: Release and keyed fingerprints of this host's secrets, for O(expected) on another one.
  returned: state checked, info
  type: dict
  sample: {host: main, release: {version: v4.6.5, build: 3f1c, architecture: amd64, sidekiq: 8.1.6}, secrets: {}}
processes:
  description: Live Sidekiq processes; RV(processes[].mine) for those of this host's units, which come first.
  returned: state present, drained, absent, info
  type: list
  elements: dict
  sample:
    - identity: pi:812:0123456789ab
      hostname: pi
      pid: 812
      tag: main@v4.6.5
      instance: main
      queues: [pull, push]
      concurrency: 10
      busy: 2
      quiet: false
      beat_age: 3.2
      rtt_us: 410
      mine: true
canaries:
  description: Milliseconds until each instance took its job.
  returned: state present
  type: list
  elements: dict
  sample: [{instance: main, taken_ms: 256}]
idle: {description: Nothing is in hand., returned: "state drained, absent", type: bool, sample: true}
drained_in_s: {description: Seconds that took., returned: "state drained, absent", type: float, sample: 7.0}
running:
  description: Jobs in hand, by class.
  returned: state drained, absent
  type: list
  elements: str
  sample: [ActivityPub::DeliveryWorker 2 (longest 41 s)]
progress:
  description: The same every 30 s while it waited.
  returned: state drained, absent
  type: list
  elements: str
  sample: ["after 30 s: ActivityPub::DeliveryWorker 2 (longest 41 s)"]
jobs_requeued:
  description: Jobs in hand at the stop that were seen in their queues again, or in the hands of another process.
  returned: state absent
  type: int
  sample: 0
jobs_rescued: {description: Jobs of dead processes that were pushed back., returned: force, type: int, sample: 5}
jobs_lost_at_most: {description: How many may be gone for all that., returned: force, type: int, sample: 10}
queues_left_without_worker:
  description: Queues that nobody takes from any more. Without force the host then stays.
  returned: state drained, absent
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import dead
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.leave import Leave
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.present import present
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.worker import Unfit, Worker

SPEC: dict[str, Any] = {
    "worker": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["checked", "present", "drained", "absent", "info"], "required": True},
    "instances": {"type": "list", "elements": "dict", "default": []},
    "env_file": {"type": "path", "default": "/opt/mastodon/shared/.env.production"},
    "app_dir": {"type": "path", "default": "/opt/mastodon/current"},
    "expected": {"type": "dict", "default": {}},
    "nonce": {"type": "str", "default": "", "no_log": True},
    "tunnel": {"type": "dict", "default": {}},
    "database_direct": {"type": "dict", "default": {}},
    "connections": {"type": "int", "default": 0},
    "max_skew": {"type": "float", "default": 5.0},
    "max_rtt_ms": {"type": "float", "default": 50.0},
    "allow_scheduler": {"type": "bool", "default": False},
    "media_shared": {"type": "bool", "default": False},
    "outside": {"type": "list", "elements": "str", "default": ["mastodon.social", "joinmastodon.org"]},
    "start_timeout": {"type": "float", "default": 120.0},
    "canary": {"type": "bool", "default": True},
    "canary_job": {"type": "dict", "default": {"class": "LinkCrawlWorker", "args": [-1]}},
    "canary_timeout": {"type": "float", "default": 60.0},
    "drain_timeout": {"type": "float", "default": 900.0},
    "force": {"type": "bool", "default": False},
    "rescue_jobs": {"type": "bool", "default": True},
    "dead_after": {"type": "float", "default": 60.0},
    "hostname": {"type": "str", "default": ""},
    "identities": {"type": "list", "elements": "str", "default": []},
}


def run(worker: Worker) -> dict[str, Any]:
    """What the state asks for."""
    state, force = worker.given["state"], worker.given["force"]
    if force and state != "absent":
        raise Refusal(f"{worker.name}: force goes with state absent only, not with {state}")
    if force:
        return dead.remove(worker)
    if not worker.wanted and state in ("present", "drained", "absent"):
        raise Refusal(f"{worker.name}: state {state} needs `instances`: give mastodon_host.sidekiq_workers")
    if state == "checked":
        return worker.checked()
    if state == "info":
        return worker.info()
    if state == "present":
        return present(worker)
    return Leave(worker).drained() if state == "drained" else Leave(worker).absent()


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    worker = None
    result: dict[str, Any] = {}
    failure = ""
    try:
        worker = Worker(module, changes)
        result = run(worker)
    except Unfit as unfit:
        failure, result = str(unfit), unfit.result
    except Refusal as refusal:
        failure = str(refusal)
    finally:
        if worker:
            worker.close()
    for text in changes.notes:
        module.warn(text)
    if failure:
        module.fail_json(msg=failure, **changes.result(**result))
    module.exit_json(**changes.result(**result))


if __name__ == "__main__":
    main()
