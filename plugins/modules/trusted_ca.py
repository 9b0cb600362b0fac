#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Make this host trust certificate authorities, and no longer those that were taken out."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: trusted_ca
short_description: Make this host trust certificate authorities
version_added: 0.1.0
description:
  - Keeps our authorities in the system's trust store exactly as listed. Those of others are not touched.
options:
  authorities:
    description: The authorities.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the file., type: str, required: true}
      content: {description: The certificate in PEM., type: str, required: true}
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: Shows the certificates., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Trust our own authority
  fediverse.mastodon.trusted_ca:
    authorities:
      - {name: cluster, content: "{{ lookup('ansible.builtin.file', 'ca.pem') }}"}
"""

RETURN = r"""
actions: {description: What was done., returned: always, type: list, elements: str, sample: [update the trust store]}
notes: {description: Always empty., returned: always, type: list, elements: str, sample: []}
"""

import glob
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Shell,
    drop_files,
    modified,
    put_directory,
    put_file,
    reporting,
)

SOURCES = "/usr/local/share/ca-certificates"
PREFIX = "fediverse-mastodon-"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
LINKS = "/etc/ssl/certs"
AUTHORITY = {"name": {"type": "str", "required": True}, "content": {"type": "str", "required": True}}


def stale(paths: set[str]) -> bool:
    """Whether an earlier run died between the files and the store."""
    links = {os.path.basename(path)[: -len(".pem")] for path in glob.glob(f"{LINKS}/{PREFIX}*.pem")}
    names = {os.path.basename(path)[: -len(".crt")] for path in paths}
    return links != names or any(modified(path) > modified(BUNDLE) for path in paths)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"authorities": {"type": "list", "elements": "dict", "required": True, "options": AUTHORITY}},
        supports_check_mode=True,
    )
    changes = Changes()
    with reporting(module):
        wanted = {f"{SOURCES}/{PREFIX}{item['name']}.crt": item["content"] for item in module.params["authorities"]}
        if wanted:
            put_directory(module, SOURCES, changes, owner="root", group="root", mode="0755")
        for path, content in sorted(wanted.items()):
            put_file(module, FileSpec(path, content.rstrip() + "\n"), changes)
        drop_files(module, f"{SOURCES}/{PREFIX}*.crt", set(wanted), changes)
        if changes.actions or stale(set(wanted)):
            changes.actions.append("update the trust store")
            if not module.check_mode:
                Shell(module).run(["update-ca-certificates"])
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
