#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migrations
short_description: Bring the database to what the deployed release expects
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Compares the migrations of the deployed release with those that the database records.
  - Runs C(rails db:prepare) only when some are missing.
  - Goes straight to PostgreSQL. Migrations fail through a transaction pooler.
  - An interrupted first run is noticed by a mark on disk, and its seeds are planted again.
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run does.
  diff_mode:
    support: none
    description: A schema is no diff.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  database:
    description: Where PostgreSQL itself is.
    type: dict
    required: true
    suboptions:
      host: {description: Address., type: str, required: true}
      port: {description: Port., type: int, required: true}
      name: {description: Database., type: str, required: true}
      user: {description: Role., type: str, required: true}
      password: {description: Its password., type: str, required: true}
  current:
    description: The link to the release.
    type: path
    default: /opt/mastodon/current
  mark:
    description: Is there while a first run is under way.
    type: path
    default: /opt/mastodon/shared/.preparing
  runner:
    description: Runs a command in the release as the app user.
    type: path
    default: /usr/local/bin/mastodon-run
  log:
    description: File that the output is appended to.
    type: path
    default: /var/log/mastodon-migrate.log
"""

EXAMPLES = r"""
- name: Prepare the database
  fediverse.mastodon.migrations:
    database: {host: 10.40.0.13, port: 5432, name: mastodon_production, user: mastodon, password: "{{ password }}"}
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [prepare the database (476 migrations)]
pending:
  description: Migrations that the database did not have.
  returned: always
  type: list
  elements: str
  sample: ["20260402134532"]
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import commands, database

SPEC: dict[str, Any] = {
    "database": database.SPEC,
    "current": {"type": "path", "default": "/opt/mastodon/current"},
    "mark": {"type": "path", "default": "/opt/mastodon/shared/.preparing"},
    "runner": {"type": "path", "default": "/usr/local/bin/mastodon-run"},
    "log": {"type": "path", "default": "/var/log/mastodon-migrate.log"},
}


def prepare(params: dict[str, Any], first: bool) -> None:
    """Whether it is the first run is written down before it starts, because afterwards nobody can tell."""
    if first:
        with open(params["mark"], "w", encoding="utf-8"):
            pass
    tasks = ["db:prepare", "db:seed"] if first else ["db:prepare"]
    argv = [params["runner"], "--direct", "bundle", "exec", "rails", *tasks]
    code = commands.Runner().logged(argv, params["log"], cwd="/", environment={"SAFETY_ASSURED": "1"})
    if code != 0:
        raise commands.Failed(
            f"`rails {' '.join(tasks)}` ended with {code}. The end of {params['log']} says:\n"
            + commands.last_lines_of(params["log"], 25)
        )
    if first:
        os.unlink(params["mark"])


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    try:
        psql = database.Psql(params["database"])
        applied = psql.applied_migrations()
        pending = sorted(database.shipped_migrations(params["current"]) - applied)
        first = not applied or os.path.exists(params["mark"])
        if (pending or first) and not module.check_mode:
            prepare(params, first)
            left = sorted(database.shipped_migrations(params["current"]) - psql.applied_migrations())
            if left:
                raise commands.Failed(
                    f"rails db:prepare succeeded, but {len(left)} migrations are missing: {left[0]} …"
                )
    except (commands.Failed, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    actions = [f"prepare the database ({len(pending)} migrations)"] if pending or first else []
    module.exit_json(changed=bool(actions), actions=actions, pending=pending)


if __name__ == "__main__":
    main()
