"""The machine's own apt: which mirrors and proxy it uses, and installing what the lab itself needs."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .progress import step

SOURCES = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
COMPONENTS = "main"


@dataclass(frozen=True)
class Source:
    """One suite of one archive."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse_deb822(text: str) -> list[Source]:
    """The binary archives of a `.sources` file."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += " " + line.strip()
            elif ":" in line:
                key, _colon, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() == "no" or "deb" not in fields.get("types", "").split():
            continue
        components = tuple(fields.get("components", "").split())
        found += [
            Source(uri.rstrip("/"), suite, components)
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def parse_list(text: str) -> list[Source]:
    """The binary archives of a `.list` file."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match:
            found.append(Source(match.group(1).rstrip("/"), match.group(2), tuple(match.group(3).split())))
    return found


def machine_sources(directory: Path = SOURCES) -> list[Source]:
    """Everything the machine's apt reads."""
    files = [directory / "sources.list", *sorted(directory.glob("sources.list.d/*.list"))]
    found = [source for file in files if file.is_file() for source in parse_list(file.read_text())]
    for file in sorted(directory.glob("sources.list.d/*.sources")):
        found += parse_deb822(file.read_text())
    return found


def derive(machine: list[Source], codename: str, release: str) -> list[str]:
    """apt lines of another Debian release on the mirrors this machine uses; empty: mmdebstrap's own choice."""
    lines = []
    for suffix in ("", "-updates", "-security"):
        for source in machine:
            if source.suite == codename + suffix and COMPONENTS in source.components:
                line = f"deb {source.uri} {release}{suffix} {COMPONENTS}"
                lines += [line] if line not in lines else []
                break
    return lines if lines and lines[0].split()[2] == release else []


def os_release(text: str) -> dict[str, str]:
    """The fields of /etc/os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip('"') for key, _equals, value in pairs}


def image_sources(release: str) -> list[str]:
    """The apt lines of the base image."""
    machine = os_release(OS_RELEASE.read_text())
    if machine.get("ID") != "debian":
        return []
    return derive(machine_sources(), machine.get("VERSION_CODENAME", ""), release)


def upstream_proxy() -> str:
    """The proxy the machine's apt uses, if any."""
    done = subprocess.run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"], capture_output=True, text=True)
    match = re.match(r"PROXY='(.*)'", done.stdout.strip())
    return match.group(1) if match else ""


def explain(output: str, what: str) -> str:
    """One sentence from apt's or mmdebstrap's messages."""
    if re.search(
        r"Temporary failure resolving|Could not resolve|Could not connect|Connection timed out|Network is unreachable",
        output,
    ):
        return f"{what} because no Debian mirror answers; check the network and that `apt-get update` works"
    if re.search(r"No space left on device", output):
        return f"{what} because the disk is full; free some space and run it again"
    lines = [
        line.strip() for line in output.splitlines() if re.match(r"\s*(E:|error:|dpkg: error)", line)
    ] or output.strip().splitlines()[-1:]
    return f"{what}: {lines[0] if lines else 'no message'}; see that `apt-get update` works here and run it again"


def refuse_install(package: str, user: int, os_id: str) -> str | None:
    """Why a package cannot be installed here, or nothing."""
    if os_id not in ("debian", "ubuntu"):
        return f"{package} is missing and the lab can install it on Debian only; install {package} yourself"
    if user != 0:
        return f"{package} is missing and you are not root, so the lab cannot install it; run this as root"
    return None


def require(package: str, file: str) -> None:
    """Install a package of the machine's own distribution unless its file is there."""
    if Path(file).exists():
        return
    problem = refuse_install(package, os.geteuid(), os_release(OS_RELEASE.read_text()).get("ID", ""))
    if problem:
        raise LabError(problem)
    with step(f"installing {package}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            call = ["apt-get", "--quiet=2", *arguments]
            done = subprocess.run(call, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
            # One third-party archive that is down does not matter when the package can be had.
            if done.returncode and arguments[0] != "update":
                raise LabError(explain(done.stderr, f"{package} could not be installed"))
