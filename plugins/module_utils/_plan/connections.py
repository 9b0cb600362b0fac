# GPL-3.0-or-later (see LICENSE)
"""Who may open how many connections to PostgreSQL, and whether they fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .model import ClusterInput, HostInput
from .problems import Problems
from .units import Units
from .why import Ledger

DIRECT = 10  # migrations, dumps, monitoring, and a person with psql: none of them goes through a pooler
RESERVED = 3  # superuser_reserved_connections, PostgreSQL's own default
DATABASE = "mastodon_production"
USER = "mastodon"
CLIENTS_STEP = 100
CLIENTS_AT_LEAST = 400
FILES_STEP = 1024


@dataclass(frozen=True)
class Pool:
    """Connections of one database alias of one PgBouncer."""

    database: str
    pool_size: int
    reserve: int


@dataclass(frozen=True)
class Server:
    """A TCP end point."""

    host: str
    port: int


@dataclass(frozen=True)
class PgBouncer:
    """One pooler."""

    listen_address: str
    port: int
    server: Server
    max_client_conn: int
    nofile: int
    pools: tuple[Pool, ...]


@dataclass(frozen=True)
class Sum:
    """The connections of the whole cluster."""

    clients: int
    server_pool: int
    reserve: int
    direct: int
    reserved: int
    max_connections: int

    @property
    def needed(self) -> int:
        """What may be open at the same time."""
        return self.server_pool + self.reserve + self.direct + self.reserved


def pooler(host: HostInput, units: Units, server: Server, ledger: Ledger) -> PgBouncer:
    """A pool never holds more than its clients can use; its descriptors always suffice."""
    clients = units.connections
    wish = host.pool
    size = min(wish.pool_size, clients) if clients else wish.pool_size
    most = max(CLIENTS_AT_LEAST, math.ceil(clients * 1.5 / CLIENTS_STEP) * CLIENTS_STEP)
    files = math.ceil((most + size + wish.reserve + 128) / FILES_STEP) * FILES_STEP
    path = f"hosts.{host.name}.pgbouncer"
    ledger.because(
        f"{path}.pools[0].pool_size",
        size,
        "as wished in mastodon_pgbouncer (else 20), not more than the processes here can use",
        f"{clients} clients" if size < wish.pool_size else "pool_size",
        clients=clients,
        wish=wish.pool_size,
    )
    ledger.because(
        f"{path}.max_client_conn",
        most,
        f"half as many again as the processes here open, in steps of {CLIENTS_STEP}, at least {CLIENTS_AT_LEAST}",
        clients=clients,
    )
    ledger.because(
        f"{path}.nofile",
        files,
        f"clients, pool, reserve and 128 more, in steps of {FILES_STEP}",
        max_client_conn=most,
        pool_size=size,
        reserve=wish.reserve,
    )
    return PgBouncer("127.0.0.1", host.ports.pgbouncer, server, most, files, (Pool(DATABASE, size, wish.reserve),))


def balance(
    cluster: ClusterInput, poolers: dict[str, PgBouncer], units: dict[str, Units], problems: Problems, ledger: Ledger
) -> Sum:
    """The sum, and who is over."""
    total = Sum(
        clients=sum(each.connections for each in units.values()),
        server_pool=sum(pool.pool_size for pooler in poolers.values() for pool in pooler.pools),
        reserve=sum(pool.reserve for pooler in poolers.values() for pool in pooler.pools),
        direct=DIRECT,
        reserved=RESERVED,
        max_connections=cluster.max_connections,
    )
    ledger.because(
        "ledger.max_connections",
        total.max_connections,
        "as set in mastodon_postgres_max_connections, else 100; pools, reserves, direct and reserved must fit",
        f"{total.needed} of {total.max_connections} promised",
        needed=total.needed,
        clients=total.clients,
    )
    over = total.needed - total.max_connections
    if over > 0:
        parts = [
            f"{name} {pool.pool_size} + {pool.reserve}" for name, pooler in poolers.items() for pool in pooler.pools
        ]
        parts += [f"direct {DIRECT}", f"reserved {RESERVED}"]
        problems.add(
            [host.name for host in cluster.having("postgres")][:1],
            "mastodon_postgres_max_connections",
            f"{total.needed} connections may be opened ({', '.join(parts)}), {total.max_connections} are allowed:"
            f" {over} too many",
            f"set mastodon_postgres_max_connections: {total.needed}, or lower mastodon_pgbouncer.pool_size of"
            f" {_largest(poolers)} by {over}",
        )
    return total


def _largest(poolers: dict[str, PgBouncer]) -> str:
    return max(poolers, key=lambda name: (poolers[name].pools[0].pool_size, name))
