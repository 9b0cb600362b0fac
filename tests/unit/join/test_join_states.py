"""present, drained and absent of the module sidekiq_worker: check mode, a run, a second run, and what goes wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import sidekiq
from fake_redis import FakeRedis
from worker_host import QUEUES, WorkerHost, job

Run = Callable[..., dict[str, Any]]
NEAR, FAR = "mastodon-sidekiq@near.service", "mastodon-sidekiq@far.service"


def joined(run: Run) -> dict[str, Any]:
    result = run("present")
    assert "msg" not in result, result.get("msg")
    return result


def test_join_first_one_instance_then_the_rest_each_proven(host: WorkerHost, run: Run) -> None:
    told = run("present", check=True)
    assert not host.calls
    result = joined(run)
    assert result["actions"] == told["actions"]
    assert result["actions"] == [
        f"enable {NEAR}",
        f"start {NEAR} (is inactive)",
        f"enable {FAR}",
        f"start {FAR} (is inactive)",
    ]
    assert [one["instance"] for one in result["canaries"]] == ["near", "far"]
    mine = [one for one in result["processes"] if one["mine"]]
    assert {one["instance"]: set(one["queues"]) for one in mine} == {
        "near": {"default", "push"},
        "far": {"pull"},
    }
    pushes = [call for call in host.redis.calls if call[0] == "LPUSH"]
    assert [call[1] for call in pushes] == ["queue:probe_pi_near", "queue:probe_pi_far"]
    canary = json.loads(pushes[0][2])
    assert (canary["class"], canary["args"], canary["retry"]) == ("LinkCrawlWorker", [-1], 0)
    assert not [call for call in host.redis.calls if call[0] == "SADD"]


def test_a_second_join_changes_nothing(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.calls.clear()
    result = joined(run)
    assert not result["changed"] and result["actions"] == [] and not host.calls
    assert len(result["canaries"]) == 2


def test_a_quiet_instance_is_restarted_as_nothing_else_helps(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.beat("far", quiet=True)
    assert joined(run)["actions"] == [f"restart {FAR} (it is quiet and takes no job)"]


def test_a_unit_that_does_not_come_up_shows_its_journal_and_is_stopped_again(host: WorkerHost, run: Run) -> None:
    host.broken = "start"
    result = run("present")
    assert "the end of the journal" in result["msg"] and "Stopped again" in result["msg"]
    assert result["actions"][-2:] == [f"disable {NEAR} (the join failed)", f"stop {NEAR} (the join failed)"]
    assert not host.units["near"].enabled and not host.units["far"].pid


def test_a_process_that_never_registers_is_stopped_again(host: WorkerHost, run: Run) -> None:
    host.registers = False
    result = run("present", start_timeout=0.1)
    assert f"Redis has no entry of {host.hostname}:812 with tag near@v1" in result["msg"]
    assert not host.units["near"].pid and not host.units["near"].enabled


def test_the_same_hostname_and_pid_elsewhere_is_not_taken_for_ours(host: WorkerHost, run: Run) -> None:
    """Every Raspberry Pi is called raspberrypi."""
    host.registers = False
    host.stranger(f"{host.hostname}:812:bbbbbbbbbbbb", ["default"], tag="main@v1")
    host.stranger(f"{host.hostname}:812:cccccccccccc", ["default"], tag="near@v1", started=time.time() - 900)
    result = run("present", start_timeout=0.1)
    assert f"no entry of {host.hostname}:812" in result["msg"]
    host.registers = True
    host.next_pid = 811
    assert "msg" not in run("present")


def test_a_canary_that_nobody_takes_is_taken_back(host: WorkerHost, run: Run) -> None:
    host.takes_jobs = False
    result = run("present", canary_timeout=0.1)
    assert "the canary in probe_pi_near was not taken" in result["msg"]
    assert not host.units["near"].pid
    assert "queue:probe_pi_near" not in host.redis.data


def test_a_canary_that_fails_says_its_error_and_leaves_no_dead_job(host: WorkerHost, run: Run) -> None:
    host.fails_jobs = True
    result = run("present")
    assert "near: the canary failed with NameError: no such class" in result["msg"]
    assert host.redis.data["dead"] == [] and not host.units["near"].pid


def test_what_ran_before_a_failed_join_runs_on(host: WorkerHost, run: Run) -> None:
    joined(run)
    host._change(("systemctl", "stop", FAR), "far")
    pid = host.units["near"].pid
    host.fails_jobs = True
    assert "failed" in run("present", canary=True)["msg"]
    assert host.units["near"].pid == pid and host.units["near"].enabled


def test_the_stock_unit_is_refused_before_the_start(host: WorkerHost, run: Run) -> None:
    host.units["near"].stop = "15s"
    result = run("present")
    assert "TimeoutStopSec" in result["msg"] and "Nothing was started" in result["msg"]
    assert not host.calls and not result["actions"]


def test_a_second_scheduler_is_refused_before_the_start(host: WorkerHost, run: Run) -> None:
    host.add("far", ["pull", "scheduler"])
    result = run("present")
    assert "main:99:aaaaaaaaaaaa has it already" in result["msg"] and not host.calls
    assert "msg" not in run("present", allow_scheduler=True)


def test_an_instance_on_demand_is_not_started(host: WorkerHost, run: Run) -> None:
    instances = [{"name": "near", "queues": ["default"]}, {"name": "far", "queues": ["pull"], "on_demand": True}]
    assert "msg" not in run("present", instances=instances)
    assert host.units["near"].pid and not host.units["far"].pid


def test_drain_tells_all_instances_and_waits_for_a_later_beat(host: WorkerHost, run: Run) -> None:
    joined(run)
    told = run("drained", check=True)
    result = run("drained", drain_timeout=2)
    assert result["actions"] == told["actions"] == [f"quiet {NEAR}", f"quiet {FAR}"]
    assert result["idle"] and result["running"] == []
    second = run("drained", drain_timeout=2)
    assert not second["changed"] and second["idle"]


def test_jobs_in_hand_are_named_at_the_time_limit_and_the_next_run_waits_on(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.work("near", job("a"), job("b"), job("c", "Import::RowWorker", began=time.time() - 41))
    result = run("drained", drain_timeout=0.1)
    assert result["failed"] and not result["idle"]
    assert f"{NEAR} has 3 jobs in hand" in result["msg"]
    assert "ActivityPub::DeliveryWorker 2" in result["msg"] and "Import::RowWorker 1 (longest 4" in result["msg"]
    assert result["actions"] == [f"quiet {NEAR}", f"quiet {FAR}"]
    del host.redis.data[f"{host.identity('near')}:work"]
    host.beat("near", quiet=True)
    assert run("drained", drain_timeout=2)["idle"]


def test_progress_is_told_while_it_waits(host: WorkerHost, run: Run, monkeypatch: Any) -> None:
    from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import leave

    monkeypatch.setattr(leave, "REPORT", 0.05)
    joined(run)
    host.work("near", job("a"))
    result = run("drained", drain_timeout=0.3)
    assert len(result["progress"]) >= 2
    assert "ActivityPub::DeliveryWorker 1" in result["progress"][0]


def test_a_wait_outlasts_a_moment_without_redis(host: WorkerHost, run: Run, monkeypatch: Any) -> None:
    joined(run)
    beats, asked = sidekiq.Sidekiq.beats, iter(range(100))

    def silent_for_a_moment(self: sidekiq.Sidekiq) -> Any:
        if next(asked) in (1, 2):
            raise Refusal("pi: Sidekiq's Redis does not answer")
        return beats(self)

    monkeypatch.setattr(sidekiq.Sidekiq, "beats", silent_for_a_moment)
    result = run("drained", drain_timeout=2)
    assert result["idle"] and "msg" not in result
    assert next(asked) > 3


def test_the_last_worker_of_a_queue_does_not_leave(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.stranger("main:99:aaaaaaaaaaaa", [queue for queue in QUEUES if queue != "pull"])
    host.stranger("other:7:dddddddddddd", QUEUES, quiet=True)
    host.stranger("ghost:7:eeeeeeeeeeee", QUEUES, beat=time.time() - 45)
    host.calls.clear()
    for state in ("drained", "absent"):
        result = run(state)
        assert result["queues_left_without_worker"] == ["pull"]
        assert "queue pull would be left without a live process" in result["msg"]
        assert not host.calls and not result["changed"]


def test_leave_in_order(host: WorkerHost, run: Run) -> None:
    joined(run)
    told = run("absent", check=True)
    result = run("absent", drain_timeout=2)
    assert "msg" not in result, result.get("msg")
    assert result["actions"] == told["actions"]
    assert result["actions"] == [
        f"quiet {NEAR}",
        f"quiet {FAR}",
        *(f"disable {unit}" for unit in (NEAR, FAR)),
        *(f"stop {unit}" for unit in (NEAR, FAR)),
        *(f"mask {unit}" for unit in (NEAR, FAR)),
    ]
    assert result["jobs_requeued"] == 0
    assert host.redis.data["processes"] == {"main:99:aaaaaaaaaaaa"}
    assert all(unit.masked and not unit.enabled and not unit.pid for unit in host.units.values())
    assert "msg" not in run("present") and not host.units["near"].masked


def test_a_second_removal_asks_nobody_as_redis_refuses_this_host_by_then(host: WorkerHost, run: Run) -> None:
    joined(run)
    run("absent", drain_timeout=2)
    host.redis.password = "revoked"
    result = run("absent")
    assert "msg" not in result and not result["changed"]


def test_at_the_time_limit_jobs_are_pushed_back_and_counted(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.work("near", job("a"), job("b"))
    result = run("absent", drain_timeout=0.1)
    assert "msg" not in result
    assert result["jobs_requeued"] == 2
    assert {json.loads(one)["jid"] for one in host.redis.data["queue:push"]} == {"a", "b"}
    assert any("stopped at the time limit" in note for note in result["notes"])


def test_jobs_that_are_not_found_again_are_told(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.pushes_back = False
    host.work("near", job("a"), job("b"))
    result = run("absent", drain_timeout=0.1)
    assert result["jobs_requeued"] == 0
    assert any("of 2 jobs in hand 0 were seen again" in note for note in result["notes"])


def test_a_job_that_somebody_else_took_at_once_was_pushed_back(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.pushes_back = False
    host.work("near", job("a"), job("b"))
    host.redis.data["main:99:aaaaaaaaaaaa:work"] = {"t1": job("a")}
    result = run("absent", drain_timeout=0.1)
    assert result["jobs_requeued"] == 1
    assert any("of 2 jobs in hand 1 were seen again" in note for note in result["notes"])


def test_a_stop_that_was_a_kill_says_what_is_lost(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.kills = True
    host.work("near", job("a"))
    result = run("absent", drain_timeout=0.1)
    assert "ended with `timeout` instead of success" in result["msg"]
    assert "ActivityPub::DeliveryWorker 1" in result["msg"] and "may be lost" in result["msg"]


def test_info_tells_who_runs_and_changes_nothing(host: WorkerHost, run: Run) -> None:
    joined(run)
    host.calls.clear()
    result = run("info", nonce="x")
    assert [one["mine"] for one in result["processes"]] == [True, True, False]
    assert result["reference"]["release"]["sidekiq"] == "8.1.6"
    assert not result["changed"] and not host.calls


def test_what_was_asked_wrongly_is_refused_in_one_sentence(run: Run, redis: FakeRedis, tmp_path: Path) -> None:
    assert "force goes with state absent only" in run("drained", force=True)["msg"]
    assert "needs `instances`" in run("present", instances=[])["msg"]
    assert "named twice: a" in run("info", instances=[{"name": "a"}, {"name": "a"}])["msg"]
    assert "has no name" in run("info", instances=[{}])["msg"]
    redis.password = "another"
    assert "pi: Sidekiq's Redis at 127.0.0.1" in run("info")["msg"]
    (tmp_path / "env").unlink()
    assert "run the role mastodon here" in run("info")["msg"]
