#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_source
short_description: Find out whether a release must be built, and lay out its source
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Compares what a release is made from with the stamp of what is packed already.
  - A release that is not packed gets an empty build directory with its source.
  - The module returns the commands that build it.
  - The versions of Ruby and Node are held against what the source asks for before anything is built.
attributes:
  check_mode:
    support: full
    description: Says whether it would lay out the source. The commands are known only after that.
  diff_mode:
    support: none
    description: The source of a whole application is no diff.
  idempotent:
    support: full
    description: A release that is packed is left alone.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  version:
    description: Tag, branch or commit, and the name of the release.
    type: str
    required: true
  architecture:
    description: Debian's name of it.
    type: str
    required: true
  source:
    description: Where the code comes from.
    type: dict
    required: true
    suboptions:
      kind:
        description: V(release) is finished and only packed anew.
        type: str
        choices: [git, archive, release]
        required: true
      location:
        description: URL or path, as the inventory has it.
        type: str
        required: true
      checksum:
        description: C(sha256:…) of an archive.
        type: str
        default: ""
  path:
    description: The archive on this host, for the kinds V(archive) and V(release).
    type: path
  ingredients:
    description: Whatever else leads to another build when it changes.
    type: dict
    default: {}
  environment:
    description: Additional environment for fetching the source.
    type: dict
    default: {}
  home:
    description: The app's home.
    type: path
    default: /opt/mastodon
  user:
    description: Who fetches and builds.
    type: str
    default: mastodon
  search_path:
    description: PATH with the Ruby and Node to use.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Lay out the source
  fediverse.mastodon.release_source:
    version: v4.6.5
    architecture: amd64
    source: {kind: git, location: https://git.example.org/mastodon.git}
    search_path: /usr/local/bin:/usr/bin:/bin
  register: source
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [lay out the source of v4.6.5]
needed:
  description: Whether the release must be built.
  returned: always
  type: bool
  sample: true
fingerprint:
  description: Stands for everything the release is made from.
  returned: always
  type: str
  sample: 5f0c…
steps:
  description: The commands that build it, each with C(name), C(argv), C(directory) and C(environment).
  returned: always
  type: list
  elements: dict
  sample: [{name: Install the gems, argv: [bundle, install, --jobs, "4"], directory: tree, environment: {}}]
commit:
  description: The commit of a git source.
  returned: always
  type: str
  sample: 1440d55b139e
stamp:
  description: The stamp of the packed release, if it need not be built.
  returned: always
  type: dict
  sample: {version: v4.6.5, architecture: amd64}
"""

import os
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import (
    building,
    commands,
    disk,
    requirements,
    stamp,
    steps,
)

# Raise it when the same ingredients shall be built in another way.
RECIPE = 1
SPEC: dict[str, Any] = {
    "version": {"type": "str", "required": True},
    "architecture": {"type": "str", "required": True},
    "source": {
        "type": "dict",
        "required": True,
        "options": {
            "kind": {"type": "str", "choices": ["git", "archive", "release"], "required": True},
            "location": {"type": "str", "required": True},
            "checksum": {"type": "str", "default": ""},
        },
    },
    "path": {"type": "path"},
    "ingredients": {"type": "dict", "default": {}},
    "environment": {"type": "dict", "default": {}},
    "home": {"type": "path", "default": "/opt/mastodon"},
    "user": {"type": "str", "default": "mastodon"},
    "search_path": {"type": "str", "required": True},
}


def fingerprint(params: dict[str, Any]) -> str:
    source = params["source"]
    # An archive is what its checksum says, wherever it lies.
    origin = source["location"] if source["kind"] == "git" else source["checksum"]
    return stamp.fingerprint(
        {
            "recipe": RECIPE,
            "version": params["version"],
            "architecture": params["architecture"],
            "source": [source["kind"], origin],
            "distribution": building.this_distribution(),
            "ingredients": params["ingredients"],
        }
    )


def check_runtimes(module: AnsibleModule, files: dict[str, str], runner: commands.Runner) -> None:
    """Refuse before the first gem is compiled."""
    pin = files.get(".ruby-version", "")
    verdicts = [
        requirements.judge_ruby(
            commands.host(),
            commands.ruby(runner)[0],
            requirements.ruby_requirement(files.get("Gemfile", ""), pin),
            pin,
        )
    ]
    if files.get("yarn.lock"):
        asked = requirements.node_requirement(files.get("package.json", ""))
        verdicts.append(requirements.judge_node(commands.host(), commands.node(runner), asked))
    refusals = [verdict.refusal for verdict in verdicts if verdict.refusal]
    if refusals:
        module.fail_json(msg=" ".join(refusals))
    for verdict in verdicts:
        if verdict.warning:
            module.warn(verdict.warning)


def lay_out(module: AnsibleModule, place: building.Place, runner: commands.Runner) -> tuple[list[steps.Step], str]:
    params, source = module.params, module.params["source"]
    if source["kind"] != "git":
        want, found = source["checksum"].removeprefix("sha256:"), disk.sha256(params["path"])
        if want != found:
            raise commands.Failed(
                f"mastodon_source: {source['location']} has the SHA-256 {found}, not {want}: it is not used"
            )
    building.fresh(place)
    for path in (place.build, place.tree):
        shutil.chown(path, params["user"], params["user"])
    environment = {key: str(value) for key, value in params["environment"].items()}
    commit = ""
    if source["kind"] == "git":
        commit = building.clone(place, runner, source["location"], environment)
    else:
        building.extract(place.tree, runner, params["path"])
    files = building.read_files(place.tree)
    if "Gemfile" not in files or "config/sidekiq.yml" not in files:
        raise commands.Failed(
            f"mastodon_source: {source['location']} ({params['version']}) holds no Mastodon: no Gemfile and "
            "config/sidekiq.yml at its top"
        )
    if source["kind"] == "release":
        # Whether this host can run it is found out before unpacking; one without Ruby still packs what it needs.
        return [], commit
    check_runtimes(module, files, runner)
    building.prepare_streaming(place, runner, files)
    return steps.build_steps(files, jobs=os.cpu_count() or 1), commit


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    archives, build = (os.path.join(params["home"], name) for name in ("archives", "build"))
    place = building.Place(archives, build, params["version"], params["architecture"])
    runner = commands.Runner(params["user"], params["home"], params["search_path"])
    mark = fingerprint(params)
    found = building.packed(place, mark)
    todo, commit = [], ""
    actions = [] if found else [f"lay out the source of {params['version']}"]
    try:
        if actions and not module.check_mode:
            todo, commit = lay_out(module, place, runner)
    except (commands.Failed, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    module.exit_json(
        changed=bool(actions),
        actions=actions,
        needed=not found,
        fingerprint=mark,
        steps=[step.plain() for step in todo],
        commit=commit,
        stamp=found or {},
    )


if __name__ == "__main__":
    main()
