"""The docker command line. Nothing else in the lab starts `docker`."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from .errors import LabError

LABEL = "org.fediverse-mastodon.lab"
DAEMON = "Error response from daemon: "
NO_COMMAND = "there is no docker command"
HOST_LABEL = "org.fediverse-mastodon.host"
SITE_LABEL = "org.fediverse-mastodon.site"


class DockerError(LabError):
    """A docker command that failed; `reason` is docker's own last line."""

    def __init__(self, arguments: tuple[str, ...], reason: str) -> None:
        self.reason = reason
        if "Cannot connect to the Docker daemon" in reason or reason == NO_COMMAND:
            super().__init__("no Docker engine answers; `python3 -m tests.lab up …` starts one, or start it yourself")
            return
        super().__init__(f"`docker {' '.join(arguments[:3])}` failed: {reason}; see `docker ps -a` and run it again")


def reason(output: str) -> str:
    """Why a command failed: what the daemon answered, else the last line."""
    lines = output.strip().splitlines()
    told = [line.partition(DAEMON)[2] for line in lines if DAEMON in line]
    return (told or lines[-1:] or ["no message"])[0].strip()


def docker(*arguments: str, stdin: bytes | None = None, timeout: float = 300) -> str:
    """Run docker and return what it printed."""
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, timeout=timeout, input=stdin or b"")
    except FileNotFoundError:
        raise DockerError(arguments, NO_COMMAND) from None
    except subprocess.TimeoutExpired:
        raise DockerError(arguments, f"no answer within {timeout:.0f} s") from None
    if done.returncode:
        raise DockerError(arguments, reason((done.stderr or done.stdout).decode(errors="replace")))
    return done.stdout.decode(errors="replace").strip()


def answers() -> bool:
    """Is there an engine?"""
    try:
        docker("info", "--format", "{{.ServerVersion}}", timeout=30)
    except DockerError:
        return False
    return True


def image_exists(tag: str) -> bool:
    """Is the image in the engine's store?"""
    return bool(docker("images", "--quiet", tag))


def inspect(kind: str, names: list[str]) -> list[dict[str, Any]]:
    """`docker KIND inspect` of several objects at once; all must exist."""
    return list(json.loads(docker(kind, "inspect", *names))) if names else []


def _all(kind: str, *listing: str) -> list[dict[str, Any]]:
    """Inspect what a listing names. Labs beside this one come and go: what is gone meanwhile is listed anew."""
    for _ in range(20):
        try:
            return inspect(kind, docker(*listing).split())
        except DockerError as error:
            if not re.search(r"No such|not found", error.reason):
                raise
            last = error
    raise last


def containers(lab: str | None = None) -> list[dict[str, Any]]:
    """The lab's containers (of all labs without a name), running or not."""
    wanted = f"label={LABEL}" + (f"={lab}" if lab else "")
    return _all("container", "ps", "--all", "--quiet", "--no-trunc", "--filter", wanted)


def networks(lab: str | None = None) -> list[dict[str, Any]]:
    """The lab's networks (of all labs without a name)."""
    wanted = f"label={LABEL}" + (f"={lab}" if lab else "")
    return _all("network", "network", "ls", "--quiet", "--no-trunc", "--filter", wanted)
