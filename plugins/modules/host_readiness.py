#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Find out who keeps this host's clock, whether it knows its packages, and whether it has our firewall."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_readiness
short_description: Find out who keeps a host's clock, what it knows of packages, and whether it has our firewall
version_added: 0.1.0
description:
  - Looks for a running time daemon and asks the kernel whether the clock is synchronised. Changes nothing.
  - A fresh image often has no package lists, but a young directory for them, which C(cache_valid_time) takes for
    valid lists.
  - Two time daemons exclude each other as packages, so a role must know of one before it installs another.
options: {}
attributes:
  check_mode: {description: Changes nothing anyway., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Changes nothing., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Find out what this host has
  fediverse.mastodon.host_readiness:
  register: result
"""

RETURN = r"""
actions: {description: Always empty., returned: always, type: list, elements: str, sample: []}
container:
  description: Whether the clock belongs to the container's host.
  returned: always
  type: bool
  sample: false
firewall: {description: Whether the unit of our firewall is there., returned: always, type: bool, sample: false}
daemon: {description: The running time daemon; empty when there is none., returned: always, type: str, sample: chrony}
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
package_lists: {description: Whether apt has lists at all., returned: always, type: bool, sample: true}
synchronised: {description: What the kernel says., returned: always, type: bool, sample: true}
"""

import ctypes
import glob
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.clock import DAEMONS, note
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Shell, reporting

FIREWALL = "/etc/systemd/system/mastodon-firewall.service"
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    changes, shell = Changes(), Shell(module)
    with reporting(module):
        states = shell.run(["systemctl", "is-active", *DAEMONS], check=False).out.split()
        daemon = next((name for name, state in zip(DAEMONS, states) if state == "active"), "")
        container = shell.run(["systemd-detect-virt", "--quiet", "--container"], check=False).code == 0
        # modes = 0 only reads; the buffer is longer than struct timex on every platform.
        synchronised = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != TIME_ERROR
        changes.notes += note(daemon, container, synchronised)
        lists = bool(glob.glob("/var/lib/apt/lists/*Packages*"))
    found = {"daemon": daemon, "container": container, "synchronised": synchronised, "package_lists": lists}
    found["firewall"] = os.path.exists(FIREWALL)
    module.exit_json(**changes.result(**found))


if __name__ == "__main__":
    main()
