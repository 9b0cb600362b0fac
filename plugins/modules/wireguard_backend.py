#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Find out how a host can run WireGuard, and what it lacks for that."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_backend
short_description: Find out how a host can run WireGuard, and what it lacks for that
version_added: 0.1.0
description:
  - Asks the kernel for a WireGuard interface of another name and takes it away again, because neither a loaded module
    nor a file of one proves that the kernel gives it to this host.
  - Names the packages that are missing. Changes nothing that lasts.
options: {}
attributes:
  check_mode: {description: Asks in check mode as well., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Leaves nothing behind., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Find out how this host runs WireGuard
  fediverse.mastodon.wireguard_backend:
  register: backend
"""

RETURN = r"""
backend:
  description: V(kernel), or V(userspace) where only C(wireguard-go) works.
  returned: always
  type: str
  sample: kernel
missing: {description: Packages to install., returned: always, type: list, elements: str, sample: [wireguard-tools]}
notes:
  description: What stands in the way.
  returned: always
  type: list
  elements: str
  sample: ["there is no /dev/net/tun"]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Shell, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import backend


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    with reporting(module):
        found = backend.find(Shell(module), os.path.exists)
    module.exit_json(changed=False, backend=found.kind, missing=list(found.missing), notes=list(found.notes))


if __name__ == "__main__":
    main()
