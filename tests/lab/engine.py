"""The Docker engine: used when one answers, else installed and started. One engine serves all labs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from . import apt
from .docker import answers, docker
from .errors import LabError
from .paths import CACHE, lock
from .progress import step

PID_FILES = (Path("/var/run/docker.pid"), Path("/run/docker/containerd/containerd.pid"))
START_SECONDS = 60
# It outlives this program; dropping the object would warn about a process that nobody waits for.
_started: list[subprocess.Popen[bytes]] = []


def refusal(user: int, host: str) -> str | None:
    """Why no engine can be started here, or nothing."""
    if host:
        return (
            f"the Docker engine at DOCKER_HOST={host} does not answer; start it, or unset DOCKER_HOST to have one here"
        )
    if user != 0:
        return "no Docker engine answers, and to start one the lab must be root; run this as root or start Docker"
    return None


def stale(pid_file: Path, processes: Path = Path("/proc")) -> bool:
    """Does the pid file name a process that is gone? (dockerd refuses to start beside it.)"""
    try:
        pid = int(pid_file.read_text().strip())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    try:
        command = (processes / str(pid) / "comm").read_text().strip()
    except OSError:
        return True
    return command not in ("dockerd", "containerd", "docker-containerd")


def last_error(log: str) -> str:
    """The line of dockerd's log that says why it ended."""
    lines = [
        line
        for line in log.splitlines()
        if "failed to start daemon" in line or "level=fatal" in line or "level=error" in line
    ]
    return (lines or log.strip().splitlines() or ["its log is empty"])[-1].strip()


def _managed_by_systemd() -> bool:
    return Path("/run/systemd/system").is_dir() and bool(shutil.which("systemctl"))


def start() -> None:
    """Start the engine and wait until it answers."""
    log = CACHE / "logs" / "dockerd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if _managed_by_systemd():
        subprocess.run(
            ["systemctl", "start", "docker.service"], check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
        process = None
    else:
        for pid_file in PID_FILES:
            if stale(pid_file):
                pid_file.unlink()
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True, cwd="/"
            )
        _started.append(process)
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            reason = (
                last_error(log.read_text(errors="replace")) if process is not None else "see `journalctl -u docker`"
            )
            raise LabError(f"the Docker engine does not start: {reason}; correct that (log: {log}) and run it again")
        time.sleep(0.5)


def ensure() -> None:
    """An engine that answers, whatever it takes."""
    if shutil.which("docker") and answers():
        return
    problem = refusal(os.geteuid(), os.environ.get("DOCKER_HOST", ""))
    if problem:
        raise LabError(problem)
    with lock("engine"):
        if shutil.which("docker") and answers():
            return  # somebody else was quicker
        if not shutil.which("dockerd"):
            apt.require("docker.io", "/usr/sbin/dockerd")
        if not shutil.which("docker"):
            apt.require("docker-cli", "/usr/bin/docker")  # a package of its own since Debian 13
        if not answers():
            with step("Docker engine: starting"):
                start()


def root() -> Path:
    """Where the engine keeps images and containers."""
    return Path(docker("info", "--format", "{{.DockerRootDir}}"))
