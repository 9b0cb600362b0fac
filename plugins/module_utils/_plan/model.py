# GPL-3.0-or-later (see LICENSE)
"""What the admin wants, read and checked. Frozen; made by inputs.py, read by every other part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

Queue = tuple[str, Optional[int]]


@dataclass(frozen=True)
class Ports:
    """First port of each kind of listener on a host."""

    postgres: int = 5432
    pgbouncer: int = 6432
    redis: int = 6379
    relay: int = 16379
    minio: int = 9000
    puma: int = 3000
    streaming: int = 4000


@dataclass(frozen=True)
class PumaWish:
    """Processes of the web."""

    workers: int = 2
    threads: int = 3
    instances: int = 1


@dataclass(frozen=True)
class StreamingWish:
    """Processes of the streaming API; each has its own port and its own pool."""

    processes: int = 1
    db_pool: int = 10


@dataclass(frozen=True)
class PoolWish:
    """Connections that one PgBouncer may open to PostgreSQL."""

    pool_size: int = 20
    reserve: int = 5


@dataclass(frozen=True)
class UnitWish:
    """One Sidekiq process."""

    name: str
    queues: tuple[Queue, ...]
    threads: int
    db_pool: int
    on_demand: bool = False
    breaker_pool: bool = False

    @property
    def queue_names(self) -> tuple[str, ...]:
        """Without weights."""
        return tuple(queue for queue, _ in self.queues)


@dataclass(frozen=True)
class HostInput:
    """One host as declared."""

    name: str
    groups: tuple[str, ...]
    address: str
    architecture: str
    cores: int | None
    memory_mb: int | None
    memory_declared: bool
    ports: Ports
    puma: PumaWish
    streaming: StreamingWish
    pool: PoolWish
    units: tuple[UnitWish, ...] | None

    def has(self, *groups: str) -> bool:
        """In one of these groups."""
        return any(group in self.groups for group in groups)


@dataclass(frozen=True)
class ClusterInput:
    """The cluster as declared; hosts in the inventory's order."""

    domain: str
    web_domain: str
    media_domain: str
    admin_email: str
    admin_username: str
    version: str
    source: str
    tls: str
    s3_backend: str
    s3: Mapping[str, Any]
    trusted_proxies: tuple[str, ...]
    max_connections: int
    postgres_version: int | None
    hosts: tuple[HostInput, ...]

    def having(self, *groups: str) -> tuple[HostInput, ...]:
        """Hosts in one of these groups, in the inventory's order."""
        return tuple(host for host in self.hosts if host.has(*groups))
