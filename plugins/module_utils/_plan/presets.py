# GPL-3.0-or-later (see LICENSE)
"""What the administrators of four published installations ran in November 2022, as settings of an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """One published installation.

    name: what mastodon_preset says; also the directory of the inventory with its hosts. title: for people. year: of the
    figures. hosts: settings per host of that inventory. cluster: settings with one value for all hosts. notes: what the
    reader of a comparison must know: what is not theirs but assumed, and what has changed since.
    Sizes of hosts are not here; they are in the inventory. Queues have today's names: ingress came with Mastodon 4.0
    and fasp later, so a list that had all queues has these too.
    """

    name: str
    title: str
    year: int
    hosts: Mapping[str, Mapping[str, Any]]
    cluster: Mapping[str, Any]
    notes: tuple[str, ...]


def _strict(*queues: str) -> list[list[Any]]:
    """Queues in strict order: the next one is looked at only when those before it are empty."""
    return [[queue, None] for queue in queues]


def _weighted(*without: str) -> list[list[Any]]:
    """The queues of Mastodon's own sidekiq.yml with its weights, which a process has when nobody says otherwise."""
    shipped = {"default": 8, "push": 6, "ingress": 4, "mailers": 2, "pull": 1, "scheduler": 1, "fasp": 1}
    return [[queue, weight] for queue, weight in shipped.items() if queue not in without]


# Mastodon's own: two Puma workers of five threads, one streaming process with a pool of ten. Taken where an article
# is silent.
_PUMA = {"workers": 2, "threads": 5}
_STREAMING = {"processes": 1, "db_pool": 10}
# PgBouncer's own default_pool_size and reserve_pool_size. Taken where an article names PgBouncer and no figure.
_PGBOUNCER = {"pool_size": 20, "reserve": 0}
# PostgreSQL's own. Taken where an article does not say that it was changed.
_MAX_CONNECTIONS = 100

# "Scaling the Mastodon", Leah Oswald, https://leah.is/posts/scaling-the-mastodon/
_CHAOS_SOCIAL = Preset(
    name="chaos_social",
    title="chaos.social: web, jobs, database and media on a host each",
    year=2022,
    hosts={
        "main": {
            # On Puma: WEB_CONCURRENCY is 8 and MAX_THREADS 15. (They call it 200 requests at once; the product is 120.)
            "mastodon_puma": {"workers": 8, "threads": 15},
            # On streaming: STREAMING_CLUSTER_NUM was 15 to 40. Its pool is not published; Mastodon's is ten.
            "mastodon_streaming": {"processes": 40, "db_pool": 10},
            # On the main machine's Sidekiq: the scheduler only, ten threads, a pool of 25. Timers rarely overlap.
            "mastodon_sidekiq_workers": [
                {"name": "scheduler", "queues": _strict("scheduler"), "threads": 10, "db_pool": 25},
            ],
        },
        "worker": {
            # On the worker machine: up to eight processes of 60 threads, DB_POOL 90, each with these queues in strict
            # order; fasp is newer. Two other ways are shown: one process a queue with the others behind it, and weights
            # (default 4, ingress and push 2, pull and mailers 1).
            "mastodon_sidekiq_workers": [
                {
                    "name": "all",
                    "processes": 8,
                    "queues": _strict("default", "ingress", "push", "pull", "mailers", "fasp"),
                    "threads": 60,
                    "db_pool": 90,
                },
            ],
        },
        # On PostgreSQL: pgtune's settings for 36 GB, and 700 connections.
        "db": {"mastodon_postgres_max_connections": 700},
        "media": {},
    },
    # On PostgreSQL: every process connects to it; no pooler is named.
    cluster={"mastodon_pgbouncer": {"enabled": False}},
    notes=(
        "their processes could open 1265 connections, of 700 allowed: web 8 × 15, Sidekiq 8 × 90, its scheduler 25,"
        " streaming 40 × 10",
        "pull and mailers stand behind push in a strict order: while deliveries wait, neither fetches nor mail run",
        "40 streaming processes were STREAMING_CLUSTER_NUM, which Mastodon 4.2 dropped; one process holds thousands of"
        " sockets",
        "their Puma workers took 2 to 2.5 GB each, with jemalloc; without it the machine ran out of memory",
        "the pool of 10 per streaming process and 10,000 active users are assumed",
    ),
)

