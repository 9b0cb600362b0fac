"""Sidekiq's instances: what they listen to, what becomes of their jobs, and which of them is restarted."""

from __future__ import annotations

import json
import time

import pytest

from tests.reconverge import reconverge, refused
from tests.systemd_units import (
    RECORDS,
    cannot_write_release,
    comes_back_after_kill,
    environment,
    pid,
    pids,
    prop,
    wait_until,
)

testinfra_hosts = ["ansible://app?sudo=true"]

UNIT = "mastodon-sidekiq@{}.service"
MAIN, PUSH, SCHEDULER, SURGE = (UNIT.format(name) for name in ("main", "push", "scheduler", "surge"))
RELEASE = {"default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"}


def rails(host, code):
    """In the app itself; what it prints last is JSON."""
    return json.loads(
        host.check_output("mastodon-run bin/rails runner %s", f"require 'sidekiq/api'; {code}").splitlines()[-1]
    )


def sql(host, statement):
    return host.check_output("runuser -u postgres -- psql -XAtq -d mastodon_production -c %s", statement).splitlines()


def processes(host):
    """What Sidekiq's processes say of themselves in Redis, by their tags."""
    code = "puts Sidekiq::ProcessSet.new.map { |p| [p['tag'], p['pid'], p['queues'], p['concurrency']] }.to_json"
    return {tag: (process, queues, threads) for tag, process, queues, threads in rails(host, code)}


def enqueue(host, queue, note, count, wait_ms):
    order = f"{{'wait_ms' => {wait_ms}, 'note' => '{note}'}}"
    rails(host, f"{count}.times {{ LabWorker.set(queue: '{queue}').perform_async({order}) }}; puts 1")


def finished(host, note):
    return sql(host, f"SELECT jid FROM lab_runs WHERE note = '{note}' AND finished_at IS NOT NULL")


def test_every_queue_is_listened_to_and_the_scheduler_once(host):
    listening = processes(host)
    assert set(listening) == {"main@v1.0.0", "push@v1.0.0", "scheduler@v1.0.0"}
    queues = [queue for _pid, names, _threads in listening.values() for queue in names]
    # Each has a private queue of its own, by which a join proves that it takes jobs.
    private = [queue for queue in queues if queue not in RELEASE]
    assert sorted(private) == ["probe_app_main", "probe_app_push", "probe_app_scheduler"]
    assert {*queues} - {*private} == RELEASE and queues.count("scheduler") == 1
    assert listening["main@v1.0.0"][0] == pid(host, MAIN)
    assert [listening[f"{name}@v1.0.0"][2] for name in ("main", "push", "scheduler")] == [5, 3, 2]


def test_the_timer_fires_in_the_scheduler_alone(host):
    process = str(pid(host, SCHEDULER))
    recent = "FROM scheduler_heartbeats WHERE created_at > now() at time zone 'utc' - interval '12 seconds'"
    wait_until(lambda: sql(host, f"SELECT DISTINCT timer_pid {recent}") == [process])
    assert sql(host, f"SELECT DISTINCT pid {recent}") == [process]


def test_its_size_and_switches_are_in_the_process_environment(host):
    values = environment(host, pid(host, PUSH))
    assert {"RAILS_ENV": "production", "DB_POOL": "3", "MASTODON_BREAKER_POOL": "true"}.items() <= values.items()
    assert "MASTODON_BREAKER_POOL" not in environment(host, pid(host, MAIN))
    log = host.check_output("journalctl --no-pager -o cat _PID=%s", str(pid(host, PUSH)))
    assert "breaker pool: on, 3 connections" in log


def test_jemalloc_is_mapped(host):
    assert "libjemalloc.so.2" in host.check_output("cat /proc/%s/maps", str(pid(host, MAIN)))


def test_it_may_write_only_where_it_must(host):
    assert cannot_write_release(host, pid(host, MAIN))


def test_it_goes_first_when_there_is_too_little(host):
    assert prop(host, MAIN, "Slice") == "system.slice"
    assert int(prop(host, MAIN, "CPUWeight")) < 100
    assert int(host.file(f"/proc/{pid(host, MAIN)}/oom_score_adj").content_string) == 300


