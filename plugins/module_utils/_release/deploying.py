# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has to do so that it runs a packed release, decided before anything is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import building, disk, stamp
from .commands import Failed, Runner

# In a release that belongs to root, what the application writes into.
WRITABLE = ("tmp", "log")


@dataclass(frozen=True)
class Home:
    """The app's home and the release it shall run."""

    path: str
    stamp: Mapping[str, Any]
    parts: list[str]
    keep: int
    user: str

    @property
    def version(self) -> str:
        return str(self.stamp["version"])

    @property
    def releases(self) -> str:
        return os.path.join(self.path, "releases")

    @property
    def final(self) -> str:
        return os.path.join(self.releases, self.version)

    def archive(self, part: str) -> str:
        return os.path.join(self.path, "archives", self.stamp["parts"][part]["file"])


@dataclass
class Work:
    """`actions` are the same in check mode."""

    leftovers: list[str] = field(default_factory=list)
    unpack: bool = False
    switch: bool = False
    superfluous: list[str] = field(default_factory=list)

    def actions(self, home: Home) -> list[str]:
        return [
            *(f"remove the leftover {name}" for name in self.leftovers),
            *([f"unpack {home.version} ({' and '.join(home.parts)})"] if self.unpack else []),
            *([f"switch current to {home.version}"] if self.switch else []),
            *(f"remove the old release {name}" for name in self.superfluous),
        ]


def survey(home: Home, switch: bool) -> Work:
    """Compare the host with what it should have."""
    current = os.path.join(home.path, "current")
    points_to = os.path.basename(os.readlink(current)) if os.path.islink(current) else ""
    found = disk.read_json(os.path.join(home.final, disk.STAMP))
    unpack = not stamp.same(found, home.stamp, home.parts)
    releases = {**disk.times(home.releases), **({home.version: float("inf")} if unpack else {})}
    after = home.version if switch else points_to
    return Work(
        leftovers=disk.leftovers(home.releases),
        unpack=unpack,
        switch=switch and points_to != home.version,
        # What runs now is never removed in the run that replaces it.
        superfluous=[name for name in stamp.superfluous(releases, after, home.keep) if name != points_to],
    )


def absent(home: Home) -> list[str]:
    """The archives that must be brought here first."""
    files = []
    for part in home.parts:
        path = home.archive(part)
        if not os.path.isfile(path) or disk.sha256(path) != home.stamp["parts"][part]["sha256"]:
            files.append(os.path.basename(path))
    return files


def unpack(home: Home, runner: Runner) -> None:
    """Beside its place, and only a whole one gets its name."""
    wrong = absent(home)
    if wrong:
        raise Failed(
            f"{os.path.join(home.path, 'archives')}: {', '.join(wrong)} is not what the build host packed "
            "(SHA-256 differs); it is not unpacked. Remove it and run again."
        )
    partial = os.path.join(home.releases, disk.PARTIAL + home.version)
    os.makedirs(partial, mode=0o755)
    for part in home.parts:
        runner.run(["tar", "--extract", f"--file={home.archive(part)}", f"--directory={partial}", "--no-same-owner"])
    for name in WRITABLE:
        path = os.path.join(partial, name)
        os.makedirs(path, exist_ok=True)
        shutil.chown(path, home.user, home.user)
        os.chmod(path, 0o755)
    if "public" not in home.parts:
        disk.link(os.path.join(partial, ".env.production"), "../../shared/.env.production")
    if home.parts != ["streaming"]:
        disk.link(os.path.join(partial, "public", "system"), "../../../shared/public/system")
    disk.write_json(os.path.join(partial, disk.STAMP), stamp.installed(home.stamp, home.parts))
    # The name must not reach the disk before the files do.
    runner.run(["sync", "--file-system", partial])
    disk.put_in_place(partial, home.final)


def perform(home: Home, work: Work, runner: Runner) -> None:
    for name in work.leftovers:
        shutil.rmtree(os.path.join(home.releases, name))
    if work.unpack:
        unpack(home, runner)
    if work.switch:
        disk.link(os.path.join(home.path, "current"), f"releases/{home.version}")
    for name in work.superfluous:
        shutil.rmtree(os.path.join(home.releases, name))
        archives = os.path.join(home.path, "archives")
        for file in building.archives_of(archives, name, str(home.stamp["architecture"])):
            os.unlink(os.path.join(archives, file))
