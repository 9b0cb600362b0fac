# GPL-3.0-or-later (see LICENSE)
"""Who may open how many connections to PostgreSQL, and whether they fit.

Two sums (sizing 1.26 to 1.29): clients follow the threads, server connections follow the database's cores. The second
does
not move when a worker host joins; only the parts do that each pooler has of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .model import ClusterInput, HostInput
from .problems import Problems
from .sizing import Size
from .units import Units
from .why import Ledger

# Past the poolers: migrations 5, tootctl 6, dumps 2, exporters 3, a person with psql 3 (sizing 1.28).
DIRECT = 19
RESERVED = 5  # superuser_reserved_connections 3, and 2 that PostgreSQL 16 can reserve
SUPERUSER = 3
DATABASE = "mastodon_production"
USER = "mastodon"
CLIENTS_LEAST = 400
FILES_STEP = 1024
POOL_LEAST, RESERVE_LEAST = 2, 1  # of one pooler
SPINDLES = 1
STATEMENT_MS = 1.5  # of database time per job, and how many round trips a job holds its connection (real-mastodon 1.4)
HELD_ROUND_TRIPS, HELD_BY_DELIVERY = 8.2, 2.0
BUSY = 0.7


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


def server_pool(cores: float) -> int:
    """Connections that PostgreSQL works off best on so many cores of its own (sizing 1.27)."""
    return min(max(math.ceil(4 * cores) + SPINDLES, 15), math.ceil(10 * cores) + 5) if cores > 1 else 15


def reserve_of(pool: int) -> int:
    """A fifth more, for bursts."""
    return math.ceil(0.2 * pool)


def need(size: Size, units: Units, cluster: ClusterInput) -> float:
    """Server connections that a host's processes hold at full work, near or far (real-mastodon 1.4)."""
    held = 0.5 * sum(puma.workers * puma.threads for puma in units.puma) + len(units.streaming)
    for unit in units.sidekiq_workers:
        for queue, jobs in unit.capacity.items():
            trips = HELD_BY_DELIVERY if queue == "push" else HELD_ROUND_TRIPS
            part = jobs / len(unit.capacity)
            held += min(unit.threads, part * (STATEMENT_MS + trips * size.distance.db_ms) / 1000 / BUSY)
    return held


@dataclass(frozen=True)
class Parts:
    """What each pooler may open, and the sums that they come from. cores: of the database's host, for PostgreSQL."""

    pools: Mapping[str, tuple[int, int]]
    total: int
    reserve: int
    cores: float


def divide(cluster: ClusterInput, names: list[str], sizes: Mapping[str, Size], units: Mapping[str, Units]) -> Parts:
    """The database's pool, divided among the poolers by what their processes need. Wishes are kept as they are."""
    database = cluster.having("postgres")[0]
    cores = sizes[database.name].shares.get("postgres", 1.0)
    total = server_pool(cores)
    reserve = reserve_of(total)
    by_name = {host.name: host for host in cluster.hosts}
    wished = {name: by_name[name].pool for name in names}
    free = [name for name in names if wished[name].pool_size is None]
    rest = max(0, total - sum(wished[name].pool_size or 0 for name in names))
    rest_reserve = max(0, reserve - sum(wished[name].reserve or 0 for name in names))
    needs = {name: max(0.1, need(sizes[name], units[name], cluster)) for name in free}
    parts = _shared(rest, needs, POOL_LEAST)
    spare = _shared(rest_reserve, needs, RESERVE_LEAST)
    pools = {}
    for name in names:
        size = wished[name].pool_size or parts[name]
        extra = wished[name].reserve
        pools[name] = (size, extra if extra is not None else spare.get(name, reserve_of(size)))
    return Parts(pools, total, reserve, cores)


