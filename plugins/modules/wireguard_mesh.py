#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Run a host's WireGuard tunnels as the whole network wants them, changed live and proven."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_mesh
short_description: Run a host's WireGuard tunnels as the whole network wants them, changed live and proven
version_added: 0.1.0
description:
  - Works out the host's peers from the whole network, compares them with the running interface and with
    C(/etc/wireguard/<interface>.conf), and changes what differs with C(wg set) and C(ip), peer by peer. The interface
    is not restarted; nobody who stays is missing in between.
  - Writes the file after the live changes, and before the first start.
  - Proves every link by handshake, echo, and an echo of full size that must not be fragmented. An MTU that does not
    pass is taken down to what does; it is raised again only by hand.
  - A peer whose public key this run does not know keeps the block that the file has for it.
  - Refuses everything that does not fit before anything is changed.
  - Needs C(wg), C(wg-quick), C(ip) and systemd, and the key of M(fediverse.mastodon.wireguard_key). C(wg-quick) takes
    the kernel's WireGuard, or C(wireguard-go) where there is none.
options:
  name:
    description: This host, as O(hosts) names it.
    type: str
    required: true
  network:
    description: >-
      Settings of the whole network, the same on every host: V(networks), V(interface), V(port), V(keepalive),
      V(topology), V(links), V(unmanaged_peers).
    type: dict
    required: true
  hosts:
    description: >-
      Every host of the network with its settings, those that this run does not visit included: V(address),
      V(more_addresses), V(endpoint), V(lan_endpoint), V(zone), V(hub), V(routed_networks),
      V(listen_port), V(host_keepalive), V(mtu).
    type: dict
    required: true
  public_keys:
    description: Public keys by host, as far as they are known.
    type: dict
    default: {}
  preshared_keys:
    description: This host's preshared keys by the public key of the peer. A peer without one gets none.
    type: dict
    default: {}
  removed:
    description: Hosts that left the network, whose keys are taken away wherever they are found.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Its name., type: str, required: true}
      public_keys: {description: Its public keys., type: list, elements: str, required: true}
  adopt:
    description: Take over a file that somebody else wrote, after a copy of it.
    type: bool
    default: false
  purge_foreign:
    description: Drop the blocks of the file that somebody else wrote.
    type: bool
    default: false
  allow_disruption:
    description: Allow what interrupts others, which is another key, another port, another interface of the same name.
    type: bool
    default: false
  verify:
    description: Prove the links. A host that does not answer is named in RV(silent) and does not fail the module.
    type: bool
    default: true
  verify_unchanged:
    description: >-
      Prove the links only where nothing has to be changed. A look in check mode before a run then says all about a host
      that is as it should be, and nothing of links that the run is about to change.
    type: bool
    default: false
  watch:
    description: A unit of systemd that looks after the interface; enabled and started with it. Empty for none.
    type: str
    default: ""
  verify_timeout:
    description: Seconds to wait for hosts that do not answer.
    type: int
    default: 30
  verify_first:
    description: >-
      Seconds to wait for them before anything is repaired, as a broken tunnel is repaired first and waited for
      afterwards. In check mode there is no other time, so that a host that does not answer is named in RV(silent) and
      not warned of.
    type: float
    default: 1
  state:
    description: V(absent) stops and removes the tunnel, and leaves the key.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Reports the same actions as a run, but for an MTU that only a link which is not there yet will show.
    support: full
  diff_mode: {description: Shows the file; keys are hidden., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
seealso:
  - module: fediverse.mastodon.wireguard_key
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Run the tunnel between two hosts
  fediverse.mastodon.wireguard_mesh:
    name: "{{ inventory_hostname }}"
    network: {networks: [10.66.0.0/24]}
    hosts:
      main: {address: 10.66.0.1, endpoint: 192.0.2.1}
      home: {address: 10.66.0.2}  # behind NAT: nobody can dial it
    public_keys:
      main: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
      home: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
  sample: ["peer home: added, AllowedIPs +10.66.0.2/32", write /etc/wireguard/wg0.conf]
notes:
  description: What is not as it should be. Shown as warnings as well.
  returned: always
  type: list
  elements: str
  sample: ["mtu reduced to 1344 on main: 1344 bytes pass to home, 1420 do not"]
peers:
  description:
    - The other hosts, as this one reaches them. The bytes are those since the module began, RV(peers[].passes) is the
      largest packet that arrived. The public key is the one that the running interface has for that host.
  returned: always
  type: list
  elements: dict
  sample:
    - name: home
      address: 10.66.0.2
      path: direct
      public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
      endpoint: 198.51.100.7:40112
      handshake_age: 12
      sent: 1676
      received: 1676
      rtt_ms: 21.4
      full_mtu: true
      passes: 1420
      allowed: true
      routed: true
silent:
  description: Hosts that did not answer; empty where nothing was verified.
  returned: always
  type: list
  elements: str
  sample: []
pending: {description: Hosts whose key nobody knows yet., returned: always, type: list, elements: str, sample: []}
mtu: {description: The tunnel's MTU., returned: always, type: int, sample: 1420}
backend:
  description: C(kernel), C(userspace), or empty without interface.
  returned: always
  type: str
  sample: kernel
public_key:
  description: This host's public key.
  returned: always
  type: str
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
running_key:
  description: The public key that the interface runs with; empty without interface.
  returned: always
  type: str
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
listens:
  description: The UDP port at which it listens; 0 while it is down.
  returned: always
  type: int
  sample: 51820
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.mesh import Mesh, locked
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import INTERFACE

REMOVED = {
    "name": {"type": "str", "required": True},
    "public_keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
}
SPEC = {
    "name": {"type": "str", "required": True},
    "network": {"type": "dict", "required": True},
    "hosts": {"type": "dict", "required": True},
    "public_keys": {"type": "dict", "default": {}, "no_log": False},
    "preshared_keys": {"type": "dict", "default": {}, "no_log": True},
    "removed": {"type": "list", "elements": "dict", "default": [], "options": REMOVED},
    "adopt": {"type": "bool", "default": False},
    "purge_foreign": {"type": "bool", "default": False},
    "allow_disruption": {"type": "bool", "default": False},
    "verify": {"type": "bool", "default": True},
    "verify_unchanged": {"type": "bool", "default": False},
    "watch": {"type": "str", "default": ""},
    "verify_timeout": {"type": "int", "default": 30},
    "verify_first": {"type": "float", "default": 1},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    interface = str(module.params["network"].get("interface") or "wg0")
    # A name that is none is refused with its reason by the mesh itself.
    with reporting(module), locked(interface if INTERFACE.match(interface) else "wg0", module.check_mode):
        mesh = Mesh(module, changes)
        answer = mesh.present() if module.params["state"] == "present" else mesh.absent()
    for text in changes.notes:
        module.warn(text)
    module.exit_json(**changes.result(**answer))


if __name__ == "__main__":
    main()
