# GPL-3.0-or-later (see LICENSE)
"""The lab host: up, deployed, and the agent on it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.lab.paths import CACHE

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LAB, HOST = "bench-sizing", "main"
CONTAINER = f"{LAB}-{HOST}"
INVENTORY = ROOT / "inventories" / "single_host"
PLACE_ON_HOST = "/opt/bench"
SHARED = ("resp.py", "dotenv.py")  # of the collection's `_verify`: the host has no Redis library for Python


class BenchError(Exception):
    """What ends the benchmark, in one sentence."""


def proxy() -> Path:
    """The delay, tested and built once per content."""
    sources = sorted(path for path in (HERE / "delay").iterdir() if path.suffix in (".go", ".mod"))
    content = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    target = CACHE / "sizing" / f"delay-{content}"
    if target.exists():
        return target
    if shutil.which("go") is None:
        raise BenchError("the delay is a Go program and there is no `go`; install Go 1.22 or newer")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    for call in (["go", "test", "./..."], ["go", "build", "-trimpath", "-o", str(fresh), "."]):
        done = subprocess.run(call, cwd=HERE / "delay", env=environment, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"`{' '.join(call[:2])}` of the delay failed: {(done.stdout + done.stderr)[-800:]}")
    fresh.replace(target)
    return target


def _call(*command: str, **environment: str) -> None:
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise BenchError(f"`{' '.join(command[:5])} …` ended with {done.returncode}")


def _lab(*arguments: str) -> None:
    _call(sys.executable, "-m", "tests.lab", *arguments)


def packages() -> list[str]:
    """Packages that the image has beforehand: deploying is not what is measured here."""
    spec = yaml.safe_load((ROOT / "molecule" / "role_sidekiq_workers" / "lab.yml").read_text())
    return list(spec["packages"])


@contextmanager
def host(keep: bool, as_it_is: bool) -> Iterator[None]:
    """A deployed lab host. It goes when the benchmark ends, however that is, unless it is to be kept.

    as_it_is: it runs and is deployed already.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec, connection = Path(folder) / "lab.yml", Path(folder) / "zz_lab.yml"
        spec.write_text(yaml.safe_dump({"app": "stub", "packages": packages()}))
        arguments = ["--inventory", str(INVENTORY), "--spec", str(spec), "--inventory-out", str(connection)]
        try:
            if not as_it_is:
                _lab("up", LAB, *arguments)
                _call(
                    *("ansible-playbook", "site.yml", "-i", str(INVENTORY), "-i", str(connection)),
                    ANSIBLE_CACHE_PLUGIN_CONNECTION=f"{folder}/facts",
                )
            yield
        finally:
            # A second interrupt must not leave half a lab behind.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            if not keep:
                _lab("down", LAB)


class Agent:
    """The agent on the host: an order in, an answer out."""

    def __init__(self, binary: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "bench"
            shutil.copytree(HERE / "agent", tree / "agent", ignore=shutil.ignore_patterns("__pycache__"))
            for name in SHARED:
                shutil.copy(ROOT / "plugins" / "module_utils" / "_verify" / name, tree / "agent" / name)
            shutil.copy(binary, tree / "delay")
            subprocess.run(["docker", "exec", CONTAINER, "rm", "-rf", PLACE_ON_HOST], check=True)
            subprocess.run(["docker", "cp", "--quiet", str(tree), f"{CONTAINER}:{PLACE_ON_HOST}"], check=True)
        call = ["docker", "exec", "-i", "-w", PLACE_ON_HOST, CONTAINER, "python3", "-B", "-m", "agent"]
        # A group of its own: an interrupt reaches us first, and we end it.
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def order(self, do: str, **details: Any) -> dict[str, Any]:
        """Send one order and wait for its answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the agent has no input or output")
        self._process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the agent on the host ended during `{do}`")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{do}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=30)