def _shared(total: int, needs: Mapping[str, float], least: int) -> dict[str, int]:
    """Whole numbers in proportion to the needs, nobody below the least; what is left goes to the largest remainders."""
    if not needs:
        return {}
    above = max(0, total - least * len(needs))
    weight = sum(needs.values())
    exact = {name: above * needs[name] / weight for name in needs}
    parts = {name: least + math.floor(exact[name]) for name in needs}
    left = above - sum(math.floor(value) for value in exact.values())
    for name in sorted(needs, key=lambda name: (math.floor(exact[name]) - exact[name], name))[:left]:
        parts[name] += 1
    return parts


def pooler(host: HostInput, units: Units, server: Server, part: tuple[int, int], ledger: Ledger) -> PgBouncer:
    """A pool never holds more than its clients can use; its descriptors always suffice (sizing 1.29)."""
    clients = units.connections
    size = min(part[0], clients) if clients else part[0]
    reserve = part[1]
    most = max(CLIENTS_LEAST, math.ceil((clients * 1.25 + 20) / 10) * 10)
    files = math.ceil((most + size + reserve + 128) / FILES_STEP) * FILES_STEP
    if host.pool.pool_size and size < host.pool.pool_size:
        ledger.warn(
            f"{host.name}: its pool has {size} connections instead of the {host.pool.pool_size} of"
            " mastodon_pgbouncer.pool_size, as its processes cannot use more."
        )
    path = f"hosts.{host.name}.pgbouncer"
    ledger.because(
        f"{path}.pools[0].pool_size",
        size,
        "as wished in mastodon_pgbouncer, not more than the processes here can use"
        if host.pool.pool_size
        else "this host's part of the database's pool, by what its processes need (real-mastodon 1.4)",
        f"{clients} clients" if size < part[0] else "the database's pool",
        clients=clients,
        part=part[0],
    )
    ledger.because(
        f"{path}.max_client_conn",
        most,
        f"a quarter more than the processes here open, and 20; at least {CLIENTS_LEAST} (sizing 1.29)",
        clients=clients,
    )
    ledger.because(
        f"{path}.nofile",
        files,
        f"clients, pool, reserve and 128 more, in steps of {FILES_STEP}",
        max_client_conn=most,
        pool_size=size,
        reserve=reserve,
    )
    return PgBouncer("127.0.0.1", host.ports.pgbouncer, server, most, files, (Pool(DATABASE, size, reserve),))


def balance(
    cluster: ClusterInput,
    poolers: Mapping[str, PgBouncer],
    parts: Parts,
    units: Mapping[str, Units],
    problems: Problems,
    ledger: Ledger,
) -> Sum:
    """The sum, and who is over."""
    clients = sum(each.connections + (each.replicated if cluster.replica else 0) for each in units.values())
    used = sum(pool.pool_size for pooler in poolers.values() for pool in pooler.pools)
    spare = sum(pool.reserve for pooler in poolers.values() for pool in pooler.pools)
    if not cluster.pooled:
        return _direct(cluster, clients, units, problems, ledger)
    # The whole pool counts, also what no host uses yet: the next worker host must not restart PostgreSQL.
    planned = max(parts.total, used) + max(parts.reserve, spare)
    most = cluster.max_connections or math.ceil((planned + DIRECT + RESERVED) / 10) * 10
    total = Sum(clients, used, spare, DIRECT, RESERVED, most)
    _explain(total, cluster, ledger)
    ledger.because(
        "ledger.server_pool",
        used,
        "4 a core of PostgreSQL's and one for its disk, from 15 to 10 a core and 5 (sizing 1.27)",
        f"{parts.cores:.1f} cores of {cluster.having('postgres')[0].name} for PostgreSQL"
        if used == parts.total
        else f"{len(poolers)} poolers: what their clients can use, at least {POOL_LEAST} each, wishes kept",
        cores=round(parts.cores, 2),
        for_the_cores=parts.total,
    )
    ledger.because(
        "ledger.reserve",
        spare,
        "a fifth of the pool, for bursts",
        None if spare == parts.reserve else f"{len(poolers)} poolers: at least {RESERVE_LEAST} each, wishes kept",
        for_the_cores=parts.reserve,
    )
    ledger.because(
        "ledger.max_connections",
        most,
        "as set in mastodon_postgres_max_connections; pools, reserves, direct and reserved must fit"
        if cluster.max_connections
        else "the database's pool and reserve, direct and reserved, in tens (sizing 1.28); threads do not move it",
        f"{total.needed} of {most} promised",
        needed=total.needed,
        clients=clients,
    )
    if not cluster.max_connections and used + spare > parts.total + parts.reserve and len(poolers) > 1:
        ledger.warn(
            f"{len(poolers)} poolers need {used} + {spare} connections, more than the {parts.total} + {parts.reserve}"
            " that"
            " the database's cores ask for: PostgreSQL allows them, and must be restarted once for it."
        )
    over = total.needed - most
    if over > 0:
        found = [
            f"{name} {pool.pool_size} + {pool.reserve}" for name, pooler in poolers.items() for pool in pooler.pools
        ]
        found += [f"direct {DIRECT}", f"reserved {RESERVED}"]
        problems.add(
            [host.name for host in cluster.having("postgres")][:1],
            "mastodon_postgres_max_connections",
            f"{total.needed} connections may be opened ({', '.join(found)}), {most} are allowed: {over} too many",
            f"set mastodon_postgres_max_connections: {total.needed}, or lower mastodon_pgbouncer.pool_size of"
            f" {_largest(poolers)} by {over}",
        )
    return total


