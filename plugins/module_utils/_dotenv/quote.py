# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that Ruby's dotenv, Node's dotenv and systemd's EnvironmentFile= read alike: single quotes, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class DotenvError(ValueError):
    """A variable that the three readers would not read alike."""


def text_of(name: str, value: Any) -> str:
    """Booleans as Rails spells them; numbers and text as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise DotenvError(f"{name} is a {type(value).__name__}; an environment variable is text, a number or true/false")


def quote(name: str, value: Any) -> str:
    """`'…'`: literal for all three, where double quotes would expand `$X` and run `$(…)` in Ruby."""
    text = text_of(name, value)
    if "'" in text or "\n" in text or "\r" in text or "\0" in text:
        raise DotenvError(
            f"{name} has a single quote or a line break, which cannot be written so that Ruby, Node and systemd agree"
        )
    if text.endswith("\\"):
        raise DotenvError(f"{name} ends in a backslash, which Ruby and Node take for an escaped quote")
    return f"'{text}'"


def render(variables: Mapping[str, Any]) -> str:
    """NAME='value' lines, sorted, without those that are None."""
    lines = []
    for name in sorted(variables):
        if not _NAME.match(name):
            raise DotenvError(f"{name!r} is no name of an environment variable")
        if variables[name] is not None:
            lines.append(f"{name}={quote(name, variables[name])}\n")
    return "".join(lines)
