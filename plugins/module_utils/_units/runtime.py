# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deployed release and this host offer to the app's processes."""

from __future__ import annotations

import glob
import json
import os
import shlex
from typing import Any

from .._shell import Refusal, Shell
from .model import UnitsError

STAMP = ".release.json"


def parse_environment(text: str) -> dict[str, str]:
    """Our own /etc/mastodon/path.env: NAME=value, quoted or not."""
    values: dict[str, str] = {}
    for line in text.split("\n"):
        words = shlex.split(line, comments=True)
        for word in words[:1]:
            name, equals, value = word.partition("=")
            if equals:
                values[name] = value
    return values


def read_release(current: str) -> dict[str, Any]:
    if not os.path.isdir(current):
        raise UnitsError(f"there is no release at {current}: deploy one with the role mastodon (site.yml does both)")
    path = os.path.join(current, STAMP)
    try:
        with open(path, encoding="utf-8") as handle:
            stamp = json.load(handle)
    except (OSError, ValueError) as error:
        raise UnitsError(f"{path} cannot be read ({error}): deploy the release again with the role mastodon") from error
    if not isinstance(stamp, dict):
        raise UnitsError(f"{path} holds no JSON object: deploy the release again with the role mastodon")
    return stamp


def find_jemalloc(pattern: str = "/usr/lib/*/libjemalloc.so.2") -> str | None:
    found = sorted(glob.glob(pattern))
    return found[0] if found else None


def has_yjit(shell: Shell, user: str, environment_file: str) -> bool:
    """As the app's user: its Ruby may lie where only it may write."""
    environment: dict[str, str] = {}
    if os.path.exists(environment_file):
        with open(environment_file, encoding="utf-8") as handle:
            environment = parse_environment(handle.read())
    assignments = [f"{name}={value}" for name, value in environment.items()]
    code = "print defined?(RubyVM::YJIT.enable) ? 1 : 0"
    try:
        return shell.run(["env", *assignments, "ruby", "-e", code], user=user).out.strip() == "1"
    except Refusal as error:
        raise UnitsError(f"Ruby does not run for user {user} with {environment_file}: {error}") from error
