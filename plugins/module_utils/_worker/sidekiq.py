# GPL-3.0-or-later (see LICENSE)
"""Sidekiq's Redis: heartbeats, work in hand, canaries, and the jobs of the dead."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from .._join import canary
from .._join.drain import Job, jobs
from .._join.instance import PROBE
from .._join.registration import Beat, parse
from .._join.removal import SAVED, SAVED_FOR
from .._shell import Refusal
from .._verify.dotenv import RedisAt
from .._verify.resp import Redis, RedisError

INDEX = SAVED.rstrip(":")
TAIL = 1000
T = TypeVar("T")


class Sidekiq:
    """One connection. Refusal where Redis does not answer."""

    def __init__(self, at: RedisAt, worker: str, timeout: float = 5.0) -> None:
        self._where = f"{at.host}:{at.port}"
        self._worker = worker
        with self._telling():
            self._redis = Redis(at.host, at.port, at.user, at.password, at.db, timeout)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RedisError) as error:
            raise Refusal(
                f"{self._worker}: Sidekiq's Redis at {self._where} does not answer: {error}."
                " Look at journalctl -u mastodon-relay here, and at the Redis host."
            ) from error

    def close(self) -> None:
        """Hang up."""
        self._redis.close()

    def _call(self, *parts: str) -> Any:
        with self._telling():
            return self._redis.call(*parts)

    def _strings(self, *parts: str) -> list[str]:
        with self._telling():
            return self._redis.strings(*parts)

    def _pairs(self, key: str) -> dict[str, str]:
        with self._telling():
            return self._redis.pairs("HGETALL", key)

    def now(self) -> float:
        """Its clock, by which the beats of all hosts are judged."""
        whole, parts = self._strings("TIME")
        return int(whole) + int(parts) / 1e6

    def beats(self) -> list[Beat]:
        """All entries of the set, those that have expired too."""
        identities = sorted(self._strings("SMEMBERS", "processes"))
        return [parse(identity, self._pairs(identity), self._pairs(f"{identity}:work")) for identity in identities]

    def push_canary(self, queue: str, name: str, arguments: Sequence[Any]) -> str:
        """Returns its job id. The queue is not made known to Sidekiq's web page: it is empty again in a moment."""
        jid = os.urandom(12).hex()
        self._call("LPUSH", f"queue:{queue}", canary.payload(queue, jid, time.time(), name, arguments))
        self._call("EXPIRE", f"queue:{queue}", str(canary.KEPT))
        return jid

    def waiting(self, queue: str) -> int:
        """Jobs in a queue."""
        return int(self._call("LLEN", f"queue:{queue}") or 0)

    def take_back(self, queue: str) -> None:
        """Drop a canary that nobody took."""
        self._call("DEL", f"queue:{queue}")

    def failed_canary(self, jid: str, since: float) -> str:
        """The error of a canary that failed, which is then removed; empty when it did not."""
        for key in ("dead", "retry"):
            entries = self._strings("ZRANGEBYSCORE", key, f"({since - 5:.3f}", "+inf", "LIMIT", "0", str(TAIL))
            entry, error = canary.failed(entries, jid)
            if entry:
                self._call("ZREM", key, entry)
                return error
        return ""

    def in_queues(self, wanted: Collection[Job]) -> set[str]:
        """Ids of those of these jobs that are in their queues again, at the end from which they are taken."""
        found: set[str] = set()
        for queue in {job.queue for job in wanted}:
            payloads = set(self._strings("LRANGE", f"queue:{queue}", str(-TAIL), "-1"))
            found |= {job.jid for job in wanted if job.queue == queue and job.payload in payloads}
        return found

    def saved(self) -> dict[str, dict[str, str]]:
        """{identity: work} that an earlier run copied."""
        return {identity: self._pairs(SAVED + identity) for identity in self._strings("SMEMBERS", INDEX)}

    def save(self, identity: str) -> None:
        """Copy the work in hand to where it does not expire within the minute."""
        if self._call("COPY", f"{identity}:work", SAVED + identity, "REPLACE"):
            self._call("EXPIRE", SAVED + identity, str(SAVED_FOR))
            self._call("SADD", INDEX, identity)

    def forget(self, identity: str) -> None:
        """Drop a copy."""
        self._call("DEL", SAVED + identity)
        self._call("SREM", INDEX, identity)

    def push_back(self, identity: str, work: Mapping[str, str]) -> int:
        """Each job and its place in the copy in one transaction: a run that is killed does none of them twice."""
        done = 0
        for thread, entry in work.items():
            (job,) = jobs({thread: entry})
            steps = [["HDEL", SAVED + identity, thread]]
            if not job.queue.startswith(PROBE):
                steps.insert(0, ["RPUSH", f"queue:{job.queue}", job.payload])
                done += 1
            self._transaction(steps)
        return done

    def bury(self, identity: str) -> None:
        """Take a dead process off the list."""
        self._transaction(
            [
                ["SREM", "processes", identity],
                ["DEL", identity, f"{identity}:work", f"{identity}-signals", SAVED + identity],
                ["SREM", INDEX, identity],
            ]
        )

    def _transaction(self, commands: Sequence[Sequence[str]]) -> None:
        self._call("MULTI")
        for parts in commands:
            self._call(*parts)
        if self._call("EXEC") is None:
            raise Refusal(f"{self._worker}: Redis at {self._where} did not execute {commands[0][0]}; run it again")


def until(check: Callable[[], T], good: Callable[[T], bool], limit: float, pause: float) -> tuple[T, float]:
    """Ask until it is good or the time is over. Returns the last answer and the seconds it took."""
    began = time.monotonic()
    while True:
        answer = check()
        passed = time.monotonic() - began
        if good(answer) or passed >= limit:
            return answer, passed
        time.sleep(pause)
