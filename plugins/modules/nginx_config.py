#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_config
short_description: Replace parts of nginx' configuration only if nginx accepts the whole
version_added: 0.1.0
description:
  - Stages the complete configuration directory with the changes, lets nginx test it in a mount namespace of its own,
    and only then replaces the files and reloads (or starts) the service.
  - A configuration that nginx refuses leaves files and running server untouched and is reported in its own words.
  - If a reload is not taken up (new workers do not appear), the old files are put back.
  - What the running server has read is recorded as a fingerprint of the whole directory and the watched files, so that
    a run that died between writing and reloading is caught up by the next one, and a renewed certificate is loaded.
options:
  files:
    description: Files that must be there.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path below O(root).
        type: str
        required: true
      content:
        description: What the file holds.
        type: str
        required: true
      mode:
        description: Permissions, octal. What only root may read is never shown in a diff.
        type: str
        default: "0644"
  links:
    description: Symbolic links that must be there, path below O(root) to target.
    type: dict
    default: {}
  unlinked:
    description:
      - Symbolic links that must not be there, path below O(root) to the target they have. Any other link stays.
    type: dict
    default: {}
  key_pairs:
    description: Certificates and their keys, both paths in O(files). A key of another certificate is refused.
    type: dict
    default: {}
  watch:
    description: Files outside O(root) that the server reads when it loads, for instance certificates.
    type: list
    elements: path
    default: []
  root:
    description: The configuration directory.
    type: path
    default: /etc/nginx
  service:
    description: The systemd unit.
    type: str
    default: nginx.service
  log:
    description: The error log, read when a reload is not taken up.
    type: path
    default: /var/log/nginx/error.log
  stamp:
    description: Where the fingerprint of the loaded configuration is kept.
    type: path
    default: /var/lib/mastodon-units/nginx.service
attributes:
  check_mode:
    description: Tests the staged configuration as well and reports the same actions.
    support: full
  diff_mode:
    description: Shows the files before and after, those of mode 0600 as a hash.
    support: full
  idempotent:
    description: Changes nothing where the running server has the wanted configuration.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
author:
  - The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Configure nginx
  fediverse.mastodon.nginx_config:
    files:
      - path: sites-available/mastodon
        content: "{{ lookup('ansible.builtin.template', 'site.conf.j2') }}"
    links:
      sites-enabled/mastodon: ../sites-available/mastodon
    unlinked:
      sites-enabled/default: /etc/nginx/sites-available/default
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: [write sites-available/mastodon, reload nginx.service]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx import server, tree

ARGUMENT_SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
        },
    },
    "links": {"type": "dict", "default": {}},
    "unlinked": {"type": "dict", "default": {}},
    "key_pairs": {"type": "dict", "default": {}, "no_log": False},
    "watch": {"type": "list", "elements": "path", "default": []},
    "root": {"type": "path", "default": "/etc/nginx"},
    "service": {"type": "str", "default": "nginx.service"},
    "log": {"type": "path", "default": "/var/log/nginx/error.log"},
    "stamp": {"type": "path", "default": "/var/lib/mastodon-units/nginx.service"},
}


def replace(run: server.Run, params: dict, current: tree.Tree, changed: dict, fingerprint: str) -> None:
    """Swap the files, load them, record it; on a refused load, put the old files back."""
    root, stamp = Path(params["root"]), Path(params["stamp"])
    server.write(root, changed)
    try:
        server.load(run, params["service"], Path(params["log"]))
    except server.ServerError:
        server.write(root, tree.inverse(current, changed))
        raise
    server.write(stamp.parent, {stamp.name: tree.Entry(content=fingerprint.encode())})


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params, run = module.params, module.run_command
    root, stamp = Path(params["root"]), Path(params["stamp"])
    binary = module.get_bin_path("nginx", opt_dirs=["/usr/sbin"])
    current = server.read_tree(root)
    changed = tree.changes(current, tree.Wanted.from_params(params))
    desired = tree.overlay(current, changed)
    watched = {path: Path(path).read_bytes() for path in params["watch"] if Path(path).exists()}
    fingerprint = tree.fingerprint(desired, watched)
    running = server.main_pid(run, params["service"]) > 0
    actions = tree.actions(changed)
    if not running or not stamp.exists() or stamp.read_text() != fingerprint:
        actions.append(f"{'reload' if running else 'start'} {params['service']}")
    try:
        server.check_pairs(desired, params["key_pairs"])
        if actions and binary:
            server.try_staged(run, binary, root, desired)
        if actions and not module.check_mode:
            replace(run, params, current, changed, fingerprint)
    except server.ServerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(actions),
        actions=actions,
        diff={"before": tree.diff_text(list(changed), current), "after": tree.diff_text(list(changed), desired)},
    )


if __name__ == "__main__":
    main()
