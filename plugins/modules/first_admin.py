#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: first_admin
short_description: Make the instance's first account, its owner
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Asks the database whether the account is there. If not, C(tootctl) makes it, confirmed and approved.
  - The mail domain may lack DNS still. The application makes the password.
  - It goes into a file for root only, never into the result, so an interrupted run does not lose it.
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run does.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: An account that is there is left alone.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  username:
    description: Name of the account.
    type: str
    required: true
  email:
    description: Its address.
    type: str
    required: true
  role:
    description: One of Mastodon's roles.
    type: str
    default: Owner
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
  password_file:
    description: Gets the password, mode 0600. Whoever stored it elsewhere removes the file.
    type: path
    default: /root/mastodon-admin-password
  tootctl:
    description: The wrapper.
    type: path
    default: /usr/local/bin/tootctl
"""

EXAMPLES = r"""
- name: Make the owner
  fediverse.mastodon.first_admin:
    username: admin
    email: admin@example.social
    database: {host: 10.40.0.13, port: 5432, name: mastodon_production, user: mastodon, password: "{{ password }}"}
  register: owner
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [make the account admin]
waiting:
  description: Whether a password is in the file.
  returned: always
  type: bool
  sample: true
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import commands, database

SPEC: dict[str, Any] = {
    "username": {"type": "str", "required": True},
    "email": {"type": "str", "required": True},
    "role": {"type": "str", "default": "Owner"},
    "database": database.SPEC,
    "password_file": {"type": "path", "default": "/root/mastodon-admin-password", "no_log": False},
    "tootctl": {"type": "path", "default": "/usr/local/bin/tootctl"},
}


def create(params: dict[str, Any]) -> None:
    """The password is in the output, among log lines."""
    options = ["--email", params["email"], "--confirmed", "--approve", "--role", params["role"]]
    # The look-up of the mail domain asks DNS only, and a fresh instance's domain may not be there yet.
    allowed = {"EMAIL_DOMAIN_ALLOWLIST": params["email"].rpartition("@")[2]}
    argv = [params["tootctl"], "accounts", "create", params["username"], *options]
    code, output = commands.Runner().run(argv, environment=allowed, check=False)
    password = database.new_password(output)
    if code != 0 or not password:
        raise commands.Failed(
            f"`tootctl accounts create {params['username']}` ended with {code}: {database.said(output)}"
        )
    handle = os.open(params["password_file"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(f"{password}\n")


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    try:
        there = database.Psql(params["database"]).has_account(params["username"])
        if not there and not module.check_mode:
            create(params)
    except (commands.Failed, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    actions = [] if there else [f"make the account {params['username']}"]
    module.exit_json(changed=bool(actions), actions=actions, waiting=os.path.exists(params["password_file"]))


if __name__ == "__main__":
    main()
