# GPL-3.0-or-later (see LICENSE)
"""What the admin wants, read and checked. Frozen; made by inputs.py, read by every other part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .profile import Profile

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

    workers: int | None = None
    threads: int | None = None
    instances: int = 1


@dataclass(frozen=True)
class StreamingWish:
    """Processes of the streaming API; each has its own port and its own pool."""

    processes: int | None = None
    db_pool: int | None = None


@dataclass(frozen=True)
class PoolWish:
    """Connections that one PgBouncer may open to PostgreSQL."""

    pool_size: int | None = None
    reserve: int | None = None


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
    """One host as declared. Round trips are None where they were not measured; steal is a share of the cores."""

    name: str
    groups: tuple[str, ...]
    address: str
    architecture: str
    cores: int
    memory_mb: int
    steal: float
    disk: str
    db_rtt_ms: float | None
    redis_rtt_ms: float | None
    queues: tuple[str, ...]
    unit_memory_mb: Mapping[str, int]
    ports: Ports
    puma: PumaWish
    streaming: StreamingWish
    pool: PoolWish
    units: tuple[UnitWish, ...] | None
    # The interface of a network that somebody else runs, and what the inventory says of this host's tunnel.
    interface: str
    tunnel: Mapping[str, Any]
    # Raised when the passwords of this host shall become others.
    worker_epoch: int

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
    max_connections: int | None
    postgres_version: int | None
    monthly_active_users: int
    active_share: float
    profile: Profile
    breaker_pool: bool
    pooled: bool
    replica: bool
    preset: str
    backlog: Mapping[str, Mapping[str, Any]]
    deadline_s: float | None
    network: str
    worker_identity: str
    firewall: bool
    hosts: tuple[HostInput, ...]

    @property
    def users_7d(self) -> int:
        """People active within seven days: those who have a home feed in Redis."""
        return round(self.monthly_active_users * self.active_share)

    def having(self, *groups: str) -> tuple[HostInput, ...]:
        """Hosts in one of these groups, in the inventory's order. Asked for every host, so answers are kept."""
        known: dict[tuple[str, ...], tuple[HostInput, ...]] = self.__dict__.setdefault("_having", {})
        if groups not in known:
            known[groups] = tuple(host for host in self.hosts if host.has(*groups))
        return known[groups]
