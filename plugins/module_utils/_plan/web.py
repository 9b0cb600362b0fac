# GPL-3.0-or-later (see LICENSE)
"""nginx and what it talks to; names that must resolve inside the cluster; whom the application trusts."""

from __future__ import annotations

from dataclasses import dataclass

from .data import LOOPBACK
from .limits import CONNECTIONS_LEAST, nginx_connections
from .model import ClusterInput, HostInput
from .names import APP_GROUPS
from .sizing import sockets
from .units import Units, web_address
from .why import EVERY, Ledger


@dataclass(frozen=True)
class Upstream:
    """One process that nginx passes requests to."""

    host: str
    address: str
    port: int


@dataclass(frozen=True)
class Nginx:
    """The entry point."""

    web: tuple[Upstream, ...]
    streaming: tuple[Upstream, ...]
    media: tuple[Upstream, ...]
    app_addresses: tuple[str, ...]
    public: str
    worker_connections: int
    worker_rlimit_nofile: int


PUBLIC = "/opt/mastodon/current/public"


def nginx(cluster: ClusterInput, units: dict[str, Units], ledger: Ledger) -> Nginx:
    """The same on every nginx host: every process of every host is behind it. Sized for all sockets on one entry."""
    workers = min((host.cores for host in cluster.having("nginx")), default=1)
    connections = nginx_connections(sockets(cluster), workers)
    ledger.because(
        f"{EVERY}.nginx.worker_connections",
        connections,
        "a proxied request holds two, half as much again, of all sockets and 200 open requests, by the cores of the"
        f" smallest entry; at least {CONNECTIONS_LEAST} (sizing 1.31)",
        sockets=sockets(cluster),
        workers=workers,
    )
    ledger.because(
        f"{EVERY}.nginx.worker_rlimit_nofile",
        4 * connections,
        "four files for each connection: both ends, and what is read or buffered meanwhile",
        worker_connections=connections,
    )
    media = cluster.having("minio") if cluster.s3_backend == "minio" else ()
    return Nginx(
        web=tuple(Upstream(host, puma.address, puma.port) for host, each in units.items() for puma in each.puma),
        streaming=tuple(
            Upstream(host, process.address, process.port) for host, each in units.items() for process in each.streaming
        ),
        media=tuple(Upstream(host.name, web_address(host, cluster), host.ports.minio) for host in media),
        app_addresses=tuple(dict.fromkeys((LOOPBACK, *(host.address for host in cluster.having(*APP_GROUPS))))),
        public=PUBLIC,
        worker_connections=connections,
        worker_rlimit_nofile=4 * connections,
    )


def names(host: HostInput, cluster: ClusterInput) -> dict[str, str]:
    """Pins for /etc/hosts: application hosts reach the media host inside the cluster's network."""
    entries = cluster.having("nginx")
    if cluster.s3_backend != "minio" or not entries or not host.has(*APP_GROUPS):
        return {}
    own = [entry for entry in entries if entry.name == host.name]
    return {cluster.media_domain: (own or list(entries))[0].address}


def trusted_proxies(cluster: ClusterInput) -> list[str]:
    """Loopback, every nginx, and what the admin says stands in front of them. The list replaces Mastodon's own."""
    addresses = [LOOPBACK, "::1", *(host.address for host in cluster.having("nginx")), *cluster.trusted_proxies]
    return list(dict.fromkeys(addresses))
