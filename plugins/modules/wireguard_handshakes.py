#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""See which handshakes of WireGuard leave a host, reach it, and get past its firewall."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wireguard_handshakes
short_description: See which handshakes of WireGuard leave a host, reach it, and get past its firewall
version_added: 0.1.0
description:
  - Dials other hosts and listens, until somebody removes the file O(marker). Run it as an asynchronous task on both
    ends of a link that does not work, wait for both files, and remove them some seconds later. What one end saw leave
    and the other did not see arrive was lost on the way; what arrived and was not answered was refused by that end.
  - Reads the headers of handshakes, which are sent in clear. Changes nothing and reads no key.
options:
  marker:
    description: A file that the module makes as soon as it listens, or cannot, and that ends it when it is gone.
    type: path
    required: true
  dial:
    description: Addresses of the other hosts in the tunnel. WireGuard begins a handshake for a packet, every 5 seconds.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds after which it ends in any case.
    type: int
    default: 60
  now:
    description: Seconds since the epoch by the controller's clock.
    type: float
    required: true
attributes:
  check_mode: {description: Listens in check mode as well., support: full}
  diff_mode: {description: There is nothing to show., support: none}
  idempotent: {description: Leaves nothing behind., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Listen while others dial
  fediverse.mastodon.wireguard_handshakes:
    marker: /run/fediverse-wireguard-wg0.listening
    dial: [10.66.0.2]
    now: "{{ now().timestamp() }}"
  async: 60
  poll: 0
  check_mode: false
"""

RETURN = r"""
handshakes:
  description:
    - Messages of handshakes as this host met them. C(way) is C(left), C(reached) (before the host's firewall) or
      C(passed) (behind it). An answer has the C(number) of the handshake that it answers.
  returned: when the host could listen
  type: list
  elements: dict
  sample: [{kind: initiation, way: reached, number: 5be31c07, to: "192.0.2.1:51820"}]
deaf: {description: Why it could not., returned: when it could not, type: str, sample: Operation not permitted}
clock:
  description: Seconds by which the host's clock is ahead of O(now), the time until the module ran included.
  returned: always
  type: float
  sample: 0.4
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.listen import listen, mark

SPEC = {
    "marker": {"type": "path", "required": True},
    "dial": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 60},
    "now": {"type": "float", "required": True},
}


def main() -> None:
    clock = time.time()
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    answer = {"clock": round(clock - module.params["now"], 1)}
    try:
        found = listen(module.params["marker"], module.params["timeout"], module.params["dial"])
    except OSError as error:
        # A container may not: its links are judged by what WireGuard itself counts. The others do not wait for it.
        mark(module.params["marker"])
        module.exit_json(changed=False, **answer, deaf=str(error))
    module.exit_json(changed=False, **answer, handshakes=[one._asdict() for one in found])


if __name__ == "__main__":
    main()
