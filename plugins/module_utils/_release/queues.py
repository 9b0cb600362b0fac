# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queues of a release, read from its config/sidekiq.yml.

The file is ERB around YAML and the hosts have no YAML parser, so it is read as text: only the list under `:queues:`.
"""

from __future__ import annotations

import re
from typing import Optional

Queue = tuple[str, Optional[int]]

_HEAD = re.compile(r"^(?P<indent> *):?['\"]?queues['\"]?:\s*(?P<rest>.*?)\s*$")
_ERB_NUMBER = re.compile(r"<%=[^%]*?,\s*['\"]?(\d+)['\"]?\s*\)[^%]*%>")
_NAME = re.compile(r"^[a-z][a-z0-9_.-]*$", re.IGNORECASE)


class QueuesError(ValueError):
    """The list cannot be read."""


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).rstrip()


def _entry(text: str) -> Queue:
    """`[default, 8]`, `[pull]` or `pull`."""
    plain = _ERB_NUMBER.sub(r"\1", text).strip()
    if plain.startswith("[") != plain.endswith("]"):
        raise QueuesError(f"config/sidekiq.yml: cannot read the queue {text!r}")
    parts = [part.strip().strip("'\"").lstrip(":") for part in plain.strip("[]").split(",")]
    if not 1 <= len(parts) <= 2 or not _NAME.match(parts[0]) or (len(parts) == 2 and not parts[1].isdigit()):
        raise QueuesError(f"config/sidekiq.yml: cannot read the queue {text!r}")
    return parts[0], int(parts[1]) if len(parts) == 2 else None


def parse(text: str) -> list[Queue]:
    """The queues in the file's order, each with its weight or None."""
    lines = [_without_comment(line) for line in text.splitlines()]
    heads = [(number, head) for number, line in enumerate(lines) if (head := _HEAD.match(line))]
    if not heads:
        raise QueuesError("config/sidekiq.yml has no :queues: list")
    number, head = heads[0]
    if head["rest"]:
        raise QueuesError("config/sidekiq.yml: :queues: is not a list with one queue per line")
    indent = len(head["indent"])
    items: list[str] = []
    for line in lines[number + 1 :]:
        stripped = line.strip()
        if not stripped or re.fullmatch(r"<%[^=].*%>", stripped):
            continue
        depth = len(line) - len(line.lstrip())
        nested = re.match(r"^-\s+-\s+(.*)$", stripped)
        if nested:
            items.append(f"[{nested[1]}")
        elif (
            stripped.startswith("- ")
            and items
            and items[-1].startswith("[")
            and not items[-1].endswith("]")
            and depth > indent + 2
        ):
            items[-1] += f", {stripped[2:]}"
        elif stripped.startswith("- ") and depth >= indent:
            items.append(stripped[2:].strip())
        else:
            break
    queues = [_entry(item if not item.startswith("[") or item.endswith("]") else f"{item}]") for item in items]
    if not queues:
        raise QueuesError("config/sidekiq.yml: the :queues: list is empty")
    return queues
