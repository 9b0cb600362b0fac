# GPL-3.0-or-later (see LICENSE)
"""The stateful services: PostgreSQL, Redis with its relays, the object store."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .connections import DATABASE, USER, Server
from .model import ClusterInput, HostInput
from .names import APP_GROUPS, PUBLIC_PREFIXES
from .postgres_settings import Tuning
from .redis_clients import relay_connections
from .sizing import SMALL_MB, Size
from .units import Units, web_address
from .why import Ledger

LOOPBACK = "127.0.0.1"
LOGICAL = ("base", "sidekiq", "cache")
BUCKET = "mastodon"
REGION = "us-east-1"


@dataclass(frozen=True)
class Client:
    """One line of pg_hba.conf."""

    host: str
    address: str


@dataclass(frozen=True)
class WorkerClient(Client):
    """The line of a host that logs in as somebody of its own."""

    role: str


@dataclass(frozen=True)
class Postgres:
    """The database server."""

    version: int | None
    listen_addresses: tuple[str, ...]
    port: int
    max_connections: int
    memory_mb: int
    nr_hugepages: int
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
    maxmemory_mb: int
    maxclients: int
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
    maxconn: int


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


def postgres(
    host: HostInput,
    cluster: ClusterInput,
    size: Size,
    tuning: Tuning,
    most: int,
    identities: Mapping[str, str],
    ledger: Ledger,
) -> Postgres:
    """Listens on the cluster address only, and lets in who needs it. most: max_connections. identities: {host: its
    own role}, of those that have one."""
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
        max_connections=most,
        memory_mb=size.postgres_mb,
        nr_hugepages=tuning.nr_hugepages,
        settings=dict(tuning.settings),
        database=DATABASE,
        user=USER,
        clients=tuple(_client(client, host, identities.get(client.name, "")) for client in clients),
    )


def _client(client: HostInput, server: HostInput, role: str) -> Client:
    address = _network(LOOPBACK if client.name == server.name else client.address)
    return WorkerClient(client.name, address, role) if role else Client(client.name, address)


def redis(host: HostInput, size: Size, clients: int, ledger: Ledger) -> tuple[Redis, ...]:
    """Three processes, since the cache may forget and the others may not; one where memory is short. clients: of
    each."""
    path = f"hosts.{host.name}.redis"
    port, bind, most = host.ports.redis, listen(host), size.redis_mb
    if host.memory_mb < SMALL_MB:
        ledger.because(
            path,
            1,
            f"one process serves base, sidekiq and cache on a host with less than {SMALL_MB} MB",
            f"{host.memory_mb} MB",
            memory_mb=host.memory_mb,
        )
        together = sum(most.values())
        ledger.because(
            f"{path}[base].maxmemory_mb",
            together,
            "what feeds, jobs and cache would have apart",
            base_mb=most["base"],
            sidekiq_mb=most["sidekiq"],
            cache_mb=most["cache"],
        )
        return (Redis("base", LOGICAL, port, bind, together, clients, "noeviction", True),)
    ledger.because(
        path,
        3,
        "base and sidekiq never evict and keep a journal, the cache evicts and keeps none",
        memory_mb=host.memory_mb,
    )
    for name, rule in (
        ("base", "half as much again as the home feeds of those active within 7 days need (sizing 1.22)"),
        ("sidekiq", "room for a backlog: 4 % of the host, half as much again"),
        ("cache", "3 % of the host, 256 MB at most"),
    ):
        ledger.because(f"{path}[{name}].maxmemory_mb", most[name], rule)
    return (
        Redis("base", ("base",), port, bind, most["base"], clients, "noeviction", True),
        Redis("sidekiq", ("sidekiq",), port + 1, bind, most["sidekiq"], clients, "noeviction", True),
        Redis("cache", ("cache",), port + 2, bind, most["cache"], clients, "allkeys-lru", False),
    )


def relay(host: HostInput, server: HostInput, instances: tuple[Redis, ...], units: Units) -> Relay:
    """One loopback port per logical Redis, whichever process serves it."""
    ports = {name: instance.port for instance in instances for name in instance.serves}
    return Relay(
        tuple(
            Listener(name, LOOPBACK, host.ports.relay + number, Server(reach(server, host), ports[name]))
            for number, name in enumerate(LOGICAL)
        ),
        relay_connections(units),
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
