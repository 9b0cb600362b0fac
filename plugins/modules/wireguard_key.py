#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Make and replace a host's WireGuard key, which never leaves the host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_key
short_description: Make and replace a host's WireGuard key, which never leaves the host
version_added: 0.1.0
description:
  - Makes a private key in C(/etc/wireguard/<interface>.key) (root, mode 0600) when there is none, and answers its
    public key. The key of a wg-quick file that is there already is taken over.
  - Needs no tool on the host; where C(wg) is there, it is asked after a rotation that was cut off.
  - A private key is never an argument, a result, a line of a diff or an argument of a command.
  - Changes the key's files only. The running interface follows with M(fediverse.mastodon.wireguard_mesh).
options:
  interface:
    description: The interface.
    type: str
    default: wg0
  state:
    description:
      - V(present) has a key. After a rotation that was cut off, the files follow the key that the interface runs with.
      - V(next) has a second key that the peers can learn before it is used.
      - V(promoted) makes it the key, and keeps the old one.
      - V(rolled_back) makes the old one the key again.
      - V(settled) drops the old one.
      - V(absent) drops all; refused while the tunnel's file is there.
    type: str
    choices: [present, next, promoted, rolled_back, settled, absent]
    default: present
  fingerprint_host:
    description: >-
      Keep a hash of the machine's id beside the key, and refuse a key that was made on another machine: a copied image
      would share it.
    type: bool
    default: true
attributes:
  check_mode: {description: Predicts exactly what a run does; a key that it would make is unknown., support: full}
  diff_mode: {description: Names the files; their contents are secret., support: partial}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
seealso:
  - module: fediverse.mastodon.wireguard_mesh
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Have a key
  fediverse.mastodon.wireguard_key:
  register: key

- name: Prepare another one
  fediverse.mastodon.wireguard_key:
    state: next
"""

RETURN = r"""
actions: {description: What was done., returned: always, type: list, elements: str, sample: [make the key wg0.key]}
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
created: {description: Whether the key was made now., returned: always, type: bool, sample: true}
public_key:
  description: The public key; empty without a key, and where check mode would make one.
  returned: always
  type: str
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
next_public_key:
  description: The public key of the next key; empty when there is none.
  returned: always
  type: str
  sample: ""
previous_public_key:
  description: The public key of the key before, until the rotation is settled; empty when there is none.
  returned: always
  type: str
  sample: ""
machine:
  description: A hash of the machine's id, to find copied images; empty when the machine has none.
  returned: always
  type: str
  sample: 0f343b0931126a20f133d67c2b018a3b
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    Refusal,
    Shell,
    reporting,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.key import (
    Keys,
    Paths,
    fingerprint,
    running_key,
    shown,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.mesh import locked
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import INTERFACE

STATES = ["present", "next", "promoted", "rolled_back", "settled", "absent"]
SPEC = {
    "interface": {"type": "str", "default": "wg0"},
    "state": {"type": "str", "choices": STATES, "default": "present"},
    "fingerprint_host": {"type": "bool", "default": True},
}


def settle(keys: Keys, state: str, fingerprint_host: bool) -> None:
    """Bring the files to the state."""
    if state == "present":
        keys.present(fingerprint_host)
    else:
        steps = {
            "next": keys.stage,
            "promoted": keys.promote,
            "rolled_back": keys.roll_back,
            "settled": keys.settle,
            "absent": keys.absent,
        }
        steps[state]()


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    with reporting(module):
        interface = module.params["interface"]
        if not INTERFACE.match(interface):
            raise Refusal(f"{interface!r} is no name for an interface: write at most 15 letters, digits or _=+.-")
        keys = Keys(module, Paths(interface), changes)
        if module.params["state"] == "present" and (keys.next or keys.before):
            # A rotation that is still under way holds the lock, and leaves other files than it found.
            with locked(interface, module.check_mode):
                keys = Keys(module, Paths(interface), changes)
                keys.converge(running_key(Shell(module), keys.paths))
        settle(keys, module.params["state"], module.params["fingerprint_host"])
    module.exit_json(
        **changes.result(
            created=keys.made,
            public_key=shown(keys.key),
            next_public_key=shown(keys.next),
            previous_public_key=shown(keys.before),
            machine=fingerprint(),
        )
    )


if __name__ == "__main__":
    main()
