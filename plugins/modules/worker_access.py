#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Let one worker host in at one service, or shut it out again with everything that it holds there."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: worker_access
short_description: Let one worker host in at one service, or shut it out again
version_added: 0.1.0
description:
  - Runs on the host of the service; for V(pgbouncer) that is the worker itself, which has its own pooler.
  - V(postgresql) makes a role that is a member of O(owner) and acts as it, and one line of C(pg_hba.conf) where role
    postgres writes the same line from the plan. PostgreSQL checks the file before it reads it, and a file it refuses is
    taken back. V(absent) removes the line, ends the sessions, gives what the role owns to O(owner), and drops it.
  - V(pgbouncer) writes one entry of C(userlist.txt) and reloads.
  - V(redis) makes an ACL user that may do everything but administrate, in the running server and in a file that role
    redis lets it include at the next start. V(absent) ends its connections and deletes it.
  - V(firewall) opens O(ports) for the worker's address where this collection manages a firewall (nftables table
    C(inet mastodon)). Where it does not, it says so, names what filters there, and writes nothing.
  - Nothing is restarted.
options:
  service:
    description: At which service.
    type: str
    required: true
    choices: [postgresql, pgbouncer, redis, minio, firewall]
  worker:
    description: Name of the worker host in the inventory.
    type: str
    required: true
  address:
    description: Its address in the tunnel, alone or with V(/32) or V(/128). Needed for V(postgresql) and V(firewall).
    type: str
    default: ""
  identity:
    description: >-
      Whether it has a role, a user and passwords of its own, called C(mastodon_<worker>), or the ones that all hosts
      share. With V(shared), V(pgbouncer), V(redis) and V(minio) have nothing to grant, and nothing that could be taken
      back.
    type: str
    choices: [per_worker, shared]
    default: per_worker
  state:
    description: Whether it is let in.
    type: str
    choices: [present, absent]
    default: present
  password:
    description: >-
      Its own password there, from the filter P(fediverse.mastodon.worker_secrets#filter). PostgreSQL and Redis get a
      verifier of it only.
    type: str
    default: ""
  database:
    description: The application's database.
    type: str
    default: mastodon_production
  owner:
    description: The role that owns it.
    type: str
    default: mastodon
  port:
    description: Port of PostgreSQL, for its socket.
    type: int
    default: 5432
  instances:
    description: Names of the host's Redis instances. All of them must answer before the first is changed.
    type: list
    elements: str
    default: [base]
  endpoint:
    description: Where V(minio) answers. Its administrator is read from C(/etc/mastodon/minio.env).
    type: str
    default: ""
  bucket:
    description: The bucket that it may write to at V(minio).
    type: str
    default: mastodon
  ports:
    description: TCP ports that V(firewall) opens.
    type: list
    elements: int
    default: []
attributes:
  check_mode: {description: The same actions as a run., support: full}
  diff_mode: {description: Shows pg_hba.conf; files with passwords only by name., support: partial}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Let the worker in at the database
  fediverse.mastodon.worker_access:
    service: postgresql
    worker: pi1
    address: 10.66.0.7
    password: "{{ (mastodon_secrets | fediverse.mastodon.worker_secrets('pi1')).postgres_password }}"
  delegate_to: db

- name: Shut it out of Redis
  fediverse.mastodon.worker_access:
    service: redis
    worker: pi1
    instances: [base, sidekiq, cache]
    state: absent
  delegate_to: main
"""

RETURN = r"""
user:
  description: Who the worker is there; empty with the shared identity.
  returned: always
  type: str
  sample: mastodon_pi1
ended: {description: Connections that were ended., returned: always, type: int, sample: 3}
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [create role mastodon_pi1, write /etc/postgresql/17/main/pg_hba.conf, reload PostgreSQL]
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import access as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.identity import KINDS, PER_WORKER
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_firewall import FirewallAccess
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_minio import MinioAccess
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_pgbouncer import PgbouncerAccess
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_postgres import PostgresAccess
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_redis import RedisAccess

SPEC = {
    "service": {"type": "str", "required": True, "choices": ["postgresql", "pgbouncer", "redis", "minio", "firewall"]},
    "worker": {"type": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "identity": {"type": "str", "choices": list(KINDS), "default": PER_WORKER},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "password": {"type": "str", "default": "", "no_log": True},
    "database": {"type": "str", "default": "mastodon_production"},
    "owner": {"type": "str", "default": "mastodon"},
    "port": {"type": "int", "default": 5432},
    "instances": {"type": "list", "elements": "str", "default": ["base"]},
    "endpoint": {"type": "str", "default": ""},
    "bucket": {"type": "str", "default": "mastodon"},
    "ports": {"type": "list", "elements": "int", "default": []},
}


def asked(params: dict) -> core.Grant:
    """The grant that the arguments ask for, or why they cannot."""
    present, service = params["state"] == "present", params["service"]
    try:
        grant = core.grant(
            params["worker"],
            params["address"],
            params["identity"],
            needs_address=present and service in ("postgresql", "firewall"),
        )
    except ValueError as problem:
        raise Refusal(f"{problem}.") from problem
    if present and grant.user and service != "firewall" and not params["password"]:
        raise Refusal(
            f"{grant.worker} has no password for {service}: give the one that the filter"
            " fediverse.mastodon.worker_secrets derives."
        )
    if present and service == "firewall" and not params["ports"]:
        raise Refusal(f"no port is named that {grant.worker} shall reach: give ports.")
    if params["service"] == "minio" and grant.user and not params["endpoint"]:
        raise Refusal(f"nobody said where MinIO answers, so {grant.worker} gets no key there: give endpoint.")
    return grant


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, params = Changes(), module.params
    with reporting(module):
        grant, password = asked(params), Secret(params["password"])
        if params["service"] == "postgresql":
            told = {name: params[name] for name in ("database", "owner", "port")}
            place = PostgresAccess(module, changes, grant, told, password)
        elif params["service"] == "pgbouncer":
            place = PgbouncerAccess(module, changes, grant, password)
        elif params["service"] == "redis":
            place = RedisAccess(module, changes, grant, params["instances"], password)
        elif params["service"] == "minio":
            place = MinioAccess(module, changes, grant, params["endpoint"], params["bucket"], password)
        else:
            place = FirewallAccess(module, changes, grant, params["ports"])
        ended = place.present() if params["state"] == "present" else place.absent()
    module.exit_json(**changes.result(user=grant.user, ended=ended))


if __name__ == "__main__":
    main()
