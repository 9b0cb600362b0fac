#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify_reach
short_description: Try, from this host, every port of the others that must answer or must not
version_added: 0.1.0
description:
  - Computes from the plan which ports of other hosts this one must reach and which must be closed, and tries them.
  - PostgreSQL and Redis are asked in their own protocol without a password, as an open port does not say who gets in.
  - A host that is alone in its cluster asks itself at its outer addresses.
extends_documentation_fragment:
  - fediverse.mastodon.verify
options:
  plan:
    description: The whole plan, C(mastodon_plan).
    type: dict
    required: true
  source:
    description: This host's name in the plan.
    type: str
    required: true
  observed:
    description: RV(fediverse.mastodon.verify_host#module:observed) of M(fediverse.mastodon.verify_host), by host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Try the ports of the other hosts
  fediverse.mastodon.verify_reach:
    plan: "{{ mastodon_plan }}"
    source: "{{ inventory_hostname }}"
    observed: "{{ observed }}"
"""

RETURN = r"""
checks:
  description: One entry per check. A failed check does not fail the module; the playbook reports all of them together.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: units run, where: main, ok: true, seen: 12 of 12, fix: ""}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import expect, reach
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.report import plain


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "required": True},
            "source": {"type": "str", "required": True},
            "observed": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    plan, source, observed = (module.params[key] for key in ("plan", "source", "observed"))
    addresses = {host: seen["addresses"] for host, seen in observed.items()}
    module.exit_json(changed=False, checks=plain(reach.run(source, expect.probes(plan, source, addresses))))


if __name__ == "__main__":
    main()
