# GPL-3.0-or-later (see LICENSE)
"""All checks of a worker's surroundings, asked at the same time (wireguard-join c.10)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from .._join import environment, preflight_clock, preflight_database, preflight_redis, preflight_store
from .._join.checks import Check, not_asked, settle
from .._join.environment import DatabaseAt, StoreAt
from .._join.preflight_clock import Reading
from .._join.preflight_database import DatabaseSeen
from .._join.preflight_redis import RedisSeen
from .._shell import Shell
from . import network, redis_probe
from .postgres_login import Answer, Login, LoginFailed
from .s3_probe import Probe

T = TypeVar("T")
# As they are read: from the way there to what is asked of it.
ORDER = (
    *("tunnel", "clock", "redis", "postgres", "pgbouncer", "s3"),
    *("version", "secrets", "media", "queues", "units", "outside"),
)


@dataclass(frozen=True)
class Outer:
    """What the services answered. migrations None: the database did not say."""

    checks: tuple[Check, ...]
    migrations: frozenset[str] | None


def ask_database(at: DatabaseAt, *, migrations: bool) -> tuple[DatabaseSeen, Reading | None, frozenset[str] | None]:
    """One login, the question, and where wanted the applied migrations."""
    where, began = f"{at.host}:{at.port}", time.monotonic()
    try:
        login = Login(at)
        try:
            answer = login.ask(preflight_database.QUESTION)
            applied = login.ask(preflight_database.MIGRATIONS) if migrations else None
        finally:
            login.close()
    except LoginFailed as error:
        ms = (time.monotonic() - began) * 1000
        seen = DatabaseSeen(where, at.user, at.name, error.stage, error.code, error.message, error.timed_out, ms=ms)
        return seen, None, None
    row = answer.rows[0]
    seen = DatabaseSeen(where, at.user, at.name, row=row, ms=(time.monotonic() - began) * 1000)
    return seen, _clock(answer, row), frozenset(one[0] for one in applied.rows) if applied else None


def _clock(answer: Answer, row: Sequence[str]) -> Reading:
    return preflight_clock.reading("PostgreSQL", float(row[1]), answer.asked, answer.answered)


def _ask_store(at: StoreAt, write: bool, env_file: str) -> tuple[Check, Reading | None]:
    began, probe = time.monotonic(), Probe(at)
    failed = probe.run(write=write)
    ms = (time.monotonic() - began) * 1000
    return preflight_store.judge(at, failed, ", ".join(probe.asked), ms, env_file), probe.clock


def ask(shell: Shell, given: Mapping[str, Any], env: Mapping[str, str], *, write: bool) -> Outer:
    """tunnel, clock, redis, postgres, pgbouncer, s3, outside. write: whether probes may be written for a moment."""
    env_file = given["env_file"]
    pooler = environment.database(env)
    direct = given["database_direct"]
    store = environment.store(env)
    try:
        places = environment.redis_places(env)
        unreadable = ""
    except ValueError as error:
        places, unreadable = {}, str(error)
    with ThreadPoolExecutor(max_workers=12) as pool:

        def later(what: Callable[[], T]) -> Future[T]:
            return pool.submit(what)

        way_out = later(lambda: network.try_outside(given["outside"], env.get("http_proxy", "")))
        media = later(lambda: _ask_store(store, write, env_file)) if store else None
        pooled = later(lambda: ask_database(pooler, migrations=True))
        straight = (
            later(lambda: ask_database(pooler.at(direct["host"], direct["port"]), migrations=False)) if direct else None
        )
        stores = [pool.submit(redis_probe.ask, label, place, write=write) for label, place in places.items()]
        # In this thread: the shell is not made for several.
        tunnel = _tunnel(shell, given)
        redises = [one.result() for one in stores]
    pooled_seen, pooled_clock, migrations = pooled.result()
    direct_seen, direct_clock, _none = straight.result() if straight else (None, None, None)
    postgres, pgbouncer = preflight_database.judge(direct_seen, pooled_seen, given["connections"], env_file)
    s3, s3_clock = media.result() if media else (preflight_store.off(), None)
    clocks = [clock for clock in (_first(redises), direct_clock or pooled_clock, s3_clock) if clock]
    checks = (
        tunnel,
        preflight_clock.judge(clocks, given["max_skew"], synchronised(shell)),
        Check("redis", False, unreadable, "", f"Name the relay in {env_file} (role mastodon).")
        if unreadable
        else preflight_redis.judge([seen for seen, _clock in redises], given["max_rtt_ms"], env_file),
        postgres,
        pgbouncer,
        s3,
        way_out.result(),
    )
    return Outer(checks, migrations)


def _tunnel(shell: Shell, given: Mapping[str, Any]) -> Check:
    wanted = given["tunnel"]
    if not wanted:
        return not_asked("tunnel", "the cluster has none")
    return network.look_at_tunnel(shell, wanted["interface"], wanted["peers"])


def _first(redises: Sequence[tuple[RedisSeen, Reading | None]]) -> Reading | None:
    """One clock of Redis is enough: ours all run on one host."""
    return next((clock for _seen, clock in redises if clock), None)


def synchronised(shell: Shell) -> bool:
    """What timedatectl says; where there is none, the figures alone count."""
    argv = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    return shell.run(argv, check=False).out.strip() != "no"


def order(checks: Sequence[Check]) -> tuple[Check, ...]:
    """In their order, and each fault once."""
    return tuple(sorted(settle(checks), key=lambda check: ORDER.index(check.id)))
