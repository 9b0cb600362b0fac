# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking and switching: at whatever point it is interrupted, `current` is a whole release or what it was before."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from typing import Any

PARTIAL = ".partial-"
REPLACED = ".replaced-"
STAMP = ".release.json"

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: str) -> dict[str, Any] | None:
    """The object in the file; None when there is no such file or it was cut off."""
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: str, value: Mapping[str, Any], mode: int = 0o644) -> None:
    """Whole or not at all, also over a power cut."""
    draft = f"{path}.new"
    with open(draft, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, sort_keys=True)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(draft, mode)
    os.replace(draft, path)


def leftovers(releases: str) -> list[str]:
    """What an interrupted run left."""
    if not os.path.isdir(releases):
        return []
    return sorted(name for name in os.listdir(releases) if name.startswith(PARTIAL))


def times(releases: str) -> dict[str, float]:
    """The whole releases and when each was unpacked."""
    found: dict[str, float] = {}
    if os.path.isdir(releases):
        for name in os.listdir(releases):
            stamp = os.path.join(releases, name, STAMP)
            if not name.startswith(".") and os.path.isfile(stamp):
                found[name] = os.stat(stamp).st_mtime
    return found


def link(path: str, target: str) -> bool:
    """A symbolic link, replaced in one step. Returns whether it was not so before."""
    if os.path.islink(path) and os.readlink(path) == target:
        return False
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    draft = f"{path}.new"
    if os.path.lexists(draft):
        os.unlink(draft)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, draft)
    os.replace(draft, path)
    return True


def _exchange(left: str, right: str) -> bool:
    """Swap two names in one step; False where libc or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    answer = rename(_AT_FDCWD, os.fsencode(left), _AT_FDCWD, os.fsencode(right), _RENAME_EXCHANGE)
    return int(answer) == 0


def put_in_place(partial: str, final: str) -> None:
    """Give the unpacked directory its name.

    What was there before stays until the next unpacking: processes still run in it.
    """
    if not os.path.lexists(final):
        os.rename(partial, final)
        return
    replaced = os.path.join(os.path.dirname(final), REPLACED + os.path.basename(final))
    if os.path.lexists(replaced):
        shutil.rmtree(replaced)
    if _exchange(partial, final):
        os.rename(partial, replaced)
    else:
        os.rename(final, replaced)
        os.rename(partial, final)
