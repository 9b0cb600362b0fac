# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree that is built and packed on the build host, and the archives that come out of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import disk, stamp, steps
from .commands import Runner

TREE = "tree"
STREAMING = "streaming-tree"


@dataclass(frozen=True)
class Place:
    """Where the build host keeps what."""

    archives: str
    build: str
    version: str
    architecture: str

    @property
    def stamp(self) -> str:
        return os.path.join(self.archives, f"{self.version}-{self.architecture}.json")

    @property
    def log(self) -> str:
        return os.path.join(self.archives, f"{self.version}-{self.architecture}.log")

    @property
    def tree(self) -> str:
        return os.path.join(self.build, TREE)

    def archive(self, part: str) -> str:
        return os.path.join(self.archives, stamp.file_name(self.version, self.architecture, part))


def distribution(text: str) -> str:
    """`debian-13` from /etc/os-release: compiled gems belong to one release of a distribution."""
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return f"{values.get('ID', 'unknown')}-{values.get('VERSION_ID', '')}"


def this_distribution() -> str:
    with open("/etc/os-release", encoding="utf-8") as stream:
        return distribution(stream.read())


def packed(place: Place, fingerprint: str) -> dict[str, Any] | None:
    """The stamp, if these very ingredients are packed here and the archives are what the stamp says."""
    found = disk.read_json(place.stamp)
    if not found or stamp.problems(found) or found["fingerprint"] != fingerprint:
        return None
    for part, about in found["parts"].items():
        path = place.archive(part)
        if not os.path.isfile(path) or disk.sha256(path) != about["sha256"]:
            return None
    return found


def read_files(tree: str) -> dict[str, str]:
    """The few files of a tree that say how it is built."""
    found = {}
    for name in steps.FILES:
        path = os.path.join(tree, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                found[name] = stream.read()
    return found


def fresh(place: Place) -> None:
    """An empty build directory: nothing of an interrupted build is trusted."""
    if os.path.lexists(place.build):
        shutil.rmtree(place.build)
    os.makedirs(place.tree)
    if os.path.exists(place.log):
        os.unlink(place.log)


def clone(place: Place, runner: Runner, url: str, environment: Mapping[str, str]) -> str:
    """One commit, without history. Returns its name."""
    quiet = {**environment, "GIT_TERMINAL_PROMPT": "0"}

    def git(*words: str) -> str:
        return runner.run(["git", "-C", place.tree, *words], environment=quiet)[1]

    git("init", "--quiet")
    git("fetch", "--quiet", "--depth=1", url, place.version)
    git("-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD")
    return git("rev-parse", "HEAD").splitlines()[-1]


def extract(tree: str, runner: Runner, archive: str) -> None:
    """Into the tree, whether or not everything lies in one top directory (as forges pack it)."""
    runner.run(["tar", "--extract", f"--file={archive}", f"--directory={tree}", "--no-same-owner"])
    names = os.listdir(tree)
    only = os.path.join(tree, names[0]) if len(names) == 1 else ""
    if only and os.path.isdir(only) and not os.path.islink(only) and not names[0].startswith("."):
        aside = f"{tree}.top"
        os.rename(only, aside)
        os.rmdir(tree)
        os.rename(aside, tree)


def gems_abi(tree: str) -> str:
    """The Ruby that the gems in the tree were compiled for; empty when it has none of its own."""
    path = os.path.join(tree, "vendor", "bundle", "ruby")
    found = sorted(os.listdir(path)) if os.path.isdir(path) else []
    return found[-1] if found else ""


def prepare_streaming(place: Place, runner: Runner, files: Mapping[str, str]) -> None:
    """A second, small tree in which only the streaming workspace gets its node_modules."""
    if not steps.streaming_workspace(files):
        return
    small = os.path.join(place.build, STREAMING)
    runner.run(["mkdir", small])
    for name in ("package.json", "yarn.lock", ".yarnrc.yml", ".yarn", "streaming"):
        if os.path.lexists(os.path.join(place.tree, name)):
            runner.run(["cp", "--recursive", "--preserve=mode,links", os.path.join(place.tree, name), small])


def _tar(place: Place, runner: Runner, part: str, about: Mapping[str, Any]) -> dict[str, Any]:
    directory = os.path.join(place.build, about["directory"])
    members = [name for name in about["members"] if name == "." or os.path.lexists(os.path.join(directory, name))]
    draft = f"{place.archive(part)}.new"
    # Times are kept: nginx tells browsers by them whether a file of public/ has changed.
    runner.run(
        [
            "tar",
            "--create",
            f"--file={draft}",
            f"--directory={directory}",
            "--use-compress-program=zstd -3 -T0 -q",
            "--sort=name",
            "--owner=root:0",
            "--group=root:0",
            "--mode=u+rwX,go+rX,go-w",
            "--anchored",
            *[f"--exclude={pattern}" for pattern in about["excludes"]],
            *members,
        ]
    )
    return {
        "file": os.path.basename(place.archive(part)),
        "sha256": disk.sha256(draft),
        "bytes": os.path.getsize(draft),
    }


def pack(
    place: Place, runner: Runner, about: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Make every archive, then give them their names, the stamp last: without it they do not count."""
    made = {part: _tar(place, runner, part, what) for part, what in parts.items()}
    whole = {
        "schema": stamp.SCHEMA,
        "version": place.version,
        "architecture": place.architecture,
        **about,
        "parts": made,
    }
    for part in made:
        os.chmod(f"{place.archive(part)}.new", 0o644)
        os.replace(f"{place.archive(part)}.new", place.archive(part))
    disk.write_json(place.stamp, whole)
    shutil.rmtree(place.build)
    return whole


def archives_of(archives: str, version: str, architecture: str) -> list[str]:
    """The files of one version: its parts, stamp and log."""
    begin = f"{version}-{architecture}"
    if not os.path.isdir(archives):
        return []
    return sorted(name for name in os.listdir(archives) if re.match(re.escape(begin) + r"[.-]", name))
