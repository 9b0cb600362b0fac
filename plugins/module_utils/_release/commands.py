# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on the host, run as the app user with the app's PATH."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Failed(Exception):
    """A command ended badly; the text says which, and what it said."""


@dataclass(frozen=True)
class Runner:
    """`user` empty: as whoever runs this. Nothing of root's own environment reaches the command."""

    user: str = ""
    home: str = "/"
    path: str = PATH

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"HOME": self.home, "PATH": self.path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(more or {})}

    def argv(self, argv: Sequence[str]) -> list[str]:
        return ["/usr/sbin/runuser", "-u", self.user, "--", *argv] if self.user else list(argv)

    def run(
        self, argv: Sequence[str], *, cwd: str = "/", environment: Mapping[str, str] | None = None, check: bool = True
    ) -> tuple[int, str]:
        """Exit code and output (both streams)."""
        done = subprocess.run(
            self.argv(argv),
            cwd=cwd,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = done.stdout.decode(errors="replace").strip()
        if check and done.returncode != 0:
            raise Failed(f"`{' '.join(argv)}` ended with {done.returncode}: {last_lines(output, 15)}")
        return done.returncode, output

    def logged(self, argv: Sequence[str], log: str, *, cwd: str, environment: Mapping[str, str] | None = None) -> int:
        """Run with the output going to the end of a file."""
        with open(log, "ab", buffering=0) as stream:
            stream.write(f"\n$ {' '.join(argv)}\n".encode())
            done = subprocess.run(
                self.argv(argv),
                cwd=cwd,
                env=self.environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        return done.returncode


def host() -> str:
    return platform.node().partition(".")[0]


def last_lines(text: str, count: int) -> str:
    return "\n".join(text.rstrip().splitlines()[-count:])


def last_lines_of(path: str, count: int) -> str:
    """The end of a log, of which only the last 64 kB are read."""
    with open(path, "rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 65536))
        return last_lines(stream.read().decode(errors="replace"), count)


def installed_version(runner: Runner, argv: Sequence[str]) -> str:
    """What a program prints; empty when there is no such program."""
    try:
        code, output = runner.run(argv, check=False)
    except FileNotFoundError:
        return ""
    return output.splitlines()[-1] if code == 0 and output else ""


def ruby(runner: Runner) -> tuple[str, str]:
    """(version, ABI) of the Ruby that the app would run with; gems are compiled for the ABI."""
    code = 'print RUBY_VERSION, " ", RbConfig::CONFIG["ruby_version"]'
    version, _, abi = installed_version(runner, ["ruby", "-e", code]).partition(" ")
    return version, abi


def node(runner: Runner) -> str:
    return installed_version(runner, ["node", "--version"]).lstrip("v")
