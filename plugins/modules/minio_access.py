#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: minio_access
short_description: Give a bucket of MinIO its user and its public part
version_added: 0.1.0
description:
  - Compares a bucket, its application user, that user's policy and the anonymous policy with what is wanted, and
    applies the difference.
  - The user may do everything with the objects of the bucket, list them, and nothing else; it can neither remove nor
    open the bucket.
  - Everybody may read what is below the public prefixes; nobody without credentials may list.
  - Credentials are given to the client by its environment and its input, never by its arguments.
options:
  client:
    description: MinIO's client on the host.
    type: path
    default: /usr/bin/minio-client
  endpoint:
    description: Address of the server.
    type: str
    required: true
  root_user:
    description: The server's root user.
    type: str
    required: true
  root_password:
    description: Password of O(root_user).
    type: str
    required: true
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  access_key:
    description: Name of the application user.
    type: str
    required: true
  secret_key:
    description: Secret of O(access_key).
    type: str
    required: true
  public_prefixes:
    description: What everybody may read, as first parts of the objects' names.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for the server.
    type: int
    default: 30
attributes:
  check_mode:
    description: Reports the same actions. Where the server does not run yet, everything is still to be made.
    support: full
  diff_mode:
    description: The actions say it all.
    support: none
  idempotent:
    description: A second call changes nothing.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
author:
  - The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Grant access to the bucket
  fediverse.mastodon.minio_access:
    endpoint: http://10.40.0.14:9000
    root_user: "{{ mastodon_secrets.minio_root_user }}"
    root_password: "{{ mastodon_secrets.minio_root_password }}"
    bucket: mastodon
    access_key: "{{ mastodon_secrets.s3_access_key }}"
    secret_key: "{{ mastodon_secrets.s3_secret_key }}"
    public_prefixes: [accounts, cache, media_attachments]
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: [make bucket mastodon, write policy mastodon-mastodon]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._minio.access import Found, Wanted, steps
from ansible_collections.fediverse.mastodon.plugins.module_utils._minio.client import Client
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal, reporting

ARGUMENT_SPEC = {
    "client": {"type": "path", "default": "/usr/bin/minio-client"},
    "endpoint": {"type": "str", "required": True},
    "root_user": {"type": "str", "required": True},
    "root_password": {"type": "str", "required": True, "no_log": True},
    "bucket": {"type": "str", "required": True},
    "access_key": {"type": "str", "required": True, "no_log": False},
    "secret_key": {"type": "str", "required": True, "no_log": True},
    "public_prefixes": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 30},
}


def read(client: Client, wanted: Wanted, module: AnsibleModule) -> Found:
    """What there is; in check mode a server that is still to be installed has nothing."""
    if module.check_mode and not client.installed:
        return Found()
    if client.wait(0 if module.check_mode else module.params["timeout"]):
        return client.found(wanted)
    if module.check_mode:
        return Found()
    raise Refusal(f"MinIO at {module.params['endpoint']} did not answer within {module.params['timeout']} s")


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    wanted = Wanted(params["bucket"], params["access_key"], tuple(params["public_prefixes"]))
    with reporting(module):
        root = (params["root_user"], params["root_password"])
        user = (params["access_key"], params["secret_key"])
        client = Client(module, params["client"], params["endpoint"], root, user)
        todo = steps(read(client, wanted, module), wanted)
        for step in [] if module.check_mode else todo:
            client.take(step)
    module.exit_json(changed=bool(todo), actions=[step.action for step in todo])


if __name__ == "__main__":
    main()
