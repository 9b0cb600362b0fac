#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Replace a host's WireGuard key while its tunnels carry traffic, without losing a packet."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_rotation
short_description: Replace a host's WireGuard key while its tunnels carry traffic, without losing a packet
version_added: 0.1.0
description:
  - Runs at the same time on the host whose key is replaced (O(state=lead)) and on every direct peer of it
    (O(state=follow), as an asynchronous task that is started first). They talk by UDP inside the tunnel, so that it
    does not matter how Ansible itself reaches them.
  - The lead asks until the peers are ready, tells them when it switches, and switches. A peer moves the addresses to
    the new key a moment later and opens the new session. What the lead sends in between waits in its queue, what the
    peers send still arrives by the old session.
  - The old key stays known until both directions work. A peer that does not come along in time makes the lead go back.
    When either side dies, the other follows the key that shakes hands; the next ordinary run repairs what is left.
  - Peers that are off are named in RV(pending), and learn the new key in their next ordinary run. A peer that is up and
    cannot follow stops the rotation before anything is changed.
  - Needs a next key (M(fediverse.mastodon.wireguard_key) with state V(next)) on the lead, and a tunnel that
    M(fediverse.mastodon.wireguard_mesh) runs.
options:
  state:
    description: V(lead) on the host whose key is replaced, V(follow) on its direct peers.
    type: str
    choices: [lead, follow]
    required: true
  interface:
    description: The tunnel's interface, the same on all hosts.
    type: str
    default: wg0
  run:
    description: A number of this run, the same on all its hosts; another one for each run. 8 to 64 letters and digits.
    type: str
    required: true
  port:
    description: UDP port inside the tunnel, on the lead and on its peers.
    type: int
    default: 51821
  peers:
    description: >-
      With O(state=lead), all direct peers and their addresses in the tunnel, those that are off included.
    type: dict
    default: {}
  preshared_keys:
    description: With O(state=lead), the preshared keys of its next key by the public key of the peer.
    type: dict
    default: {}
  peer:
    description: With O(state=follow), the lead's name.
    type: str
  peer_address:
    description: With O(state=follow), the lead's address in the tunnel.
    type: str
  next_key:
    description: With O(state=follow), the lead's next public key.
    type: str
  preshared_key:
    description: With O(state=follow), the preshared key with the lead's next key; none when it is empty.
    type: str
    default: ""
  leave_unmanaged:
    description: Rotate although the lead has peers that are no hosts of the inventory, and that nobody tells.
    type: bool
    default: false
  ready_timeout:
    description: Seconds in which the peers have to answer the lead.
    type: int
    default: 30
  timeout:
    description: >-
      With O(state=lead), seconds in which all peers have to have come along. With O(state=follow), seconds without a
      word of the lead after which the peer stays as it is.
    type: int
    default: 30
attributes:
  check_mode: {description: Reports the actions of a rotation that goes well., support: partial}
  diff_mode: {description: Shows the file; keys are hidden., support: full}
  idempotent:
    description: There is no next key after a rotation, so that a second call of the lead is refused.
    support: none
  platform: {description: Where it runs., platforms: debian, support: full}
seealso:
  - module: fediverse.mastodon.wireguard_key
  - module: fediverse.mastodon.wireguard_mesh
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Follow home's new key
  fediverse.mastodon.wireguard_rotation:
    state: follow
    run: Vm3hY2kQ7d
    peer: home
    peer_address: 10.66.0.2
    next_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
    timeout: 120
  delegate_to: main
  async: 300
  poll: 0

- name: Replace home's key
  fediverse.mastodon.wireguard_rotation:
    state: lead
    run: Vm3hY2kQ7d
    peers: {main: 10.66.0.1}
  delegate_to: home
"""

RETURN = r"""
actions:
  description: What was done, in order.
  returned: always
  type: list
  elements: str
  sample: ["own key xTIBA5rb… -> TrMvSoP4…", write /etc/wireguard/wg0.conf]
