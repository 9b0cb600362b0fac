"""MinIO's binary: built once by the Go tool chain into the cache. Upstream publishes none any more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import LabError
from .paths import CACHE, lock
from .progress import step

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last commit of the community edition
GO = (1, 24)


def path() -> Path:
    """Where the binary is or will be."""
    return CACHE / "minio" / f"minio-{VERSION}"


def too_old(version: str) -> bool:
    """Is `go version` below what MinIO needs? An unknown form is given a chance."""
    match = re.search(r"go(\d+)\.(\d+)", version)
    return match is not None and (int(match.group(1)), int(match.group(2))) < GO


def explain(output: str) -> str:
    """One sentence from Go's messages."""
    if re.search(r"dial tcp|no such host|i/o timeout|connection refused|network is unreachable", output):
        return (
            "MinIO could not be built because Go's module proxy does not answer; check the network and `go env GOPROXY`"
        )
    if "no space left" in output:
        return "MinIO could not be built because the disk is full; Go's caches need 5 GB, `go clean -cache` frees some"
    lines = output.strip().splitlines()
    return f"MinIO could not be built: {lines[-1] if lines else 'no message'}; try `go install {MODULE}@{VERSION}`"


_running: list[subprocess.Popen[str]] = []


def cancel() -> None:
    """Stop a build in another thread, because what it is for has failed."""
    for process in _running:
        process.terminate()


def _install(go: str, directory: str) -> None:
    # Low priority: on two cores the hosts start meanwhile.
    call = ["nice", "-n", "10", go, "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
    environment = {**os.environ, "GOBIN": directory}
    with subprocess.Popen(
        call, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        _running.append(process)
        _output, problems = process.communicate()
    if process.returncode:
        raise LabError(explain(problems))


def ensure() -> Path:
    """The binary; builds it when it is not there."""
    target = path()
    if target.exists():
        return target
    go = shutil.which("go")
    if go is None:
        raise LabError(
            f"the inventory has a MinIO host and there is no `go` to build MinIO; install Go {GO[0]}.{GO[1]} or newer"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock("minio"):
        if target.exists():
            return target
        version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout.strip()
        if too_old(version):
            raise LabError(
                f"MinIO needs Go {GO[0]}.{GO[1]} or newer and this machine has {version}; install a newer Go"
            )
        with (
            step("MinIO: building", "about 3 min, once"),
            tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as work,
        ):
            _install(go, work)
            (Path(work) / "minio").replace(target)
    return target
