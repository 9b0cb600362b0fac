# GPL-3.0-or-later (see LICENSE)
"""The stateful services: PostgreSQL, Redis with its relays, the object store."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from .connections import DATABASE, USER, Server
from .model import ClusterInput, HostInput
from .names import APP_GROUPS, PUBLIC_PREFIXES
from .units import web_address
from .why import Ledger

LOOPBACK = "127.0.0.1"
LOGICAL = ("base", "sidekiq", "cache")
SMALL_MB = 2048
CACHE_MB = 256
BUCKET = "mastodon"
REGION = "us-east-1"


@dataclass(frozen=True)
class Client:
    """One line of pg_hba.conf."""

    host: str
    address: str


@dataclass(frozen=True)
class Postgres:
    """The database server."""

    version: int | None
    listen_addresses: tuple[str, ...]
    port: int
    max_connections: int
    memory_mb: int | None
    settings: dict[str, Any]
    database: str
    user: str
    clients: tuple[Client, ...]


@dataclass(frozen=True)
class Redis:
    """One Redis process."""

    name: str
    serves: tuple[str, ...]
    port: int
    bind: tuple[str, ...]
    maxmemory_mb: int | None
    policy: str
    appendonly: bool


@dataclass(frozen=True)
class Listener:
    """One listener of a relay: a logical Redis on this host's loopback."""

    name: str
    address: str
    port: int
    server: Server


@dataclass(frozen=True)
class Relay:
    """What stands between the processes of a host and Redis."""

    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class Minio:
    """The object store."""

    address: str
    port: int
    bucket: str
    public_prefixes: tuple[str, ...]


def reach(server: HostInput, client: HostInput) -> str:
    """The address at which a client reaches a service that listens on loopback and the cluster address."""
    return LOOPBACK if server.name == client.name else server.address


def listen(host: HostInput) -> tuple[str, ...]:
    """Loopback, and the cluster address where the host has one."""
    return tuple(dict.fromkeys((LOOPBACK, host.address)))


def _network(address: str) -> str:
    return str(ipaddress.ip_network(address)) if address else ""


def postgres(host: HostInput, cluster: ClusterInput, ledger: Ledger) -> Postgres:
    """Listens on the cluster address only, and lets in who needs it."""
    clients = cluster.having(*APP_GROUPS, "pgbouncer")
    ledger.because(
        f"hosts.{host.name}.postgres.clients",
        len(clients),
        "one line per host with a PgBouncer; nobody else gets in",
        hosts=[client.name for client in clients],
    )
    return Postgres(
        version=cluster.postgres_version,
        listen_addresses=listen(host),
        port=host.ports.postgres,
        max_connections=cluster.max_connections,
        memory_mb=None,
        settings={},
        database=DATABASE,
        user=USER,
        clients=tuple(
            Client(client.name, _network(LOOPBACK if client.name == host.name else client.address))
            for client in clients
        ),
    )


def redis(host: HostInput, ledger: Ledger) -> tuple[Redis, ...]:
    """Three processes, since the cache may forget and the others may not; one where memory is short."""
    path = f"hosts.{host.name}.redis"
    port, bind = host.ports.redis, listen(host)
    if host.memory_declared and host.memory_mb is not None and host.memory_mb < SMALL_MB:
        ledger.because(
            path,
            1,
            f"one process serves base, sidekiq and cache where mastodon_memory_mb is under {SMALL_MB}",
            f"{host.memory_mb} MB",
            memory_mb=host.memory_mb,
        )
        return (Redis("base", LOGICAL, port, bind, None, "noeviction", True),)
    # Facts do not count here: they appear with the first run and would change the processes in the second.
    ledger.because(
        path,
        3,
        f"base and sidekiq never evict and keep a journal, the cache evicts at {CACHE_MB} MB and keeps none",
        memory_mb=host.memory_mb,
    )
    return (
        Redis("base", ("base",), port, bind, None, "noeviction", True),
        Redis("sidekiq", ("sidekiq",), port + 1, bind, None, "noeviction", True),
        Redis("cache", ("cache",), port + 2, bind, CACHE_MB, "allkeys-lru", False),
    )


def relay(host: HostInput, server: HostInput, instances: tuple[Redis, ...]) -> Relay:
    """One loopback port per logical Redis, whichever process serves it."""
    ports = {name: instance.port for instance in instances for name in instance.serves}
    return Relay(
        tuple(
            Listener(name, LOOPBACK, host.ports.relay + number, Server(reach(server, host), ports[name]))
            for number, name in enumerate(LOGICAL)
        )
    )


def minio(host: HostInput, cluster: ClusterInput) -> Minio:
    """Only nginx reaches it."""
    return Minio(web_address(host, cluster), host.ports.minio, str(cluster.s3.get("bucket", BUCKET)), PUBLIC_PREFIXES)


def s3(cluster: ClusterInput) -> dict[str, Any]:
    """What the application is told about media. Keys are secrets and are not here."""
    if cluster.s3_backend == "none":
        return {"backend": "none"}
    if cluster.s3_backend == "external":
        return {
            "backend": "external",
            "bucket": str(cluster.s3.get("bucket", "")),
            "region": str(cluster.s3.get("region", REGION)),
            "endpoint": str(cluster.s3.get("endpoint", "")).rstrip("/"),
            "alias_host": str(cluster.s3.get("alias_host", "")),
        }
    return {
        "backend": "minio",
        "bucket": str(cluster.s3.get("bucket", BUCKET)),
        "region": str(cluster.s3.get("region", REGION)),
        "endpoint": f"https://{cluster.media_domain}",
        "alias_host": cluster.media_domain,
    }
