# GPL-3.0-or-later (see LICENSE)
"""Reads Redis and PostgreSQL for the status, from one application host and as the application. Changes nothing.

Every part that does not answer is told in `errors`; the others are read all the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from .._join import environment, status_read
from .._shell import Module, read_text
from .._verify.dotenv import RedisAt, parse
from .._verify.resp import Redis, RedisError

TIMEOUT = 1.5
# What waits outside of the queues, and where.
SETS = {"retry": "retry", "scheduled": "schedule", "dead": "dead"}


class Data:
    """One reading."""

    def __init__(self, module: Module, environment_file: str, queues: Sequence[str]) -> None:
        self.module, self.queues = module, list(queues)
        self.env = parse(read_text(environment_file) or "")
        self.errors: list[str] = []
        self.found: dict[str, Any] = {"redis": [], "errors": self.errors}
        if not self.env:
            self.errors.append(f"{environment_file} is not there: run site.yml, or choose another host")

    def read(self, interval: float, host: str, port: int) -> dict[str, Any]:
        """interval: seconds between the two readings of the queues. host, port: PostgreSQL past the pooler."""
        if not self.env:
            return self.found
        try:
            places = environment.redis_places(self.env)
        except ValueError as problem:
            places = {}
            self.errors.append(str(problem))
        for label, place in places.items():
            self._redis(label, place, interval)
        self._postgres(host, port)
        return self.found

    def _redis(self, label: str, place: RedisAt, interval: float) -> None:
        try:
            redis = Redis(place.host, place.port, place.user, place.password, place.db, TIMEOUT)
        except (OSError, RedisError) as problem:
            self.errors.append(f"Redis {label} at {place.host}:{place.port}: {problem}: is the relay up, and Redis?")
            return
        try:
            seen = status_read.server(label, str(redis.call("INFO")))
            seen["users"] = self._users(redis)
            self.found["redis"].append(seen)
            if "sidekiq" in label.split("+"):
                self._sidekiq(redis, interval)
        except (OSError, RedisError) as problem:
            self.errors.append(f"Redis {label} at {place.host}:{place.port}: {problem}")
        finally:
            redis.close()

    def _users(self, redis: Redis) -> list[str]:
        """Empty where this host's own user may not ask."""
        try:
            return status_read.users(redis.strings("ACL", "LIST"))
        except RedisError as problem:
            if str(problem).startswith("NOPERM"):
                return []
            raise

    def _sidekiq(self, redis: Redis, interval: float) -> None:
        names = [*self.queues, *sorted(set(redis.strings("SMEMBERS", "queues")) - set(self.queues))]
        before, started = self._sizes(redis, names), time.monotonic()
        now = time.time()
        processes, stale = [], []
        for identity in redis.strings("SMEMBERS", "processes"):
            one = status_read.process(identity, redis.pairs("HGETALL", identity), now)
            if one:
                processes.append(one)
            else:
                stale.append(identity)
        counts = {key: redis.call("ZCARD", name) for key, name in SETS.items()}
        last = status_read.rates(redis.pairs("HGETALL", status_read.metrics_key(now)))
        time.sleep(max(0.0, interval - (time.monotonic() - started)))
        after = self._sizes(redis, names)
        grows = status_read.growth(before, after, time.monotonic() - started)
        self.found["processes"] = sorted(processes, key=lambda one: str(one["identity"]))
        self.found["stale"] = sorted(stale)
        self.found["jobs"] = {**counts, "last_minute": last}
        self.found["queues"] = {
            name: {
                "size": after[name],
                "latency_s": status_read.latency(self._oldest(redis, name), time.time()),
                "growth_per_s": grows[name],
            }
            for name in names
        }

    @staticmethod
    def _sizes(redis: Redis, names: Sequence[str]) -> dict[str, int]:
        return {name: int(str(redis.call("LLEN", f"queue:{name}"))) for name in names}

    @staticmethod
    def _oldest(redis: Redis, name: str) -> str | None:
        entry = redis.call("LINDEX", f"queue:{name}", "-1")
        return entry if isinstance(entry, str) else None

    def _postgres(self, host: str, port: int) -> None:
        """Past the pooler where the plan says how; the password goes by the environment, not by the arguments."""
        at = environment.database(self.env)
        at = at.at(host or at.host, port or at.port)
        argv = ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-w"]
        argv += ["-h", at.host, "-p", str(at.port), "-U", at.user, "-d", at.name]
        secret = {"PGPASSWORD": at.password, "PGCONNECT_TIMEOUT": "2", "PGSSLMODE": at.tls, "LC_ALL": "C.UTF-8"}
        text = f"SET statement_timeout = {int(TIMEOUT * 1000)};\n{status_read.QUERY}"
        where = f"PostgreSQL at {at.host}:{at.port}"
        try:
            code, out, err = self.module.run_command(argv, data=text, binary_data=False, environ_update=secret)
        except OSError as problem:
            self.errors.append(f"{where}: psql cannot be run here: {problem}")
            return
        if code != 0:
            said = (err.strip().splitlines() or [f"psql ended with {code}"])[0]
            self.errors.append(f"{where}: {said}")
            return
        try:
            self.found["database"] = status_read.database(out)
        except ValueError as problem:
            self.errors.append(f"{where}: {problem}")
