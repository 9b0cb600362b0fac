# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration tree as a value: what is there, what shall be there, what differs.

A tree maps paths relative to its root to entries. Only what is wanted is changed: an administrator's other files stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One file (content, mode) or one symbolic link (target)."""

    content: bytes = b""
    mode: int = 0o644
    target: str | None = None


Tree = Mapping[str, Entry]


@dataclass(frozen=True)
class Wanted:
    """Files and links that must be there, and links that must not."""

    present: Tree
    unlinked: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Wanted:
        present = {
            item["path"]: Entry(content=item["content"].encode(), mode=int(item["mode"], 8)) for item in params["files"]
        }
        present.update({path: Entry(target=target) for path, target in params["links"].items()})
        return cls(present=present, unlinked=dict(params["unlinked"]))


def changes(current: Tree, wanted: Wanted) -> dict[str, Entry | None]:
    """Path to new entry, or to None where a link goes away; empty when nothing differs."""
    result: dict[str, Entry | None] = {
        path: entry for path, entry in sorted(wanted.present.items()) if current.get(path) != entry
    }
    for path, target in sorted(wanted.unlinked.items()):
        entry = current.get(path)
        # Only the distribution's own link is ours to remove: a site of the same name may be the administrator's.
        if entry is not None and entry.target == target:
            result[path] = None
    return result


def overlay(current: Tree, changed: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """The tree after the changes."""
    merged = {**current, **{path: entry for path, entry in changed.items() if entry is not None}}
    return {path: entry for path, entry in merged.items() if changed.get(path, entry) is not None}


def inverse(current: Tree, changed: Mapping[str, Entry | None]) -> dict[str, Entry | None]:
    """The changes that bring the old tree back."""
    return {path: current.get(path) for path in changed}


def fingerprint(tree: Tree, watched: Mapping[str, bytes]) -> str:
    """One hash over everything that a reload makes the server read."""
    digest = hashlib.sha256()
    for path, entry in sorted(tree.items()):
        digest.update(repr((path, entry.target, entry.mode, hashlib.sha256(entry.content).hexdigest())).encode())
    for path, content in sorted(watched.items()):
        digest.update(repr((path, hashlib.sha256(content).hexdigest())).encode())
    return digest.hexdigest()


def actions(changed: Mapping[str, Entry | None]) -> list[str]:
    """One line per change, in a stable order."""
    lines = []
    for path, entry in changed.items():
        if entry is None:
            lines.append(f"unlink {path}")
        elif entry.target is not None:
            lines.append(f"link {path}")
        else:
            lines.append(f"write {path}")
    return lines


def diff_text(paths: Sequence[str], tree: Tree) -> str:
    """For diff mode; what only root may read is shown by its hash."""
    parts = []
    for path in paths:
        entry = tree.get(path)
        if entry is None:
            continue
        if entry.target is not None:
            text = f"-> {entry.target}\n"
        elif entry.mode & 0o077:
            text = entry.content.decode(errors="replace")
        else:
            text = f"(hidden, sha256 {hashlib.sha256(entry.content).hexdigest()[:12]})\n"
        parts.append(f"=== {path}\n{text}")
    return "".join(parts)
