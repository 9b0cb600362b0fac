#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Let only the cluster's own hosts reach its services."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_firewall
short_description: Let only the cluster's own hosts reach its services
version_added: 0.1.0
description:
  - Keeps the nftables table C(inet mastodon) of a host, in the kernel and in C(/etc/mastodon/firewall.nft) for the
    next start. It guards the given TCP ports and speaks of no other, so that SSH and whatever else filters here stay
    as they are.
  - Who is not among the clients gets a reset. What comes by loopback is let through.
  - Written for each client is C(/etc/mastodon/firewall.d/<host>.nft), as M(fediverse.mastodon.worker_access) does when
    a worker host joins. Other files there are the admin's own and are loaded too, such as one with
    C(add element inet mastodon clients4 { 192.0.2.9 . 5432 }).
  - The table in the kernel is compared with what the files mean, so that one that somebody changed or flushed is
    loaded again. It is replaced in one transaction.
  - Without O(ports) the table and our files are removed.
options:
  ports:
    description: TCP ports that only clients may reach.
    type: list
    elements: int
    default: []
  interface:
    description: The interface that clients come by, such as a tunnel's. Empty, any.
    type: str
    default: ""
  clients:
    description: Who may reach what.
    type: list
    elements: dict
    default: []
    suboptions:
      host: {description: Name of the host., type: str, required: true}
      address: {description: Its address in the cluster's network., type: str, required: true}
      ports: {description: Ports that it may reach., type: list, elements: int, required: true}
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: Shows the files., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Guard PostgreSQL and Redis
  fediverse.mastodon.cluster_firewall:
    ports: [5432, 6379, 6380, 6381]
    interface: wg0
    clients:
      - {host: main, address: 10.66.0.1, ports: [5432, 6379, 6380, 6381]}
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [write /etc/mastodon/firewall.nft, load table inet mastodon]
notes: {description: Always empty., returned: always, type: list, elements: str, sample: []}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.firewall import Client
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.guard import Guard
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, reporting

SPEC = {
    "ports": {"type": "list", "elements": "int", "default": []},
    "interface": {"type": "str", "default": ""},
    "clients": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
        },
    },
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, params = Changes(), module.params
    clients = [Client(one["host"], one["address"], tuple(one["ports"])) for one in params["clients"]]
    with reporting(module):
        guard = Guard(module, changes)
        if params["ports"]:
            guard.present(params["ports"], params["interface"], clients)
        else:
            guard.absent()
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
