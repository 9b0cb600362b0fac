# GPL-3.0-or-later (see LICENSE)
"""Open files and kernel settings of a host, from what runs there. Kernel settings are only ever raised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .queueing import sidekiq_files

FILES_LEAST = 65_536  # of a service with many sockets; more costs nothing
POSTGRES_FILES = 1000  # max_files_per_process, PostgreSQL's default
BACKLOG = 4096
CONNECTIONS_LEAST, CONNECTIONS_PER_STREAM, OPEN_HTTP = 4096, 2 * 1.5, 200
FILE_MAX_LEAST = 262_144


def nginx_connections(sockets: int, workers: int) -> int:
    """worker_connections: a proxied request holds two, half as much again (sizing 1.31)."""
    wanted = math.ceil(CONNECTIONS_PER_STREAM * (sockets + OPEN_HTTP) / max(1, workers))
    return max(CONNECTIONS_LEAST, math.ceil(wanted / 1024) * 1024)


def of(share: Mapping[str, Any]) -> dict[str, Any]:
    """Limits of one host (sizing 1.30 to 1.35). share: the host's part of the plan without this."""
    files: dict[str, int] = {}
    if share.get("sidekiq_workers"):
        most = max(unit["threads"] for unit in share["sidekiq_workers"])
        files["sidekiq_workers"] = max(FILES_LEAST, sidekiq_files(most))
    if "puma" in share:
        files["puma"] = FILES_LEAST
    if "streaming" in share:
        files["streaming"] = FILES_LEAST
    if "redis" in share:
        files["redis"] = max(FILES_LEAST, *(each["maxclients"] + 32 for each in share["redis"]))
    if "nginx" in share:
        files["nginx"] = share["nginx"]["worker_rlimit_nofile"]
    if "pgbouncer" in share:
        files["pgbouncer"] = share["pgbouncer"]["nofile"]
    processes = {
        "sidekiq_workers": len(share.get("sidekiq_workers", ())),
        "puma": sum(puma["workers"] + 1 for puma in share.get("puma", ())),
        "streaming": len(share.get("streaming", ())),
        "redis": len(share.get("redis", ())),
        "nginx": 1,
        "pgbouncer": 1,
    }
    need = sum(limit * processes[role] for role, limit in files.items())
    if "postgres" in share:
        need += share["postgres"]["max_connections"] * POSTGRES_FILES
    sysctl = {
        "fs.file-max": max(FILE_MAX_LEAST, math.ceil(need * 1.2)),
        "net.core.somaxconn": BACKLOG,
        "net.ipv4.tcp_max_syn_backlog": BACKLOG,
    }
    if "redis" in share:
        sysctl["vm.overcommit_memory"] = 1
    if share.get("postgres", {}).get("nr_hugepages"):
        sysctl["vm.nr_hugepages"] = share["postgres"]["nr_hugepages"]
    return {"nofile": files, "sysctl": sysctl}