def _direct(cluster: ClusterInput, clients: int, units: Mapping[str, Units], problems: Problems, ledger: Ledger) -> Sum:
    """Without a pooler each client is a connection of PostgreSQL (sizing 2.3, I8)."""
    most = cluster.max_connections or math.ceil((clients + DIRECT + RESERVED) / 10) * 10
    total = Sum(clients, 0, 0, DIRECT, RESERVED, most)
    _explain(total, cluster, ledger)
    for name in ("server_pool", "reserve"):
        ledger.because(f"ledger.{name}", 0, "there is no pooler")
    ledger.because("ledger.max_connections", most, "no pooler: every client is a connection", clients=clients)
    over = clients + SUPERUSER - most
    if over > 0:
        parts = [f"{name} {each.connections}" for name, each in units.items() if each.connections]
        problems.add(
            [host.name for host in cluster.having("postgres")][:1],
            "mastodon_postgres_max_connections",
            f"{clients} connections are possible ({', '.join(parts)}), {most} are allowed, {SUPERUSER} of them for the"
            f" superuser: {over} too many",
            "take mastodon_pgbouncer.enabled: false away, so that PgBouncer shares few connections among many clients",
        )
    elif clients + DIRECT + SUPERUSER > most:
        ledger.warn(
            f"{clients} of {most} connections are possible without a pooler: {most - clients - SUPERUSER} are left for"
            f" migrations, dumps and people, {DIRECT} are usual."
        )
    return total


def _explain(total: Sum, cluster: ClusterInput, ledger: Ledger) -> None:
    """What is the same with and without poolers."""
    ledger.because(
        "ledger.clients",
        total.clients,
        "what the pools of all processes may open (sizing 1.26)"
        + ("; twice for web and Sidekiq, as there is a replica" if cluster.replica else ""),
    )
    ledger.because(
        "ledger.direct",
        total.direct,
        "past the poolers: migrations 5, tootctl 6, dumps 2, exporters 3, a person with psql 3 (sizing 1.28)",
    )
    ledger.because(
        "ledger.reserved",
        total.reserved,
        "superuser_reserved_connections 3, and 2 that PostgreSQL 16 can reserve (sizing 1.28)",
    )


def _largest(poolers: Mapping[str, PgBouncer]) -> str:
    return max(poolers, key=lambda name: (poolers[name].pools[0].pool_size, name))
