# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a source tree to the commands that build it, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# Read from the tree by its owner; anything else of it does not influence the steps.
FILES = (
    "Gemfile",
    ".ruby-version",
    "package.json",
    "yarn.lock",
    ".yarnrc.yml",
    "streaming/package.json",
    "config/sidekiq.yml",
)


@dataclass(frozen=True)
class Step:
    """One command, run as the app user. `directory` is relative to the build directory."""

    name: str
    argv: list[str]
    directory: str
    environment: dict[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def yarn_path(yarnrc: str) -> str | None:
    """The project's own yarn, when it brings one."""
    found = re.search(r"^yarnPath:\s*['\"]?([^'\"\s]+)", yarnrc, re.MULTILINE)
    return found[1] if found else None


def streaming_workspace(files: Mapping[str, str]) -> str | None:
    """The workspace a streaming host installs, when it needs anything that yarn locks."""
    if not files.get("streaming/package.json") or not files.get("yarn.lock"):
        return None
    package = json.loads(files["streaming/package.json"])
    needed = package.get("dependencies") or package.get("optionalDependencies")
    return str(package["name"]) if needed else None


def build_steps(
    files: Mapping[str, str], *, jobs: int, tree: str = "tree", streaming: str = "streaming-tree"
) -> list[Step]:
    """`files` maps the names in FILES to their text (missing or empty: there is no such file)."""
    yarnrc = files.get(".yarnrc.yml", "")
    own_yarn = yarn_path(yarnrc)
    yarn = ["node", own_yarn] if own_yarn else ["corepack", "yarn"]
    quiet = {"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0", "YARN_ENABLE_TELEMETRY": "0"}
    # Real secrets are not needed to build, and a database is not there.
    dummy = {"RAILS_ENV": "production", "NODE_ENV": "production", "SECRET_KEY_BASE_DUMMY": "1"}
    steps = [
        Step(
            "Tell Bundler to keep the gems in the tree",
            ["bundle", "config", "set", "--local", "deployment", "true"],
            tree,
        ),
        Step(
            "Tell Bundler to leave out development",
            ["bundle", "config", "set", "--local", "without", "development test"],
            tree,
        ),
        Step("Install the gems", ["bundle", "install", "--jobs", str(jobs)], tree),
    ]
    if files.get("yarn.lock"):
        steps.append(Step("Install the packages for the assets", [*yarn, "install", "--immutable"], tree, quiet))
    steps.append(Step("Build the assets", ["bundle", "exec", "rails", "assets:precompile"], tree, dummy))
    workspace = streaming_workspace(files)
    if workspace:
        focus = [*yarn, "workspaces", "focus", "--production", workspace]
        steps.append(Step("Install the packages of streaming", focus, streaming, quiet))
    return steps


# JSON and SVG below app/javascript stay: the Ruby code reads the emoji map there.
_FRONT_END = ("ts", "tsx", "js", "jsx", "scss", "css", "mdx", "snap", "woff", "woff2")
_LEFT_OUT = (
    *("./.git", "./.github", "./.devcontainer", "./.yarn", "./node_modules", "./streaming/node_modules", "./spec"),
    *("./tmp", "./log", "./public/system", "./.env.production", "./.release.json"),
    *(f"./app/javascript/*.{suffix}" for suffix in _FRONT_END),
    *("./vendor/bundle/ruby/*/cache", "./vendor/bundle/*.o"),
)


def parts(files: Mapping[str, str], *, node_modules: bool) -> dict[str, dict[str, Any]]:
    """What is packed: {part: {directory, members, excludes}}. `node_modules`: those of the tree are streaming's."""
    own_modules = streaming_workspace(files) and not node_modules
    return {
        "app": {"directory": "tree", "members": ["."], "excludes": list(_LEFT_OUT)},
        "streaming": {
            "directory": "streaming-tree" if own_modules else "tree",
            "members": ["package.json", "yarn.lock", ".yarnrc.yml", "streaming", "node_modules"],
            "excludes": ["node_modules/.cache"],
        },
        "public": {"directory": "tree", "members": ["public"], "excludes": ["public/system"]},
    }
