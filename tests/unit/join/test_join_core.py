"""The pure core of join and leave: command lines, time spans, private queues, who is who, who is idle, who may go."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import (
    canary,
    checks,
    drain,
    environment,
    instance,
    preflight_clock,
    queues,
    registration,
    removal,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.checks import Check
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.instance import Unit, Wanted
from ansible_collections.fediverse.mastodon.plugins.module_utils._units import compose, model
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.runtime import parse_environment
from worker_host import entry, job

from tests.conftest import ROOT

CORE = ROOT / "plugins" / "module_utils" / "_join"
IMPURE = {"os", "io", "time", "datetime", "random", "secrets", "socket", "subprocess", "pathlib", "threading", "ssl"}
NOW = 1_800_000_000.0
UNIT = Unit("mastodon-sidekiq@main.service", True, "active", True, False, 812, "success", 80.0, NOW - 100)
UNIT = replace(UNIT, command=instance.command("-c 5 -t 60 -g main@v1 -q push,2 -q pull,1 -q probe_pi_main,1"))
MAIN = Wanted("main", frozenset({"push", "pull"}), 5)


def beat(
    identity: str = "pi:812:0a0a0a0a0a0a", listens: str = "push pull probe_pi_main", **more: object
) -> registration.Beat:
    hostname, pid, _nonce = identity.split(":")
    given = {"tag": "main@v1", "started": NOW - 95, "beat": NOW - 5, **more}
    return registration.parse(identity, entry(hostname, int(pid), str(given.pop("tag")), listens.split(), **given))


def test_the_core_has_no_input_and_no_output() -> None:
    files = [path for path in sorted(CORE.glob("*.py")) if not path.name.startswith(("access", "identity", "status"))]
    assert len(files) > 12
    for path in files:
        tree = ast.parse(path.read_text())
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
        }
        assert not imported & IMPURE, f"{path.name} imports {imported & IMPURE}"
        assert len(path.read_text().splitlines()) < 260, path.name


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("15s", 15), ("1min 20s", 80), ("1min 30s", 90), ("500ms", 0.5), ("infinity", float("inf")), ("1h 5s", 3605)],
)
def test_time_spans_of_systemd(span: str, seconds: float) -> None:
    assert instance.seconds(span) == seconds


def test_what_is_no_time_span() -> None:
    with pytest.raises(ValueError, match="no time span"):
        instance.seconds("soon")


def test_the_command_line_that_the_role_writes_is_read_back() -> None:
    item = {"name": "main", "queues": [["push", 6], ["pull", None]], "threads": 25, "db_pool": 25}
    (unit,) = compose.sidekiq_units([item], {"version": "v4.6.5"}, {}, 60)
    found = instance.command(parse_environment(unit["files"][0]["content"])["SIDEKIQ_ARGUMENTS"])
    assert found.queues == (("push", 6), ("pull", None))
    assert (found.threads, found.timeout, found.tag) == (25, 60, "main@v4.6.5")
    assert model.Desired("mastodon-sidekiq").service("main") == instance.unit_of("main")


def test_upstreams_own_command_line_has_sidekiqs_defaults() -> None:
    found = instance.command("/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25 --queue default")
    assert (found.timeout, found.tag, found.names) == (25, "", frozenset({"default"}))


def test_a_private_queue_is_reached_and_changes_no_order() -> None:
    probe = instance.probe_queue("pi.home", "main")
    assert instance.with_probe([("push", 6), ("pull", None)], probe) == [("push", 6), ("pull", None), (probe, 1)]
    strict = instance.with_probe([("scheduler", None)], probe)
    assert strict[0] == (probe, None) and all(weight is None for _name, weight in strict)


def test_hosts_that_call_their_instances_alike_have_private_queues_of_their_own() -> None:
    names = {instance.probe_queue(host, "main") for host in ("a", "b", "a-b")}
    assert len(names) == 3 and all(name.startswith("probe_") for name in names)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (beat(), ""),
        (beat(beat=NOW - 21), "beat 21 s ago"),
        (beat(quiet=True), "is quiet"),
        (beat(listens="push"), "does not listen to pull"),
        (beat(tag="other@v1"), "no entry of pi:812"),
        (beat("pi:813:0a0a0a0a0a0a"), "no entry of pi:812"),
        (beat("raspberrypi:812:0a0a0a0a0a0a"), "no entry of pi:812"),
        (beat(started=NOW - 900), "no entry of pi:812"),
        (replace(beat(), concurrency=25), "has 25 threads, its unit says 5"),
    ],
)
def test_who_counts_as_registered(given: registration.Beat, words: str) -> None:
    told = registration.verdict(MAIN, UNIT, "pi", [given], NOW)
    assert words in told and bool(words) == bool(told)


def test_twins_that_cannot_be_told_apart_are_named() -> None:
    twins = [beat(), beat("pi:812:0b0b0b0b0b0b")]
    assert "look the same" in registration.verdict(MAIN, UNIT, "pi", twins, NOW)


def test_a_unit_that_is_down_is_not_looked_for() -> None:
    told = registration.verdict(MAIN, replace(UNIT, active="failed", pid=0, result="exit-code"), "pi", [beat()], NOW)
    assert told == "mastodon-sidekiq@main.service is failed (exit-code)"


def test_an_expired_entry_has_what_its_identity_says() -> None:
    ghost = registration.parse("pi:812:0a0a0a0a0a0a", {})
    assert (ghost.hostname, ghost.pid, ghost.alive(NOW)) == ("pi", 812, False)


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        (beat(quiet=True), True),
        (beat(quiet=True, beat=NOW - 11), False),
        (beat(quiet=False), False),
        (beat(quiet=True, busy=1), False),
        (replace(beat(quiet=True), work={"t": job("a")}), False),
        (None, False),
    ],
)
def test_idle_counts_in_a_beat_after_the_signal_only(given: registration.Beat | None, idle: bool) -> None:
    assert (drain.waits_for(UNIT, given, signalled=NOW - 10) == "") is idle


def test_a_unit_without_a_process_has_nothing_in_hand() -> None:
    assert drain.waits_for(replace(UNIT, active="inactive", pid=0), None, NOW) == ""


def test_jobs_in_hand_by_class_the_wrapped_one_for_mail() -> None:
    mail = json.dumps({"class": "Sidekiq::ActiveJob::Wrapper", "wrapped": "ActionMailer::MailDeliveryJob", "jid": "m"})
    state = json.dumps({"queue": "queue:mailers", "payload": mail, "run_at": NOW - 7})
    (found,) = drain.jobs({"t": state})
    assert (found.queue, found.name, found.payload) == ("mailers", "ActionMailer::MailDeliveryJob", mail)
    assert drain.in_hand([replace(beat(), work={"t": state})], NOW) == ["ActionMailer::MailDeliveryJob 1 (longest 7 s)"]


def test_quiet_and_dead_processes_keep_no_queue() -> None:
    own = [beat()]
    quiet = beat("a:1:aaaaaaaaaaaa", quiet=True)
    dead = beat("b:1:bbbbbbbbbbbb", beat=NOW - 31)
    assert queues.left_without(own, [*own, quiet, dead], NOW) == ["pull", "push"]
    assert queues.left_without(own, [*own, beat("c:1:cccccccccccc", "push")], NOW) == ["pull"]
    # What is quiet already takes nothing: nobody loses a queue by its stop.
    assert queues.left_without([quiet], [quiet], NOW) == []


def test_the_scheduler_that_would_be_left_says_how_to_move_it() -> None:
    assert "mastodon_sidekiq_workers" in queues.refusal(["scheduler"], "pi")
    assert "mastodon_sidekiq_workers" not in queues.refusal(["pull"], "pi")


def test_a_canary_among_failed_jobs() -> None:
    entries = [json.dumps({"jid": "a"}), json.dumps({"jid": "b", "error_class": "E", "error_message": "m"})]
    assert canary.failed(entries, "b") == (entries[1], "E: m")
    assert canary.failed(entries, "c") == ("", "")


def test_steps_of_a_leave_disable_before_they_stop() -> None:
    verbs = [step.verb for step in removal.to_stop([UNIT, replace(UNIT, name="other")])]
    assert verbs == ["disable", "disable", "stop", "stop", "mask", "mask"]
    assert removal.to_stop([replace(UNIT, active="inactive", pid=0, enabled=False, masked=True)]) == ()


def test_a_failure_that_follows_is_not_counted_and_one_by_itself_is() -> None:
    s3 = Check("s3", False, "403", hint="mend", follows=("clock",))
    alone = checks.settle([Check("clock", True, "fine"), s3])
    both = checks.settle([Check("clock", False, "late", "5 s", "Set it."), s3])
    assert [one.ok for one in alone] == [True, False]
    assert [one.ok for one in both] == [False, None]
    assert checks.refusal(both, "pi") == "pi: clock: late (limit: 5 s). Set it."


def test_half_the_round_trip_is_taken_off() -> None:
    one = preflight_clock.reading("Redis", theirs=1010.0, before=1000.0, after=1020.0)
    assert (one.offset, one.margin) == (0.0, 10.0)
    date = preflight_clock.reading("S3", theirs=1000.0, before=1000.4, after=1000.6, resolution=1.0)
    assert abs(date.offset) < 1e-6


@pytest.mark.parametrize("ahead", [-400.0, 400.0])
def test_whose_clock_is_wrong(ahead: float) -> None:
    def readings(*offsets: float) -> list[preflight_clock.Reading]:
        return [preflight_clock.Reading(name, offset, 0.1) for name, offset in zip(("Redis", "PostgreSQL"), offsets)]

    ours = preflight_clock.judge(readings(ahead, ahead), 5.0, True)
    theirs = preflight_clock.judge(readings(ahead, 0.0), 5.0, True)
    assert ours.value.startswith(f"clock is 400 s {'behind' if ahead > 0 else 'ahead of'} Redis, PostgreSQL")
    assert theirs.value.startswith("the clock of Redis is 400 s") and "PostgreSQL agrees" in theirs.value


def test_a_prefixed_redis_inherits_nothing() -> None:
    env = {"REDIS_HOST": "a", "REDIS_PASSWORD": "p", "SIDEKIQ_REDIS_HOST": "b", "CACHE_REDIS_PORT": "9"}
    places = environment.redis_places(env)
    assert {name: (at.host, at.password) for name, at in places.items()} == {
        "base+cache": ("a", "p"),
        "sidekiq": ("b", ""),
    }
    with pytest.raises(ValueError, match="sentinels"):
        environment.redis_places({"SIDEKIQ_REDIS_SENTINELS": "a,b"})


def test_a_database_url_beats_the_parts() -> None:
    at = environment.database({"DATABASE_URL": "postgresql://u%40:p%2F@h:7/d?sslmode=require", "DB_HOST": "x"})
    assert (at.host, at.port, at.name, at.user, at.password, at.tls) == ("h", 7, "d", "u@", "p/", "require")


def test_the_store_of_amazon_has_its_bucket_in_the_host_name() -> None:
    at = environment.store({"S3_ENABLED": "true", "S3_REGION": "eu-west-1", "S3_BUCKET": "b"})
    assert at and (at.endpoint, at.path_style) == ("https://s3.eu-west-1.amazonaws.com", False)
    assert environment.store({"S3_ENABLED": "1"}) is None
