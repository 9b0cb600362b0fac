# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp beside a packed release: what it was made from, what is in it, how to recognise it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA = 1
TREES = ("app", "streaming", "public")


def fingerprint(ingredients: Mapping[str, Any]) -> str:
    """Equal ingredients, equal fingerprint, whatever their order."""
    text = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def shown_source(source: Mapping[str, Any]) -> dict[str, str]:
    """The source without user names, passwords and tokens in its addresses."""
    return {str(key): re.sub(r"(://)[^/@]*@", r"\1", str(value)).partition("?")[0] for key, value in source.items()}


def file_name(version: str, architecture: str, part: str = "app") -> str:
    suffix = "" if part == "app" else f"-{part}"
    return f"{version}-{architecture}{suffix}.tar.zst"


def wanted_parts(tree: str, node: bool) -> list[str]:
    """Which packed parts a host unpacks. A host with Ruby and streaming gets both, in one directory."""
    if tree not in TREES:
        raise ValueError(f"tree is {tree!r}; one of {', '.join(TREES)}")
    return ["app", "streaming"] if tree == "app" and node else [tree]


def problems(stamp: Mapping[str, Any]) -> list[str]:
    """Why this is not a stamp of ours; empty when it is one."""
    missing = [key for key in ("version", "architecture", "fingerprint", "parts", "queues") if key not in stamp]
    if stamp.get("schema") != SCHEMA:
        return [f"schema is {stamp.get('schema')!r}, not {SCHEMA}"]
    return [f"{key} is missing" for key in missing]


def installed(stamp: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """The `.release.json` of an unpacked release: the stamp plus which parts are there."""
    return {**stamp, "unpacked": list(parts)}


def same(found: Mapping[str, Any] | None, stamp: Mapping[str, Any], parts: Sequence[str]) -> bool:
    """Whether an unpacked release is this very build with these parts."""
    if not found:
        return False
    files = [(stamp["parts"][part]["sha256"], found.get("parts", {}).get(part, {}).get("sha256")) for part in parts]
    return found.get("unpacked") == list(parts) and all(want == have for want, have in files)


def superfluous(releases: Mapping[str, float], current: str, keep: int) -> list[str]:
    """Releases beyond the newest `keep` (by time), oldest first; never the current one."""
    others = sorted((name for name in releases if name != current), key=lambda name: (releases[name], name))
    surplus = len(others) - max(0, keep - (1 if current in releases else 0))
    return others[: max(0, surplus)]
