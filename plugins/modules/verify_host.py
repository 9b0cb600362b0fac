#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_host
short_description: Ask a host whether what the plan puts there runs and listens where it should
version_added: 0.1.0
description:
  - Asks systemd for every unit of the host's share of the plan, and the kernel for what listens.
  - Also returns what the checks on other hosts need to know about this one.
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  share:
    description: This host's share of the plan, C(mastodon_host).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Ask the host
  fediverse.mastodon.verify_host:
    share: "{{ mastodon_host }}"
  register: answer
"""

RETURN = r"""
checks:
  description: One entry per check. A failed check does not fail the module; the playbook reports all of them together.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: units run, where: main, ok: true, seen: 12 of 12, fix: ""}
observed:
  description: The host's own name (as Sidekiq reports it), its addresses, and the state of its units.
  returned: always
  type: dict
  sample:
    hostname: main
    addresses: [10.40.0.11, 192.0.2.11]
    units: {nginx.service: {active: true, pid: 812}}
"""

import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import expect, sockets, units
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.host import judge_listeners, read
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain


def main() -> None:
    module = AnsibleModule(argument_spec={"share": {"type": "dict", "required": True}}, supports_check_mode=True)
    share = module.params["share"]
    wanted = expect.units(share)
    show = ["systemctl", "show", f"--property={','.join(units.PROPERTIES)}", *wanted]
    found = units.parse(module.run_command(show, check_rc=True)[1]) if wanted else {}
    bound = sockets.listeners(read("/proc/net/tcp"), read("/proc/net/tcp6"))
    addresses = sockets.ipv4_addresses(read("/proc/net/fib_trie")) | sockets.ipv6_addresses(read("/proc/net/if_inet6"))
    module.exit_json(
        changed=False,
        checks=plain([*units.judge(share["name"], wanted, found), *judge_listeners(share, bound)]),
        observed={"hostname": socket.gethostname(), "addresses": sorted(addresses), "units": units.brief(found)},
    )


if __name__ == "__main__":
    main()
