# GPL-3.0-or-later (see LICENSE)
"""Reasons that hold for every host alike: what a small service claims, open files, kernel settings, ports.

What depends on the host besides is explained where it is computed (`Ledger.because`).
"""

from __future__ import annotations

from . import limits, memory, queueing, redis_clients
from .connections import CLIENTS_LEAST
from .sizing import STREAMING_POOL
from .why import Rule

SIZE = (
    Rule("cores", "mastodon_cpus, else what the host's facts say"),
    Rule("memory_mb.total", "mastodon_memory_mb, else what the host's facts say"),
    Rule(
        "memory_mb.reserve",
        "for the system itself: 384 MB up to 2 GB, 512 up to 4 GB, beyond 4 % and at least 768 (sizing 1.25)",
    ),
    Rule("memory_mb.free", "neither claimed nor kept; never less than a tenth of the host (sizing 2.3, I9)"),
)
CLAIMS = (
    Rule("memory_mb.claims.system", f"{memory.SYSTEM_MB} MB for journal, ssh, cron and an exporter"),
    Rule("memory_mb.claims.nginx", f"{memory.NGINX_MB} MB for its workers and their buffers"),
    Rule("memory_mb.claims.relay", f"{memory.RELAY_MB} MB for one HAProxy"),
    Rule(
        "memory_mb.claims.pgbouncer",
        f"{memory.POOLER_MB} MB and {memory.POOLER_CLIENT_KB} kB for each of {CLIENTS_LEAST} clients (sizing 1.23)",
    ),
    Rule("memory_mb.claims.postgres", "what its settings are made for: postgres.memory_mb"),
)
PROCESSES = (
    Rule("puma.db_pool", "a connection for each thread"),
    Rule("streaming.db_pool", f"mastodon_streaming.db_pool, else {STREAMING_POOL}"),
    Rule("sidekiq_workers.db_pool", "a connection for each thread; a wish may ask for more"),
    Rule(
        "sidekiq_workers.queues",
        "how often the process looks into a queue first, of the sum of its weights; what people wait for comes first,"
        " and a wish is kept",
    ),
    Rule(
        "sidekiq_workers.capacity",
        "jobs a second if it did this queue only: the least of what its core, its threads over the time of a job, and"
        " the breaker's one connection allow (real-mastodon 6)",
    ),
)
POOLS = (
    Rule("pgbouncer.pools.reserve", "this host's part of the database's reserve, a fifth of the pool; a wish is kept"),
    Rule("postgres.max_connections", "the cluster's: ledger.max_connections"),
    Rule(
        "postgres.nr_hugepages",
        "pages of 2 MB for the shared buffers and what connections cost, from 2 GB of shared buffers on (sizing 1.35)",
    ),
    Rule(
        "relay.maxconn",
        "a quarter more than the processes here open to Redis, in steps of 1024;"
        f" at least {redis_clients.RELAY_LEAST} (sizing 1.30)",
    ),
    Rule(
        "redis.maxclients",
        f"what all processes open, with 5 % to spare; at least Redis' own default, {redis_clients.USUAL} (sizing 1.30)",
    ),
)
FILES = (
    Rule(
        "limits.nofile.sidekiq_workers",
        f"at least {limits.FILES_LEAST}; {queueing.REQUEST_POOL} sockets to other servers,"
        f" {queueing.FILES_PER_THREAD} a thread and {queueing.FILES_BASE} must fit (sizing 1.32)",
    ),
    Rule("limits.nofile.puma", f"{limits.FILES_LEAST}: many sockets, and more costs nothing"),
    Rule("limits.nofile.streaming", f"{limits.FILES_LEAST}: a browser is a socket, and more costs nothing"),
    Rule("limits.nofile.redis", f"at least {limits.FILES_LEAST}; maxclients and 32 must fit"),
    Rule("limits.nofile.nginx", "its own worker_rlimit_nofile"),
    Rule("limits.nofile.pgbouncer", "pgbouncer.nofile"),
)
KERNEL = (
    Rule(
        "limits.sysctl.fs.file-max",
        f"a fifth more than the limits of all processes here and {limits.POSTGRES_FILES} for each connection of"
        f" PostgreSQL; at least {limits.FILE_MAX_LEAST}, never lowered",
    ),
    Rule("limits.sysctl.net.core.somaxconn", f"{limits.BACKLOG} connections may wait for their accept; never lowered"),
    Rule(
        "limits.sysctl.net.ipv4.tcp_max_syn_backlog",
        f"{limits.BACKLOG} connections may be half open; never lowered",
    ),
    Rule("limits.sysctl.vm.overcommit_memory", "1: Redis forks to save its data, and the fork must not be refused"),
    Rule("limits.sysctl.vm.nr_hugepages", "postgres.nr_hugepages"),
)
PORTS = (
    *(
        Rule(path, f"mastodon_ports.{name}, else {first}{more}")
        for path, name, first, more in (
            ("postgres.port", "postgres", 5432, ""),
            ("pgbouncer.port", "pgbouncer", 6432, ""),
            ("relay.listeners.port", "relay", 16379, "; one more for each further one"),
            ("redis.port", "redis", 6379, "; one more for each further one"),
            ("minio.port", "minio", 9000, ""),
            ("puma.port", "puma", 3000, "; one more for each further one"),
            ("streaming.port", "streaming", 4000, "; one more for each further one"),
        )
    ),
    Rule("pgbouncer.server.port", "PostgreSQL's, on the host that has it"),
    Rule("relay.listeners.server.port", "of the Redis that serves it, on the host that has it"),
    Rule("mastodon.database.port", "this host's PgBouncer, or PostgreSQL where there is no pooler"),
    Rule("mastodon.database_direct.port", "PostgreSQL's, past the pooler: for migrations and maintenance"),
    Rule("mastodon.redis.base.port", "this host's relay"),
    Rule("mastodon.redis.sidekiq.port", "this host's relay"),
    Rule("mastodon.redis.cache.port", "this host's relay"),
    Rule("nginx.web.port", "of that Puma, on the host that has it"),
    Rule("nginx.streaming.port", "of that process, on the host that has it"),
    Rule("nginx.media.port", "MinIO's, on the host that has it"),
)
FIREWALL = (
    Rule("firewall.ports", "what listens here for other hosts of the cluster"),
    Rule("firewall.clients.ports", "those of them that this client uses"),
)
TUNNEL = (
    Rule("wireguard.port", "wireguard_listen_port of the host, else wireguard_port, else 51820"),
    Rule(
        "wireguard.sysctl",
        "services bind the tunnel's address before it is there; a host that relays forwards, and tells nobody of a"
        " shorter way that there is not (wireguard-join c.4.7)",
    ),
)
IDENTITY = (
    Rule("mastodon.identity.epoch", "mastodon_worker_epoch of the host, else 0; raised where its logins must change"),
)
ALL = (*SIZE, *CLAIMS, *PROCESSES, *POOLS, *FILES, *KERNEL, *PORTS, *FIREWALL, *TUNNEL, *IDENTITY)
