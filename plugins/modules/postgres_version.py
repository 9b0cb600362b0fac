#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Find out which PostgreSQL to install, and refuse to go near data of another."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_version
short_description: Find out which PostgreSQL to install, and refuse to go near data of another
version_added: 0.1.0
description:
  - Without O(version) it is the one that the distribution's package C(postgresql) stands for. Changes nothing.
  - Fails when the host has a data directory of another version, before anything is installed.
options:
  version: {description: Major version; empty for the distribution's., type: str, default: ""}
  data: {description: Where Debian's tools keep data directories., type: path, default: /var/lib/postgresql}
attributes:
  check_mode: {description: Changes nothing anyway., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Find out the version
  fediverse.mastodon.postgres_version:
  register: result
"""

RETURN = r"""
actions: {description: Always empty., returned: always, type: list, elements: str, sample: []}
notes: {description: Always empty., returned: always, type: list, elements: str, sample: []}
version: {description: The major version., returned: always, type: str, sample: "17"}
"""

import glob
import os
import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres import cluster
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    Refusal,
    Shell,
    read_text,
    reporting,
)


def find(root: str) -> list[cluster.DataDirectory]:
    """Every data directory below the root: PG_VERSION is in each."""
    paths = glob.glob(os.path.join(root, "*", "*", "PG_VERSION"))
    return [cluster.DataDirectory((read_text(path) or "").strip(), os.path.dirname(path)) for path in sorted(paths)]


def distribution(shell: Shell) -> str:
    """What the package `postgresql` stands for. A fresh host may not have read its package lists yet."""
    for attempt in (0, 1):
        if attempt:
            shell.run(["apt-get", "update", "-q"])
        version = cluster.candidate_version(shell.run(["apt-cache", "policy", "postgresql"]).out)
        if version:
            return version
    raise Refusal("apt knows no package postgresql: check the host's package sources.")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "default": ""},
            "data": {"type": "path", "default": "/var/lib/postgresql"},
        },
        supports_check_mode=True,
    )
    with reporting(module):
        version = module.params["version"] or distribution(Shell(module))
        refusal = cluster.other_version(find(module.params["data"]), version, platform.node())
        if refusal:
            raise Refusal(refusal)
        module.exit_json(**Changes().result(version=version))


if __name__ == "__main__":
    main()
