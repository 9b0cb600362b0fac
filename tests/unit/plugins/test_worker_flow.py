"""A join and a leave from end to end, with roles and modules that write down what they were asked for."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import lock

from tests.unit.plugins.worker_flow import Flow

GRANT = [
    "worker_access postgresql pi present",
    "worker_access redis pi present",
    *["worker_access firewall pi present"] * 2,
]
REVOKE = [line.replace("present", "absent") for line in GRANT]
CHECK = ["sidekiq_worker info main", "sidekiq_worker checked pi"]
PRESENT = "sidekiq_worker present pi"
RUNS = {
    PRESENT: {
        "processes": [{"identity": "raspberrypi:8:a", "hostname": "raspberrypi", "instance": "main", "mine": True}],
        "canaries": [{"instance": "main", "taken_ms": 256}],
    },
    "sidekiq_worker info main": {"reference": {"host": "main"}, "processes": []},
}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path, answers=dict(RUNS))


def test_a_join(flow: Flow) -> None:
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 0, done.stdout + done.stderr
    assert flow.calls() == [*GRANT, *CHECK, PRESENT]
    assert "pi: 1 processes take jobs" in done.stdout and "main 256 ms" in done.stdout
    assert all(f"{step} " in done.stdout for step in ("grant", "host", "tunnel", "release", "checks", "processes"))
    entry = flow.written()["pi"]
    assert entry["state"] == "joined" and entry["hostname"] == "raspberrypi"
    assert "password" not in flow.journal.read_text()
    assert not flow.lock.exists() and not (flow.here / "run.lock").exists()


def test_who_has_joined_is_asked_again_and_not_written_again(flow: Flow) -> None:
    assert flow.run("add_worker", "worker=pi").returncode == 0
    before, flow.running = flow.journal.read_text(), True
    (flow.roles / "common" / "tasks" / "main.yml").write_text("- fail: {msg: nothing is to be written}\n")
    again = flow.run("add_worker", "worker=pi")
    assert again.returncode == 0, again.stdout
    assert flow.calls() == [*GRANT, *CHECK, PRESENT] and flow.journal.read_text() == before
    # Another setting of a role that it has, and its host is written again.
    other = flow.run("add_worker", "worker=pi", "sidekiq_workers_timeout=30")
    assert other.returncode == 2 and "nothing is to be written" in other.stdout


# Half granted, and wholly: between them, each step's failure goes the same way.
@pytest.mark.parametrize("step", [GRANT[1], CHECK[1]])
def test_a_failure_anywhere_takes_every_grant_back(flow: Flow, step: str) -> None:
    flow.answers[step] = {"fail": True}
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 2, done.stdout
    assert flow.calls()[-4:] == REVOKE
    assert "pi: did not join" in done.stdout and "the test says no" in done.stdout
    assert flow.written() == {} and not flow.lock.exists()
    # Shared out twice: with it, and again without it.
    assert len(set(re.findall(r"pools main (\[.*?\])", done.stdout))) == 2


def test_what_cannot_be_taken_back_is_told_and_taken_back_by_the_next_run(flow: Flow) -> None:
    flow.answers["sidekiq_worker checked pi"] = flow.answers[REVOKE[1]] = {"fail": True}
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 2
    assert "pi: did not join" in done.stdout and "Not everything was taken back: Doors | Redis" in done.stdout
    assert flow.written()["pi"]["state"] == "joining" and not flow.lock.exists()
    assert len(set(re.findall(r"pools main (\[.*?\])", done.stdout))) == 2
    flow.answers = {**RUNS, "sidekiq_worker present worker": RUNS[PRESENT]}
    assert flow.run("add_worker", "worker=worker").returncode == 0
    assert flow.calls()[: len(REVOKE)] == REVOKE and set(flow.written()) == {"worker"}


def test_a_failure_does_not_throw_out_who_works_already(flow: Flow) -> None:
    flow.running, flow.answers["sidekiq_worker checked pi"] = True, {"fail": True}
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 2
    assert not set(REVOKE) & set(flow.calls())
    assert flow.written()["pi"]["state"] == "joined"


def test_two_join_and_one_fails(flow: Flow) -> None:
    flow.answers[PRESENT] = {"fail": True}
    flow.answers["sidekiq_worker present worker"] = RUNS[PRESENT]
    done = flow.run("add_worker", "worker=pi,worker")
    assert done.returncode == 2
    assert "worker: 1 processes take jobs" in done.stdout and "pi has not joined" in done.stdout
    assert set(REVOKE) <= set(flow.calls()) and "worker_access redis worker absent" not in flow.calls()
    assert {name: one["state"] for name, one in flow.written().items()} == {"worker": "joined"}


# What a host is like that is off.
OFF = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


def test_one_that_is_off_by_then_changes_nothing_and_holds_up_nobody(flow: Flow) -> None:
    flow.declare("pi", OFF)
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode != 0 and "pi: not reached any more, so nothing was changed" in done.stdout, done.stdout
    assert flow.calls() == [] and flow.written() == {} and "pools main" not in done.stdout
    assert not flow.lock.exists() and not (flow.here / "run.lock").exists()


@pytest.mark.parametrize("alone", [True, False])
def test_one_that_is_lost_half_way_is_shut_out_again(flow: Flow, alone: bool) -> None:
    flow.answers["sidekiq_worker present worker"] = RUNS[PRESENT]
    lost = f"- set_fact: {json.dumps(OFF)}\n  when: inventory_hostname == 'pi'\n"
    (flow.roles / "common" / "tasks" / "main.yml").write_text(lost)
    done = flow.run("add_worker", "worker=pi" if alone else "worker=pi,worker")
    assert done.returncode != 0 and "pi: did not join" in done.stdout, done.stdout
    assert flow.calls()[-4:] == REVOKE
    assert set(flow.written()) == (set() if alone else {"worker"}) and not flow.lock.exists()
    assert len(set(re.findall(r"pools main (\[.*?\])", done.stdout))) == 2


def test_what_a_killed_run_granted_is_taken_back_by_the_next(flow: Flow) -> None:
    flow.answers["sidekiq_worker present worker"] = RUNS[PRESENT]
    assert flow.run("add_worker", "worker=worker").returncode == 0
    text = flow.journal.read_text()
    flow.journal.write_text(text.replace('"state": "joined"', '"state": "joining"'))
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 0, done.stdout
    assert flow.calls()[:4] == [line.replace(" pi ", " worker ") for line in REVOKE]
    assert set(flow.written()) == {"pi"}


def test_the_second_controller_is_refused(flow: Flow) -> None:
    lock.take(str(flow.lock), lock.this_run(os.getpid(), "add_worker shed"), stale_after=7200)
    done = flow.run("add_worker", "worker=pi")
    assert done.returncode == 2 and "add_worker shed" in done.stdout
    assert flow.calls() == []
    assert json.loads(flow.lock.read_text())["pid"] == os.getpid()


LEAVE = ["sidekiq_worker drained pi", "sidekiq_worker absent pi", "worker_access pgbouncer pi absent"]
LEFT = {
    "sidekiq_worker drained pi": {"idle": True},
    "sidekiq_worker absent pi": {"idle": True, "drained_in_s": 1.0, "jobs_requeued": 0},
}


def test_a_leave(flow: Flow) -> None:
    assert flow.run("add_worker", "worker=pi").returncode == 0
    flow.running = True
    flow.answers |= LEFT
    done = flow.run("remove_worker", "worker=pi", "confirm=pi")
    assert done.returncode == 0, done.stdout + done.stderr
    assert flow.calls() == [*LEAVE, *REVOKE]
    assert "pi: its processes are stopped" in done.stdout and "passwords that all hosts share" in done.stdout
    assert flow.written() == {} and not flow.lock.exists()
    flow.running = False
    again = flow.run("remove_worker", "worker=pi", "confirm=pi")
    assert again.returncode == 0 and flow.calls() == [*LEAVE[1:], *REVOKE]


def test_a_wait_in_pieces_ends_at_its_limit(flow: Flow) -> None:
    flow.running = True
    flow.answers |= {**LEFT, "sidekiq_worker drained pi": {"fail": True, "idle": False}}
    done = flow.run("remove_worker", "worker=pi", "confirm=pi", "worker_drain_timeout=90")
    assert done.returncode == 0, done.stdout
    assert flow.calls() == [*[LEAVE[0]] * 3, *LEAVE[1:], *REVOKE]


def test_a_queue_without_a_worker_stops_it(flow: Flow) -> None:
    flow.running = True
    flow.answers["sidekiq_worker drained pi"] = {"fail": True, "queues_left_without_worker": ["push"]}
    done = flow.run("remove_worker", "worker=pi", "confirm=pi")
    assert done.returncode == 2 and flow.calls() == LEAVE[:1]
    assert "the test says no" in done.stdout and not flow.lock.exists()


def test_a_dead_host(flow: Flow) -> None:
    flow.answers["sidekiq_worker absent pi"] = {"jobs_rescued": 5, "jobs_lost_at_most": 10}
    done = flow.run("remove_worker", "worker=pi", "confirm=pi", "force=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert flow.calls() == ["sidekiq_worker absent pi", *REVOKE]
    assert "5 jobs pushed back, 10 lost at most" in done.stdout


def test_a_host_that_lives_is_not_taken_out_by_force_and_holds_up_nobody(flow: Flow) -> None:
    flow.answers["sidekiq_worker absent pi"] = {"fail": True}
    done = flow.run("remove_worker", "worker=pi", "confirm=pi", "force=true")
    assert done.returncode == 2 and flow.calls() == ["sidekiq_worker absent pi"]
    assert not flow.lock.exists() and not (flow.here / "run.lock").exists()


def test_one_that_is_lost_while_it_leaves_keeps_its_access_and_holds_up_nobody(flow: Flow) -> None:
    flow.running = True
    # As if it went off after the first knock.
    flow.declare("pi", {**OFF, "ansible_connection": "{{ 'ssh' if __knock is defined else 'local' }}"})
    done = flow.run("remove_worker", "worker=pi", "confirm=pi")
    assert done.returncode != 0 and "pi: not reached any more while it left" in done.stdout, done.stdout
    assert flow.calls() == [] and not flow.lock.exists() and not (flow.here / "run.lock").exists()


def test_jobs_of_a_dead_host_do_not_wait_for_a_store_that_is_off(flow: Flow) -> None:
    size = {"mastodon_cpus": 2, "mastodon_memory_mb": 2048}
    flow.declare("store", {"mastodon_address": "10.40.0.5", **size, **OFF}, "minio")
    for name in ("main", "db", "worker", "pi", "store"):
        flow.declare(name, {"mastodon_worker_identity": "per_worker"})
    flow.answers["sidekiq_worker absent pi"] = {"jobs_rescued": 5, "jobs_lost_at_most": 0}
    refused = flow.run("remove_worker", "worker=pi", "confirm=pi")
    assert refused.returncode == 2 and "store: not reached, and the doors are there" in refused.stdout
    done = flow.run("remove_worker", "worker=pi", "confirm=pi", "force=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert flow.calls() == ["sidekiq_worker absent pi", *REVOKE]
    assert "MinIO on store was not reached: its key mastodon_pi opens the store" in done.stdout
    assert flow.written()["pi"]["state"] == "leaving" and not flow.lock.exists()
    # The next run of anybody shuts it, when the store is there again.
    flow.declare("store", {"ansible_connection": "local"})
    flow.answers = {**RUNS, "sidekiq_worker present worker": RUNS[PRESENT]}
    assert flow.run("add_worker", "worker=worker").returncode == 0
    assert "worker_access minio pi absent" in flow.calls() and set(flow.written()) == {"worker"}
