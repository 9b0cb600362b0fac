# GPL-3.0-or-later (see LICENSE)
"""What a host has for services, and what each service claims of it. All figures in MB."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

# Claims for a process that has run for long. Measured fresh on Mastodon 4.6: Sidekiq 290 to 325, whatever its threads;
# Puma 205 to 225 for the master and 210 to 240 a worker; streaming 132 and 38 kB a socket (real-mastodon 3).
SIDEKIQ_MB = 400
PUMA_MASTER_MB = 280
PUMA_WORKER_MB = 340
STREAMING_MB = 160
SOCKET_KB = 40
NGINX_MB = 128
RELAY_MB = 32
SYSTEM_MB = 64  # journal, ssh, cron, an exporter
MINIO_MB = 1024
POOLER_MB = 8
POSTGRES_MB = 256  # its least: 50 connections, 32 MB of shared buffers, vacuum
POOLER_CLIENT_KB = 4
OUTSIDE = 0.10  # of the memory that nobody may claim: page cache and surprises (sizing 2.3, I9)
POSTGRES_DEDICATED, POSTGRES_SHARED, POSTGRES_LEAST = 0.80, 0.35, 0.25

UNITS = {
    "sidekiq": SIDEKIQ_MB,
    "puma_master": PUMA_MASTER_MB,
    "puma_worker": PUMA_WORKER_MB,
    "streaming": STREAMING_MB,
    "minio": MINIO_MB,
}


def reserve(total: int) -> int:
    """For the system itself (sizing 1.25)."""
    if total <= 2048:
        return min(384, total)
    return 512 if total <= 4096 else max(768, math.ceil(total * 0.04))


def usable(total: int) -> int:
    """What services may claim together."""
    return max(0, math.floor(total * (1 - OUTSIDE)) - reserve(total))


def puma(workers: int, units: Mapping[str, int]) -> int:
    """One Puma: a master and its workers."""
    return units["puma_master"] + workers * units["puma_worker"]


def streaming(processes: int, sockets: int, units: Mapping[str, int]) -> int:
    """All streaming processes of a host and the browsers connected to them."""
    return processes * units["streaming"] + math.ceil(sockets * SOCKET_KB / 1024)


def pooler(clients: int) -> int:
    """One PgBouncer (sizing 1.23)."""
    return POOLER_MB + math.ceil(clients * POOLER_CLIENT_KB / 1024)


def minio(total: int, units: Mapping[str, int]) -> int:
    """The object store: as measured; where nobody did, less on a host that has little."""
    return units["minio"] if units["minio"] != MINIO_MB else min(MINIO_MB, max(256, total // 8))


@dataclass(frozen=True)
class Budget:
    """A host's memory: what is there, what is kept for the system, who claims what."""

    total: int
    reserve: int
    claims: Mapping[str, int]

    @property
    def claimed(self) -> int:
        """All claims together."""
        return sum(self.claims.values())

    @property
    def free(self) -> int:
        """Neither claimed nor reserved."""
        return self.total - self.reserve - self.claimed
