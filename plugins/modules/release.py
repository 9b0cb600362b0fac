#!/usr/bin/python
# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Unpack a packed release and switch to it
version_added: 0.1.0
author:
  - The fediverse.mastodon contributors (@fediverse)
description:
  - Unpacks into a directory beside the releases, which gets its name only when it is whole.
  - Only then does C(current) lead to it.
  - An archive that is not what the build host packed is refused. What an interrupted run left is removed.
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run does, and says which archives it needs.
  diff_mode:
    support: none
    description: Releases are no diff.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian and its relatives.
options:
  stamp:
    description: The stamp of the packed release, as the build host has it.
    type: dict
    required: true
  tree:
    description: What this host needs of it.
    type: str
    choices: [app, streaming, public]
    default: app
  node:
    description: Whether a host with the tree V(app) also runs streaming.
    type: bool
    default: false
  switch:
    description: Whether C(current) leads to this release afterwards.
    type: bool
    default: true
  keep:
    description: How many releases stay on disk, each with its archives.
    type: int
    default: 3
  home:
    description: The app's home.
    type: path
    default: /opt/mastodon
  user:
    description: Who runs the app. The release itself belongs to root.
    type: str
    default: mastodon
  search_path:
    description: PATH with the Ruby and Node in use.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Run this release from now on
  fediverse.mastodon.release:
    stamp: "{{ stamp }}"
    search_path: /usr/local/bin:/usr/bin:/bin
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [unpack v4.6.5 (app), switch current to v4.6.5]
files:
  description: Archives that this host lacks and needs.
  returned: always
  type: list
  elements: str
  sample: [v4.6.5-amd64.tar.zst]
queues:
  description: The release's Sidekiq queues with their weights.
  returned: always
  type: list
  elements: list
  sample: [[default, 8], [scheduler, null]]
version:
  description: The release.
  returned: always
  type: str
  sample: v4.6.5
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import (
    building,
    commands,
    deploying,
    requirements,
    stamp,
)

SPEC: dict[str, Any] = {
    "stamp": {"type": "dict", "required": True},
    "tree": {"type": "str", "choices": ["app", "streaming", "public"], "default": "app"},
    "node": {"type": "bool", "default": False},
    "switch": {"type": "bool", "default": True},
    "keep": {"type": "int", "default": 3},
    "home": {"type": "path", "default": "/opt/mastodon"},
    "user": {"type": "str", "default": "mastodon"},
    "search_path": {"type": "str", "required": True},
}


def unfit(about: dict[str, Any], parts: list[str], runner: commands.Runner) -> tuple[list[str], list[str]]:
    """(refusals, warnings): why this host cannot run what was built elsewhere."""
    refusals, warnings = [], []
    if "app" in parts:
        here, built = building.this_distribution(), about.get("distribution", "")
        version, abi = commands.ruby(runner)
        ruby = about.get("ruby", {})
        verdict = requirements.judge_ruby(commands.host(), version, ruby.get("requirement", ""), ruby.get("pin", ""))
        if built and built != here:
            refusals.append(f"{commands.host()} is {here}, but the release was built on {built}: its gems do not fit")
        elif verdict.refusal:
            refusals.append(verdict.refusal)
        elif ruby.get("abi") and abi != ruby["abi"]:
            refusals.append(
                f"{commands.host()} has Ruby {version or '(none)'}, but the release's gems were compiled for "
                f"{ruby['abi']}: give all app hosts the same mastodon_ruby"
            )
    if "streaming" in parts:
        asked = about.get("node", {}).get("requirement", "")
        verdict = requirements.judge_node(commands.host(), commands.node(runner), asked)
        refusals += [verdict.refusal] if verdict.refusal else []
        warnings += [verdict.warning] if verdict.warning else []
    return refusals, warnings


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    about = params["stamp"]
    wrong = stamp.problems(about)
    if wrong:
        module.fail_json(msg=f"stamp of the release: {'; '.join(wrong)}. Build it again with this collection.")
    parts = stamp.wanted_parts(params["tree"], params["node"])
    home = deploying.Home(params["home"], about, parts, params["keep"], params["user"])
    todo = deploying.survey(home, params["switch"])
    files = deploying.absent(home) if todo.unpack else []
    actions = todo.actions(home)
    if todo.unpack:
        runner = commands.Runner(params["user"], params["home"], params["search_path"])
        refusals, warnings = unfit(about, parts, runner)
        if refusals:
            module.fail_json(msg=". ".join(refusals))
        for warning in warnings if not module.check_mode else []:
            module.warn(warning)
    try:
        if actions and not module.check_mode:
            deploying.perform(home, todo, commands.Runner())
    except (commands.Failed, OSError) as error:
        module.fail_json(msg=f"{commands.host()}: {error}")
    module.exit_json(changed=bool(actions), actions=actions, files=files, queues=about["queues"], version=home.version)


if __name__ == "__main__":
    main()
