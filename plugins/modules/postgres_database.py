#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Make the application's role and database."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_database
short_description: Make the application's role and database
version_added: 0.1.0
description:
  - Talks to PostgreSQL on its local socket as its administrator.
  - The database is made with UTF-8 and C collation, so that a new C library never corrupts its indexes. One that
    exists is never changed.
  - The password is compared by its stored SCRAM verifier and set only when it does not match.
options:
  port: {description: The server's port., type: int, default: 5432}
  database: {description: Name of the database., type: str, required: true}
  user: {description: Name of its owner., type: str, required: true}
  password: {description: The owner's password; empty leaves it as it is., type: str, default: ""}
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Make the database
  fediverse.mastodon.postgres_database:
    database: mastodon_production
    user: mastodon
    password: "{{ mastodon_secrets.postgres_password }}"
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [create database mastodon_production]
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres import database
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres.psql import Psql
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Shell, reporting

SPEC = {
    "port": {"type": "int", "default": 5432},
    "database": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "default": "", "no_log": True},
}


def find(psql: Psql, wanted: database.Wanted) -> database.Found:
    name = database.literal(wanted.database)
    roles = psql.rows(f"SELECT rolname, rolpassword FROM pg_authid WHERE rolname = {database.literal(wanted.user)}")
    bases = psql.rows(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) || '/' || datcollate || '/' || datctype"
        f" FROM pg_database WHERE datname = {name}"
    )
    return database.Found(
        role=bool(roles),
        verifier=roles[0][1] if roles else None,
        owner=bases[0][0] if bases else None,
        collation=bases[0][1] if bases else None,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    wanted = database.Wanted(module.params["database"], module.params["user"], module.params["password"])
    with reporting(module):
        psql = Psql(Shell(module), str(module.params["port"]))
        if module.check_mode and not psql.ready():
            module.exit_json(**changes.result())  # the server comes with the real run
        found = find(psql, wanted)
        for step in database.steps(found, wanted):
            changes.actions.append(step.action)
            if not module.check_mode:
                psql.execute(step.sql + ";")
        changes.notes += database.notes(found, wanted)
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
