# GPL-3.0-or-later (see LICENSE)
"""How a host can run WireGuard: in its kernel, or by wireguard-go (the test plan's W15)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from .._shell import Shell

# Of no use to anybody, so that taking it away takes nothing away.
PROBE = "fmwgprobe0"
TUN = "/dev/net/tun"
PACKAGES = {"wg": "wireguard-tools", "ip": "iproute2"}


@dataclass(frozen=True)
class Backend:
    """kind: kernel or userspace. missing: packages. notes: what stands in the way."""

    kind: str
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find(shell: Shell, exists: Callable[[str], bool]) -> Backend:
    """Ask the kernel, then look for the tools. Refused only when a command cannot be run at all."""
    missing = [package for tool, package in PACKAGES.items() if not shutil.which(tool)]
    kind = "kernel" if _kernel(shell) else "userspace"
    notes: tuple[str, ...] = ()
    if kind == "userspace":
        if not shutil.which("wireguard-go"):
            missing.append("wireguard-go")
        if not exists(TUN):
            notes = (
                f"this kernel has no WireGuard, and there is no {TUN}, which wireguard-go needs: make it available",
            )
    return Backend(kind, tuple(missing), notes)


def _kernel(shell: Shell) -> bool:
    if not shutil.which("ip"):
        return (
            shutil.which("modprobe") is not None and shell.run(["modprobe", "-n", "wireguard"], check=False).code == 0
        )
    made = shell.run(["ip", "link", "add", "dev", PROBE, "type", "wireguard"], check=False)
    there = made.code == 0 or "File exists" in made.err  # left by a run that was killed here
    if there:
        shell.run(["ip", "link", "delete", "dev", PROBE])
    return there