notes: {description: What is not as it should be., returned: always, type: list, elements: str, sample: []}
public_key:
  description: The lead's public key, as this host has it now.
  returned: always
  type: str
  sample: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
previous_public_key:
  description: The lead's public key before.
  returned: with state lead
  type: str
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
pending: {description: Peers that were off., returned: with state lead, type: list, elements: str, sample: [cellar]}
peers:
  description: The peers, with their round trip, and the time from the switch to the first packet of the new session.
  returned: with state lead
  type: list
  elements: dict
  sample: [{name: main, state: moved, rtt_ms: 21.4, took_ms: 92}]
moved: {description: Whether the lead has its next key here., returned: with state follow, type: bool, sample: true}
told: {description: Whether the lead gave the word., returned: with state follow, type: bool, sample: true}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal, reporting
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.key import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.ping import ping
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate import Link, Place, locked
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate_follow import Follow
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate_lead import Lead
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import INTERFACE, is_key
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.rotation_course import RUN

SPEC = {
    "state": {"type": "str", "choices": ["lead", "follow"], "required": True},
    "interface": {"type": "str", "default": "wg0"},
    "run": {"type": "str", "required": True},
    "port": {"type": "int", "default": 51821},
    "peers": {"type": "dict", "default": {}},
    "preshared_keys": {"type": "dict", "default": {}, "no_log": True},
    "peer": {"type": "str"},
    "peer_address": {"type": "str"},
    "next_key": {"type": "str", "no_log": False},
    "preshared_key": {"type": "str", "default": "", "no_log": True},
    "leave_unmanaged": {"type": "bool", "default": False},
    "ready_timeout": {"type": "int", "default": 30},
    "timeout": {"type": "int", "default": 30},
}


def checked(params: dict[str, Any]) -> None:
    """Refusal for an argument that is none."""
    if not INTERFACE.match(params["interface"]):
        raise Refusal(f"{params['interface']!r} is no name for an interface. Nothing was changed.")
    if not RUN.match(params["run"]):
        raise Refusal("run: write 8 to 64 letters and digits. Nothing was changed.")
    keys = [*params["preshared_keys"].values(), params["preshared_key"] or None, params["next_key"]]
    if not all(is_key(one) for one in keys if one is not None):
        raise Refusal("a key is no key: write 32 bytes in base64. Nothing was changed.")


def lead(module: AnsibleModule, place: Place) -> dict[str, Any]:
    """The host whose key is replaced."""
    params = module.params
    peers = {str(name): str(address) for name, address in params["peers"].items()}
    keys = Keys(module, place.paths, place.changes)
    work = Lead(place, keys, peers, params["preshared_keys"], params["leave_unmanaged"])
    if module.check_mode:
        return work.foresee()
    talk = Link(place.interface, place.address, params["port"], params["run"])
    try:
        return work.lead(talk, ping, float(params["ready_timeout"]), float(params["timeout"]))
    finally:
        talk.close()


def follow(module: AnsibleModule, place: Place) -> dict[str, Any]:
    """One of its peers."""
    params = module.params
    preshared = Secret(params["preshared_key"]) if params["preshared_key"] else None
    work = Follow(place, params["peer"], params["next_key"], preshared)
    if module.check_mode:
        return work.foresee()
    talk = Link(place.interface, place.address, params["port"], params["run"])
    try:
        return work.follow(talk, params["peer_address"], float(params["timeout"]))
    finally:
        talk.close()


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_if=[("state", "follow", ["peer", "peer_address", "next_key"]), ("state", "lead", ["peers"])],
    )
    changes = Changes()
    with reporting(module):
        checked(module.params)
        with locked(module.params["interface"], module.check_mode):
            place = Place(module, changes, module.params["interface"])
            answer = lead(module, place) if module.params["state"] == "lead" else follow(module, place)
    for text in changes.notes:
        module.warn(text)
    module.exit_json(**changes.result(**answer))


if __name__ == "__main__":
    main()
