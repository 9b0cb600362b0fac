#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: test_ca
short_description: Keep a certificate authority for tests and one server certificate of it
version_added: 0.1.0
description:
  - Makes the authority and a certificate for the given names once and keeps them, so that a second run changes nothing.
  - A certificate that ends soon, has other names or another issuer is made anew; the authority only when it ends before
    a new certificate would.
  - Meant for the controller (delegate to localhost). Needs the Python package cryptography (ansible-core needs it too).
  - For labs and demonstrations. Nobody outside trusts it.
options:
  directory:
    description: Where the files are kept; made with mode 0700 and kept out of git.
    type: path
    required: true
  names:
    description: DNS names and addresses that the certificate is for.
    type: list
    elements: str
    required: true
  authority_days:
    description: How long the authority lives.
    type: int
    default: 3650
  days:
    description: How long the certificate lives.
    type: int
    default: 90
  renew_before_days:
    description: How long before its end a certificate is made anew.
    type: int
    default: 30
attributes:
  check_mode:
    description: Reports the same actions and writes nothing; what is returned would be kept or made.
    support: full
  diff_mode:
    description: Keys are never shown.
    support: none
  idempotent:
    description: Changes nothing while authority and certificate serve.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: posix
author:
  - The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Keep the certificate of the test authority
  fediverse.mastodon.test_ca:
    directory: "{{ inventory_dir }}/group_vars/mastodon_test_ca"
    names: [social.example.com, media.social.example.com]
  delegate_to: localhost
  run_once: true
  become: false
"""

RETURN = r"""
actions:
  description: What was made, or would be made in check mode, and why.
  returned: always
  type: list
  elements: str
  sample: ["issue certificate: the names differ"]
authority:
  description: Certificate of the authority, PEM.
  returned: always
  type: str
  sample: "-----BEGIN CERTIFICATE-----…"
certificate:
  description: The server's certificate, PEM.
  returned: always
  type: str
  sample: "-----BEGIN CERTIFICATE-----…"
key:
  description: The server's private key, PEM. Register it with C(no_log).
  returned: always
  type: str
  sample: "-----BEGIN PRIVATE KEY-----…"
"""

import datetime as dt
import os
import traceback
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from ansible_collections.fediverse.mastodon.plugins.module_utils._tls import authority
except ImportError:
    MISSING = traceback.format_exc()
else:
    MISSING = None

ARGUMENT_SPEC = {
    "directory": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "authority_days": {"type": "int", "default": 3650},
    "days": {"type": "int", "default": 90},
    "renew_before_days": {"type": "int", "default": 30},
}


def read(directory: Path, name: str) -> authority.Pair | None:
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    if not (certificate.exists() and key.exists()):
        return None
    return authority.Pair(certificate.read_text(), key.read_text())


def write(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        temporary = directory / f".{name}.new"
        with open(temporary, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
            stream.write(content)
        temporary.replace(directory / name)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=MISSING)
    params, directory = module.params, Path(module.params["directory"])
    if not params["names"]:
        module.fail_json(msg="names: at least one name is needed for a certificate")
    lifetimes = authority.Lifetimes(params["authority_days"], params["days"], params["renew_before_days"])
    old = {name: read(directory, name) for name in ("ca", "server")}
    new = authority.decide(old["ca"], old["server"], params["names"], lifetimes, dt.datetime.now(dt.timezone.utc))
    if new.actions and not module.check_mode:
        files = {"ca.key": new.authority.key, "ca.pem": new.authority.certificate}
        files.update({"server.key": new.leaf.key, "server.pem": new.leaf.certificate, ".gitignore": "*\n"})
        write(directory, files)
    module.exit_json(
        changed=bool(new.actions),
        actions=new.actions,
        authority=new.authority.certificate,
        certificate=new.leaf.certificate,
        key=new.leaf.key,
    )


if __name__ == "__main__":
    main()
