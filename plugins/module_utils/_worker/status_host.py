# GPL-3.0-or-later (see LICENSE)
"""Reads one host for the status: units, room, pooler, tunnels, release, lost jobs. Changes nothing."""

from __future__ import annotations

import fnmatch
import glob
import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from .. import _pgbouncer as pooler
from .._join import lost, status_read
from .._shell import Module, Refusal, Shell, read_text
from .._verify import expect, units
from .._wire.wgfile import parse

RELEASE = "/opt/mastodon/current/.release.json"
INI = "/etc/pgbouncer/pgbouncer.ini"
WIREGUARD = "/etc/wireguard"
SOCKETS = "/var/run/postgresql"
JOURNAL_S, TIMED_OUT = 4, 124
# Where it hurts when full: logs and releases, the database, Redis' files, media.
PATHS = ("/", "/var/lib/postgresql", "/var/lib/redis", "/opt/mastodon", "/var/lib/mastodon-minio")


def read(module: Module, share: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, as plain values."""
    shell = Shell(module)
    found: dict[str, Any] = {
        "hostname": os.uname().nodename,
        "now": round(time.time()),
        "units": _units(shell, share),
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 2),
        "memory_free_percent": memory_free(read_text("/proc/meminfo") or ""),
        "disks": _disks(),
        "release": release(read_text(RELEASE)),
        "tunnels": _tunnels(shell),
        "pooler": None,
        "lost": _lost(shell) if share.get("sidekiq_workers") else lost.read(()),
    }
    if "pgbouncer" in share:
        found["pooler"] = _pooler(shell)
    return found


def _units(shell: Shell, share: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The planned units, and those that wait for demand; of a pattern one active unit is enough."""
    wanted = expect.units(share)
    waiting = [one["name"] for one in share.get("sidekiq_workers", ()) if one.get("on_demand")]
    spare = [f"mastodon-sidekiq@{name}.service" for name in waiting]
    if not wanted and not spare:
        return {}
    argv = ["systemctl", "show", "--all", "-p", ",".join(units.PROPERTIES), *wanted, *spare]
    shown = shell.run(argv, check=False)
    if shown.code != 0:
        raise Refusal(f"systemctl: {(shown.err or shown.out).strip()}")
    told = units.parse(shown.out)
    found: dict[str, dict[str, Any]] = {}
    for pattern in [*wanted, *spare]:
        matching = fnmatch.filter(told, pattern)
        active = [name for name in matching if told[name].get("ActiveState") == "active"]
        for name in matching or [pattern]:
            one = told.get(name, {})
            found[name] = {
                "active": name in active,
                "state": one.get("ActiveState", ""),
                "pid": int(one.get("MainPID") or 0),
                "wanted": pattern in wanted and (name in active or not active),
            }
    return found


def memory_free(meminfo: str) -> int | None:
    """What is available, in percent."""
    sizes = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+)", meminfo, re.MULTILINE)}
    if not sizes.get("MemTotal") or "MemAvailable" not in sizes:
        return None
    return 100 * sizes["MemAvailable"] // sizes["MemTotal"]


def release(stamp: str | None) -> str:
    """The version in a release's stamp; empty: there is none, or it cannot be read."""
    try:
        told = json.loads(stamp or "{}")
    except ValueError:
        return ""
    return str(told.get("version") or "") if isinstance(told, dict) else ""


def _disks() -> list[dict[str, Any]]:
    """One entry per file system of the paths that are there."""
    found: dict[int, dict[str, Any]] = {}
    for path in PATHS:
        if not os.path.isdir(path):
            continue
        device = os.stat(path).st_dev
        room = os.statvfs(path)
        if device not in found and room.f_blocks:
            found[device] = {
                "path": path,
                "free_percent": 100 * room.f_bavail // room.f_blocks,
                "free_mb": room.f_bavail * room.f_frsize // (1024 * 1024),
            }
    return list(found.values())


def _lost(shell: Shell) -> dict[str, Any]:
    """The newest first, for some seconds: a journal may be large. Where none is kept, nothing is told."""
    argv = ["timeout", str(JOURNAL_S), "journalctl", "--quiet", "--no-pager", "--all", "--reverse", "--output=json"]
    argv += ["--output-fields=MESSAGE", "--unit=mastodon-sidekiq@*", f"--since={lost.SINCE}", f"--grep={lost.WORDS}"]
    done = shell.run(argv, check=False)
    return {**lost.read(done.out.splitlines()), "complete": done.code != TIMED_OUT}


def _pooler(shell: Shell) -> dict[str, int] | None:
    """None: it does not answer, which its unit tells as well."""
    port = pooler.setting(read_text(INI) or "", "listen_port", "6432")
    argv = ["psql", "-XAq", "-F|", "-h", SOCKETS, "-p", port, "-U", "pgbouncer", "-d", "pgbouncer", "-c", "SHOW POOLS"]
    done = shell.run(argv, user="postgres", check=False)
    return status_read.pools(pooler.table(done.out)) if done.code == 0 else None


def _tunnels(shell: Shell) -> list[dict[str, Any]]:
    """Every peer of every tunnel that has a file. A tunnel without its interface has peers without a handshake."""
    found: list[dict[str, Any]] = []
    for path in sorted(glob.glob(f"{WIREGUARD}/*.conf")):
        interface = os.path.basename(path)[: -len(".conf")]
        peers = [one for one in parse(read_text(path) or "").peers if one.kind != "next"]
        names = {one.public_key: one.name or f"{one.public_key[:8]}…" for one in peers}
        shown = shell.run(["wg", "show", interface, "latest-handshakes"], check=False)
        if shown.code == 0:
            keeps = shell.run(["wg", "show", interface, "persistent-keepalive"], check=False).out
            found += status_read.tunnels(interface, shown.out, keeps, names, time.time())
        else:
            found += [
                {"interface": interface, "peer": name, "handshake_age_s": None, "keepalive": True}
                for name in names.values()
            ]
    return found