def test_a_stop_pushes_long_jobs_back_and_lets_short_ones_finish(host):
    """The instance has 5 threads and 4 seconds: two jobs of 15 s, twenty of 0.3 s."""
    long, short = f"long-{time.time()}", f"short-{time.time()}"
    enqueue(host, "pull", long, 2, 15000)
    wait_until(lambda: len(sql(host, f"SELECT 1 FROM lab_runs WHERE note = '{long}'")) == 2)
    enqueue(host, "pull", short, 20, 300)
    host.check_output("systemctl stop %s", MAIN)
    try:
        assert prop(host, MAIN, "Result") == "success"
        assert finished(host, long) == []
        waiting = rails(host, f"puts Sidekiq::Queue.new('pull').count {{ |job| job.args[0]['note'] == '{long}' }}")
        assert waiting == 2
    finally:
        host.check_output("systemctl start %s", MAIN)
    wait_until(lambda: len(finished(host, long)) == 2 and len(finished(host, short)) >= 20, 60)
    assert len(set(finished(host, short))) == len(finished(host, short)) == 20


def test_it_comes_back_after_kill(host):
    comes_back_after_kill(host, MAIN, lambda: prop(host, MAIN, "ActiveState") == "active")


def test_on_demand_is_installed_and_the_admins_to_start(host, once_and_back):
    assert prop(host, SURGE, "UnitFileState") == "disabled" and pid(host, SURGE) == 0
    host.check_output("systemctl start %s", SURGE)
    before = pids(host, "mastodon-sidekiq")
    assert SURGE in before
    reconverge()
    assert pids(host, "mastodon-sidekiq") == before


def instances(*changed):
    wished = {
        "main": {"queues": [["default", 8], ["ingress", 4], ["mailers", 2], ["pull", 1], ["fasp", 1]], "threads": 5},
        "push": {"queues": [["push", None]], "threads": 3, "breaker_pool": True},
        "scheduler": {"queues": [["scheduler", None]], "threads": 2},
    }
    for name, change in changed:
        wished[name] = {**wished.get(name, {}), **change}
    return [
        {"name": name, "db_pool": wish["threads"], "takes_rest": name == "main", **wish}
        for name, wish in wished.items()
        if wish["threads"]
    ]


def test_queues_follow_the_release_and_only_that_instance_is_restarted(host, once_and_back):
    """A queue that the release does not have is left out, one that nobody was given is taken; both are said."""
    before = pids(host, "mastodon-sidekiq")
    main = {"queues": [["default", 8], ["ingress", 4], ["mailers", 2], ["pull", 1], ["gone", 1]]}
    said = reconverge(sidekiq_workers_instances=instances(("main", main)), sidekiq_workers_known_queues=["push"])
    assert "main: the release has no queue gone; not listened to" in said
    assert "main: also takes fasp, which the plan does not know" in said
    after = pids(host, "mastodon-sidekiq")
    assert after[PUSH] == before[PUSH] and after[SCHEDULER] == before[SCHEDULER]
    arguments = environment(host, after[MAIN])["SIDEKIQ_ARGUMENTS"]
    assert "gone" not in arguments and arguments.endswith("-q fasp,1 -q probe_app_main,1")
    # surge is not wanted any more, though it was running.
    assert set(after) == {MAIN, PUSH, SCHEDULER}
    assert host.check_output("find /etc/mastodon /etc/systemd/system %s -name '*surge*'", RECORDS) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("push", {"queues": [["gone", 1]]}), "instance push would listen to no queue"),
        (("push", {"queues": [["scheduler", 1]]}), "2 instances listen to scheduler (push, scheduler)"),
    ],
)
def test_refused_before_anything_changes(host, once_and_back, change, said):
    before = pids(host, "mastodon-sidekiq")
    assert said in refused(sidekiq_workers_instances=instances(change))
    assert pids(host, "mastodon-sidekiq") == before
