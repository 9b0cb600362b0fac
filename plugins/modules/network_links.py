#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Prove the links of a network that somebody else runs."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: network_links
short_description: Prove the links of a network that somebody else runs
version_added: 0.1.0
description:
  - Looks on which interface this host has its address in the cluster's network, and asks the hosts that it has to talk
    to for an echo, small and of full size, which must not be fragmented.
  - Changes nothing. A host that does not answer does not fail the module.
options:
  address:
    description: This host's address in the cluster's network.
    type: str
    required: true
  partners:
    description: The other hosts.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Its name., type: str, required: true}
      address: {description: Its address., type: str, required: true}
  timeout:
    description: Seconds to wait for hosts that do not answer.
    type: int
    default: 5
attributes:
  check_mode: {description: Asks in check mode as well., support: full}
  diff_mode: {description: There is nothing to compare., support: none}
  idempotent: {description: Leaves nothing behind., support: full}
  platform: {description: Where it runs., platforms: linux, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Prove the links to the database
  fediverse.mastodon.network_links:
    address: 10.40.0.11
    partners:
      - {name: db, address: 10.40.0.13}
"""

RETURN = r"""
device:
  description: The interface that has the address; empty when none has it.
  returned: always
  type: str
  sample: eth1
addresses:
  description: This host's addresses by interface.
  returned: always
  type: dict
  sample: {eth1: [10.40.0.11]}
links:
  description:
    - The other hosts. RV(links[].device) is the interface by which packets leave, RV(links[].mtu) the size it allows,
      RV(links[].passes) the largest packet that arrived.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: db, address: 10.40.0.13, device: eth1, mtu: 1500, rtt_ms: 0.4, full_mtu: true, passes: 1500}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Shell, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import plain_links
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.ping import ping

PARTNER = {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}}
SPEC = {
    "address": {"type": "str", "required": True},
    "partners": {"type": "list", "elements": "dict", "default": [], "options": PARTNER},
    "timeout": {"type": "int", "default": 5},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    with reporting(module):
        found = plain_links.look(
            Shell(module), module.params["address"], module.params["partners"], module.params["timeout"], ping
        )
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
