#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Retire the service that a distribution's package brings, if nobody uses it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: unused_service
short_description: Retire a packaged service that nobody uses
version_added: 0.1.0
description:
  - Stops and disables (or masks) the service that came with a package that we need for its program only.
  - A service whose configuration was changed or that has data is somebody's, is left alone, and is named in RV(notes).
options:
  unit: {description: The package's unit., type: str, required: true}
  package: {description: The package., type: str, required: true}
  config: {description: The configuration file that shows whether it was ever adapted., type: path, required: true}
  data: {description: Shell patterns of files that exist only if it was used., type: list, elements: str, default: []}
  mask: {description: Whether nothing may start it again., type: bool, default: false}
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Retire Debian's own Redis
  fediverse.mastodon.unused_service:
    unit: redis-server.service
    package: redis-server
    config: /etc/redis/redis.conf
    data: [/var/lib/redis/dump.rdb]
    mask: true
"""

RETURN = r"""
actions: {description: What was done., returned: always, type: list, elements: str, sample: [mask redis-server.service]}
notes: {description: Why it was left alone., returned: always, type: list, elements: str, sample: []}
"""

import glob
import hashlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import services
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Shell, reporting

SPEC = {
    "unit": {"type": "str", "required": True},
    "package": {"type": "str", "required": True},
    "config": {"type": "path", "required": True},
    "data": {"type": "list", "elements": "str", "default": []},
    "mask": {"type": "bool", "default": False},
}


def pristine(shell: Shell, package: str, config: str) -> bool:
    """Whether the configuration is byte for byte the package's (dpkg keeps its MD5), or is not there."""
    path = Path(config)
    if not path.exists():
        return True
    listed = shell.run(["dpkg-query", "--showformat=${Conffiles}", "--show", package], check=False).out
    known = dict(line.split()[:2] for line in listed.splitlines() if line.strip())
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == known.get(config)


def find(shell: Shell, params: dict[str, object]) -> services.Packaged:
    unit = str(params["unit"])
    show = ["systemctl", "show", "-p", "Id,LoadState,ActiveState,UnitFileState", unit]
    state = dict(line.split("=", 1) for line in shell.run(show).out.splitlines())
    patterns = params["data"] if isinstance(params["data"], list) else []
    return services.Packaged(
        unit=unit,
        installed=state["LoadState"] != "not-found",
        masked=state["LoadState"] == "masked",
        active=state["ActiveState"] in ("active", "activating", "reloading"),
        enabled=state["UnitFileState"] == "enabled",
        pristine=pristine(shell, str(params["package"]), str(params["config"])),
        data=tuple(sorted(path for pattern in patterns for path in glob.glob(pattern))),
    )


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, shell = Changes(), Shell(module)
    with reporting(module):
        todo, note = services.retirement(find(shell, module.params), module.params["mask"])
        changes.notes += [note] if note else []
        for step in todo:
            changes.actions.append(" ".join(step))
            if not module.check_mode:
                shell.run(["systemctl", *step])
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
