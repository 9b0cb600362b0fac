#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_pack
short_description: Pack a built release, one archive per kind of host
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Packs the build directory into archives and writes their stamp last, so that an interrupted packing does not count.
  - The build directory is removed afterwards, and so is the archive of the source.
attributes:
  check_mode:
    support: full
    description: Packs nothing.
  diff_mode:
    support: none
    description: Archives are no diff.
  idempotent:
    support: none
    description: Packs each time; the caller knows whether a build is needed.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  version:
    description: Name of the release.
    type: str
    required: true
  architecture:
    description: Debian's name of it.
    type: str
    required: true
  source:
    description: Where the code came from, for the stamp.
    type: dict
    required: true
  commit:
    description: The commit of a git source.
    type: str
    default: ""
  fingerprint:
    description: Stands for everything the release is made from.
    type: str
    required: true
  home:
    description: The app's home.
    type: path
    default: /opt/mastodon
  user:
    description: Who builds.
    type: str
    default: mastodon
  search_path:
    description: PATH with the Ruby and Node in use.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Pack the release
  fediverse.mastodon.release_pack:
    version: v4.6.5
    architecture: amd64
    source: {kind: git, location: https://git.example.org/mastodon.git}
    fingerprint: "{{ source.fingerprint }}"
    search_path: /usr/local/bin:/usr/bin:/bin
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [pack v4.6.5 for amd64]
stamp:
  description: What was packed.
  returned: always
  type: dict
  sample: {version: v4.6.5, architecture: amd64, queues: [[default, 8]]}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import (
    building,
    commands,
    queues,
    requirements,
    stamp,
    steps,
)

SPEC: dict[str, Any] = {
    "version": {"type": "str", "required": True},
    "architecture": {"type": "str", "required": True},
    "source": {"type": "dict", "required": True},
    "commit": {"type": "str", "default": ""},
    "fingerprint": {"type": "str", "required": True},
    "home": {"type": "path", "default": "/opt/mastodon"},
    "user": {"type": "str", "default": "mastodon"},
    "search_path": {"type": "str", "required": True},
}


def describe(params: dict[str, Any], tree: str, files: dict[str, str], runner: commands.Runner) -> dict[str, Any]:
    """The stamp without its archives."""
    pin = files.get(".ruby-version", "").strip()
    needs = requirements.ruby_requirement(files.get("Gemfile", ""), pin)
    # Of a release built elsewhere, only the gems' directory says for which Ruby they were compiled.
    finished = params["source"]["kind"] == "release"
    version, abi = ("", building.gems_abi(tree)) if finished else commands.ruby(runner)
    return {
        "fingerprint": params["fingerprint"],
        "source": stamp.shown_source(params["source"]),
        "commit": params["commit"],
        "queues": queues.parse(files.get("config/sidekiq.yml", "")),
        "distribution": "" if finished else building.this_distribution(),
        "ruby": {"version": version, "abi": abi, "requirement": needs, "pin": pin},
        "node": {"version": commands.node(runner), "requirement": requirements.node_requirement(files["package.json"])}
        if "package.json" in files
        else {},
    }


def work(module: AnsibleModule, place: building.Place, runner: commands.Runner) -> dict[str, Any]:
    files = building.read_files(place.tree)
    whole = os.path.isdir(os.path.join(place.tree, "node_modules")) and module.params["source"]["kind"] == "release"
    about = describe(module.params, place.tree, files, runner)
    made = building.pack(place, commands.Runner(), about, steps.parts(files, node_modules=whole))
    source = os.path.join(place.archives, f"source-{place.version}-{place.architecture}")
    if os.path.exists(source):
        os.unlink(source)
    return made


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    archives, build = (os.path.join(params["home"], name) for name in ("archives", "build"))
    place = building.Place(archives, build, params["version"], params["architecture"])
    runner = commands.Runner(params["user"], params["home"], params["search_path"])
    made: dict[str, Any] = {}
    try:
        if not module.check_mode:
            made = work(module, place, runner)
    except (commands.Failed, queues.QueuesError, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    action = f"pack {params['version']} for {params['architecture']}"
    module.exit_json(changed=True, actions=[action], stamp=made)


if __name__ == "__main__":
    main()
