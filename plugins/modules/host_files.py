#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Write a role's files in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_files
short_description: Write, make and remove many files in one call
version_added: 0.1.0
description:
  - Puts all files of a role into place, each atomically and only when it differs. One call takes as long as one task.
  - With O(validate) a file's draft is checked before it replaces the running one.
options:
  directories:
    description: Directories to make, parents first.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      mode: {description: Octal mode., type: str, default: "0755"}
  files:
    description: Files to write.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      content: {description: The whole content., type: str, required: true}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      mode: {description: Octal mode., type: str, default: "0644"}
      secret: {description: Whether the content stays out of the diff., type: bool, default: false}
      validate:
        description: "Command that checks the draft; V(%s) stands for its path."
        type: list
        elements: str
        default: []
  prune:
    description: Shell patterns of files of ours; what matches and is not in O(files) is removed.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: Shows contents unless marked secret., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: posix, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Write the relay's files
  fediverse.mastodon.host_files:
    directories:
      - {path: /etc/mastodon}
    files:
      - path: /etc/mastodon/relay.cfg
        content: "{{ lookup('ansible.builtin.template', 'relay.cfg.j2') }}"
        validate: [haproxy, -c, -f, "%s"]
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [write /etc/mastodon/relay.cfg]
notes: {description: Always empty., returned: always, type: list, elements: str, sample: []}
written:
  description: Paths that were written or removed.
  returned: always
  type: list
  elements: str
  sample: [/etc/mastodon/relay.cfg]
"""

import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    Shell,
    drop_files,
    put_directory,
    put_file,
    read_text,
    reporting,
)

OWNER = {"owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"}}
PATH = {"path": {"type": "path", "required": True}}
SPEC = {
    "directories": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {**PATH, **OWNER, "mode": {"type": "str", "default": "0755"}},
    },
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **PATH,
            **OWNER,
            "mode": {"type": "str", "default": "0644"},
            "content": {"type": "str", "required": True},
            "secret": {"type": "bool", "default": False, "no_log": False},
            "validate": {"type": "list", "elements": "str", "default": []},
        },
    },
    "prune": {"type": "list", "elements": "str", "default": []},
}


def check_draft(module: AnsibleModule, path: str, content: str, command: list[str]) -> None:
    """Refuse a content that the software itself refuses. The draft is readable by root only."""
    if not command or read_text(path) == content:
        return
    if module.check_mode and shutil.which(command[0]) is None:
        return  # the package comes with the real run
    with tempfile.TemporaryDirectory(prefix="fediverse-") as directory:
        draft = os.path.join(directory, os.path.basename(path))
        with open(draft, "w", encoding="utf-8") as stream:
            stream.write(content)
        done = Shell(module).run([part.replace("%s", draft) for part in command], check=False)
    if done.code != 0:
        raise Refusal(f"{path} is left as it was, the new content is refused: {(done.err or done.out).strip()}")


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, written = Changes(), []
    with reporting(module):
        for item in module.params["directories"]:
            put_directory(module, item["path"], changes, owner=item["owner"], group=item["group"], mode=item["mode"])
        for item in module.params["files"]:
            check_draft(module, item["path"], item["content"], item["validate"])
        for item in module.params["files"]:
            spec = FileSpec(item["path"], item["content"], item["mode"], item["owner"], item["group"])
            if put_file(module, spec, changes, secret=item["secret"]):
                written.append(item["path"])
        keep = {item["path"] for item in module.params["files"]}
        for pattern in module.params["prune"]:
            written += drop_files(module, pattern, keep, changes)
    module.exit_json(**changes.result(written=written))


if __name__ == "__main__":
    main()