# "Mastodon hosting", parts 1 and 2, the operator of wandering.shop,
# https://offby1.website/posts/mastodon-hosting-part-1.html
_WANDERING_SHOP = Preset(
    name="wandering_shop",
    title="wandering.shop: one shared droplet, then a helper for the queue default",
    year=2022,
    hosts={
        "shop1": {
            "mastodon_puma": _PUMA,  # not published
            "mastodon_streaming": _STREAMING,  # not published
            "mastodon_sidekiq_workers": [
                # On splitting the queues: one process for federation, and mail with it. On threads: the default of ten
                # was doubled, and more did not help; 20 stands for that. The order is assumed (sizing 3.2).
                {"name": "federation", "queues": _strict("push", "ingress", "pull", "mailers", "fasp"), "threads": 20},
                # On splitting the queues: a tiny process for the scheduler. Mastodon's default of five is assumed.
                {"name": "scheduler", "queues": _strict("scheduler"), "threads": 5},
            ],
            "mastodon_postgres_max_connections": _MAX_CONNECTIONS,  # not published
        },
        "shop2": {
            # On the last step: the process for default moved to a small second host with cores of its own.
            "mastodon_sidekiq_workers": [{"name": "default", "queues": _strict("default"), "threads": 20}],
        },
    },
    # On PostgreSQL refusing connections: PgBouncer was put in front; how big its pool was is not published.
    cluster={"mastodon_pgbouncer": _PGBOUNCER},
    notes=(
        "two hours of upgrade took 20 hours to catch up, so 91 % of what the machine could do was in use at all times",
        "10 threads became 20 and more, and nothing went faster: the shared cores had no more to give",
        "mail waits behind deliveries, in the same process",
        "Puma, streaming, the size of the pool, the order of the queues, 20 threads a process, 5 for the scheduler, the"
        " helper's size, its round trip and 2,000 active users are assumed",
        "a month later there were two helpers",
    ),
)

# The administration report of tooting.ch, November 2022.
_TOOTING = Preset(
    name="tooting",
    title="tooting.ch: one virtual machine, four Sidekiq processes",
    year=2022,
    hosts={
        "main": {
            # On what was left alone: PostgreSQL and nginx were at their defaults. Puma and streaming are not published.
            "mastodon_puma": _PUMA,
            "mastodon_streaming": _STREAMING,
            "mastodon_postgres_max_connections": _MAX_CONNECTIONS,
            # On Sidekiq: one process could not keep many threads busy, and four processes of 15 threads could. Which of
            # them had the scheduler is not published; it can be one only.
            "mastodon_sidekiq_workers": [
                {"name": "first", "queues": _weighted(), "threads": 15},
                {"name": "group", "processes": 3, "queues": _weighted("scheduler"), "threads": 15},
            ],
        },
    },
    # Nothing is said of a pooler; the sum fits without one.
    cluster={"mastodon_pgbouncer": {"enabled": False}},
    notes=(
        "their processes could open 80 connections, of 97 that PostgreSQL's default leaves",
        "a fifth group of 15 threads, which they started on demand, is not counted: it makes 95 and leaves two for"
        " migrations, dumps and psql; a sixth makes 110, and some are refused",
        "every process has every queue: one slow server elsewhere holds the threads that timelines and mail need",
        "the machine's size (4 cores, 8 GB), 2,000 active users, Puma and streaming are assumed",
    ),
)

# "Surviving and thriving through the 2022-11-05 meltdown",
# https://blog.freeradical.zone/post/surviving-thriving-through-2022-11-05-meltdown/
_FREERADICAL = Preset(
    name="freeradical",
    title="freeradical.zone: a cloud server, a house and a Raspberry Pi",
    year=2022,
    hosts={
        "home": {
            "mastodon_postgres_max_connections": _MAX_CONNECTIONS,  # not published
        },
        "cloud": {
            "mastodon_puma": _PUMA,  # not published
            "mastodon_streaming": _STREAMING,  # not published
            # On the cloud server: two processes, the first with every queue, the second without scheduler.
            # On threads: 5, then 25, then 160 in all. How they were shared out is not published; the split is ours.
            "mastodon_sidekiq_workers": [
                {"name": "first", "queues": _weighted(), "threads": 30},
                {"name": "second", "queues": _weighted("scheduler"), "threads": 30},
            ],
        },
        "pi": {
            # On the Raspberry Pi: four processes, one a core, with every queue but scheduler. 25 threads are our split.
            "mastodon_sidekiq_workers": [
                {"name": "all", "processes": 4, "queues": _weighted("scheduler"), "threads": 25},
            ],
        },
    },
    # On the way to 160 threads: PgBouncer ran out of connections and was enlarged; to what is not published.
    cluster={"mastodon_pgbouncer": _PGBOUNCER},
    notes=(
        "160 threads in all are theirs; 2 × 30 in the cloud and 4 × 25 on the Raspberry Pi are assumed",
        "at the worst they were 45 minutes behind",
        "every process has every queue: one slow server elsewhere holds the threads that timelines and mail need",
        "a process on the cloud server, 20 ms from Redis, delivers 16 a second, however many threads it has",
        "workers had a lower CPU weight than web and streaming, which kept the site responsive",
        "sizes (cloud 2 cores, home 8 cores and 32 GB, Pi 4 GB), round trips, 3,000 active users, Puma, streaming and"
        " the size of the pools are assumed",
    ),
)

PRESETS: Mapping[str, Preset] = {
    preset.name: preset for preset in (_CHAOS_SOCIAL, _FREERADICAL, _TOOTING, _WANDERING_SHOP)
}
