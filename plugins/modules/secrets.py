#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Make an instance's secrets once, into a file on the controller
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Checks the secrets that are there, makes those that are missing.
  - Adds them to the file without touching the others.
  - A file encrypted by ansible-vault is never rewritten. If it lacks something, the module fails and names it.
  - Runs on the controller. Values go into the file only, never into the result.
attributes:
  check_mode:
    support: full
    description: Says what is missing, makes nothing.
  diff_mode:
    support: none
    description: Secrets are not shown.
  idempotent:
    support: full
    description: What is there stays.
  platform:
    support: full
    platforms: posix
    description: The controller.
options:
  path:
    description: The file. It is made with mode 0600, its directory too.
    type: path
    required: true
  current:
    description: What was read from it, decrypted.
    type: dict
    default: {}
  values:
    description: Values to set in any case, such as a password that the application made.
    type: dict
    default: {}
  accounts:
    description: How many accounts the database has. If there are any, what cannot be replaced is not made.
    type: int
    default: 0
  database_host:
    description: Where those accounts are, for the message.
    type: str
    default: the database
"""

EXAMPLES = r"""
- name: Make the secrets
  fediverse.mastodon.secrets:
    path: /home/admin/inventory/group_vars/mastodon_secrets.yml
  register: made
"""

RETURN = r"""
actions:
  description: What was done, without values.
  returned: always
  type: list
  elements: str
  sample: [make redis_password]
missing:
  description: Names that had no value.
  returned: always
  type: list
  elements: str
  sample: [redis_password]
vaulted:
  description: Whether the file is encrypted as a whole.
  returned: always
  type: bool
  sample: false
"""

import os
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._secrets import values, vapid

SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True, "no_log": False},
    "current": {"type": "dict", "default": {}, "no_log": True},
    "values": {"type": "dict", "default": {}, "no_log": True},
    "accounts": {"type": "int", "default": 0},
    "database_host": {"type": "str", "default": "the database"},
}


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Whole or not at all, and never readable by others."""
    # A link (an inventory kept elsewhere) stays a link.
    path = os.path.realpath(path)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".mastodon_secrets.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def refusal(params: dict[str, Any], missing: list[str], vaulted: bool) -> str:
    lost = [name for name in missing if name in values.IRREPLACEABLE]
    if lost and params["accounts"]:
        return (
            f"{params['database_host']} already has {params['accounts']} account(s), but {', '.join(lost)} is not in "
            f"{params['path']}. New ones would log everybody out and lose encrypted data for good, so none are made. "
            "Restore that file, or set mastodon_secrets_file to where it is."
        )
    if vaulted and (missing or params["values"]):
        return (
            f"{params['path']} is encrypted and lacks {', '.join([*missing, *params['values']])}. "
            "It is not rewritten in clear: add values with `ansible-vault edit`."
        )
    return ""


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    text, current = read(params["path"]), dict(params["current"])
    vaulted, missing = values.is_vaulted(text), values.missing(current)
    wrong = values.problems(current, vapid.public_of)
    stop = f"{params['path']}: {'; '.join(wrong)}" if wrong else refusal(params, missing, vaulted)
    if stop and (wrong or not module.check_mode):
        module.fail_json(msg=stop)
    fresh = {name: value for name, value in params["values"].items() if current.get(name) != value}
    made = {} if module.check_mode else {**values.make(missing, vapid.make_pair), **fresh}
    if made:
        try:
            write(params["path"], values.with_values(text, made))
        except (ValueError, OSError) as error:
            module.fail_json(msg=f"{params['path']}: {error}")
    loose = os.path.exists(params["path"]) and os.stat(params["path"]).st_mode & 0o077
    if loose and not module.check_mode:
        os.chmod(params["path"], 0o600)
    actions = [
        *(f"make {name}" for name in missing),
        *(f"set {name}" for name in fresh),
        *([f"close {params['path']} to others"] if loose else []),
    ]
    module.exit_json(changed=bool(actions), actions=actions, missing=missing, vaulted=vaulted)


if __name__ == "__main__":
    main()
