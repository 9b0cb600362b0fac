"""A worker host that died: its jobs are pushed back, its entry goes, and what may be lost is said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import sidekiq
from fake_redis import FakeRedis
from worker_host import WorkerHost, job

Run = Callable[..., dict[str, Any]]
DEAD = "raspberrypi:7:dddddddddddd"
FORCE = {"force": True, "hostname": "raspberrypi"}


def die(host: WorkerHost, age: float = 65.0, jobs: int = 5) -> None:
    host.stranger(DEAD, ["push"], beat=time.time() - age, busy=jobs)
    host.redis.data[f"{DEAD}:work"] = {f"t{number}": job(f"j{number}") for number in range(jobs)}


def test_five_of_five_are_pushed_back_and_the_entry_goes(host: WorkerHost, run: Run) -> None:
    die(host)
    told = run("absent", check=True, **FORCE)
    assert "queue:push" not in host.redis.data
    result = run("absent", **FORCE)
    assert result["actions"] == told["actions"]
    assert result["actions"] == [
        f"push back 5 jobs of {DEAD}",
        f"remove {DEAD} (dead, from Redis' list of processes)",
    ]
    assert (result["jobs_rescued"], result["jobs_lost_at_most"]) == (5, 5)
    assert {json.loads(one)["jid"] for one in host.redis.data["queue:push"]} == {f"j{number}" for number in range(5)}
    assert host.redis.data["processes"] == {"main:99:aaaaaaaaaaaa"}
    assert not [key for key, value in host.redis.data.items() if (DEAD in key or "rescue" in key) and value]
    assert not host.calls
    assert not run("absent", **FORCE)["changed"]


def test_what_expires_while_it_waits_was_saved_before(host: WorkerHost, run: Run) -> None:
    """Killed 0 s ago: the beat must grow old, and by then the hash of the work is gone."""
    die(host, age=0.0)

    def expire(call: tuple[str, ...]) -> None:
        if call[0] == "TIME" and f"fediverse:rescue:{DEAD}" in host.redis.data:
            host.redis.data.pop(f"{DEAD}:work", None)
            host.redis.data.pop(DEAD, None)

    host.redis.called = expire
    result = run("absent", **FORCE)
    assert result["jobs_rescued"] == 5, result
    assert len(host.redis.data["queue:push"]) == 5


def test_a_run_that_was_killed_in_the_middle_is_finished_and_no_job_runs_twice(
    host: WorkerHost, run: Run, monkeypatch: Any
) -> None:
    die(host)
    push = sidekiq.Sidekiq._transaction

    def killed(self: Any, commands: Any) -> None:
        push(self, commands)
        if len(host.redis.data["queue:push"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(sidekiq.Sidekiq, "_transaction", killed)
    try:
        run("absent", **FORCE)
    except KeyboardInterrupt:
        monkeypatch.setattr(sidekiq.Sidekiq, "_transaction", push)
    # In the meantime its hashes expire, and Sidekiq's web page takes it off the list.
    for key in (DEAD, f"{DEAD}:work"):
        del host.redis.data[key]
    host.redis.data["processes"].discard(DEAD)
    result = run("absent", **FORCE)
    assert result["jobs_rescued"] == 3
    assert sorted(json.loads(one)["jid"] for one in host.redis.data["queue:push"]) == [f"j{n}" for n in range(5)]


def test_too_late_is_said(host: WorkerHost, run: Run) -> None:
    host.redis.data["processes"].add(DEAD)
    result = run("absent", instances=[{"name": "main", "threads": 10}], **FORCE)
    assert result["notes"] == [f"pi: {DEAD}: work key expired: up to 10 jobs may be lost"]
    assert (result["jobs_rescued"], result["jobs_lost_at_most"]) == (0, 10)
    assert host.redis.data["processes"] == {"main:99:aaaaaaaaaaaa"}


def test_one_that_beats_is_alive_and_nothing_is_pushed_back(host: WorkerHost, run: Run) -> None:
    die(host, age=3.0)

    def beat(call: tuple[str, ...]) -> None:
        if call[0] == "TIME":
            host.stranger(DEAD, ["push"], beat=time.time())

    host.redis.called = beat
    result = run("absent", **FORCE)
    assert (
        f"{DEAD} is alive: it beat 0 s ago" in result["msg"] and "name the dead ones with `identities`" in result["msg"]
    )
    assert "queue:push" not in host.redis.data and DEAD in host.redis.data["processes"]
    assert not [key for key, value in host.redis.data.items() if "rescue" in key and value]


def test_a_twin_of_the_same_hostname_stays_where_the_dead_one_is_named(host: WorkerHost, run: Run) -> None:
    die(host)
    host.stranger("raspberrypi:9:eeeeeeeeeeee", ["push"])
    result = run("absent", force=True, identities=[DEAD])
    assert result["jobs_rescued"] == 5
    assert host.redis.data["processes"] == {"main:99:aaaaaaaaaaaa", "raspberrypi:9:eeeeeeeeeeee"}


def test_without_rescue_the_loss_is_said(host: WorkerHost, run: Run) -> None:
    die(host)
    result = run("absent", rescue_jobs=False, **FORCE)
    assert "queue:push" not in host.redis.data
    assert "jobs were not rescued" in result["notes"][0] and "up to 5 jobs are lost" in result["notes"][0]


def test_a_canary_in_hand_is_no_job_to_save(host: WorkerHost, run: Run) -> None:
    host.stranger(DEAD, ["push"], beat=time.time() - 65)
    host.redis.data[f"{DEAD}:work"] = {"t": job("x", "LinkCrawlWorker", "probe_pi_main")}
    run("absent", **FORCE)
    assert "queue:probe_pi_main" not in host.redis.data


def test_a_dead_host_that_nobody_named_is_refused(run: Run, redis: FakeRedis) -> None:
    assert "force needs `hostname`" in run("absent", force=True)["msg"]
    assert "knows no process of nobody" in run("absent", force=True, hostname="nobody")["notes"][0]
    assert redis.data["processes"] == {"main:99:aaaaaaaaaaaa"}
