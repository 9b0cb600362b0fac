"""What the plan leads to, and what is said about answers that differ from it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import (
    database,
    expect,
    heartbeat,
    host,
    jobs,
    reach,
    report,
    session,
    units,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify.heartbeat import Process

QUEUES = ["default", "push", "scheduler"]
PLAN: dict[str, Any] = {
    "schema_version": 1,
    "cluster": {"queues": QUEUES},
    "hosts": {
        "main": {
            "name": "main",
            "address": "10.40.0.11",
            "roles": ["common", "mastodon", "nginx", "pgbouncer", "puma", "redis", "relay", "sidekiq_workers"],
            "pgbouncer": {"listen_address": "127.0.0.1", "port": 6432, "server": {"host": "10.40.0.13", "port": 5432}},
            "relay": {
                "listeners": [
                    {
                        "name": "base",
                        "address": "127.0.0.1",
                        "port": 16379,
                        "server": {"host": "10.40.0.11", "port": 6379},
                    }
                ]
            },
            "redis": [{"name": "base", "port": 6379, "bind": ["127.0.0.1", "10.40.0.11"]}],
            "puma": [{"name": "3000", "address": "127.0.0.1", "port": 3000}],
            "sidekiq_workers": [{"name": "scheduler", "queues": [["scheduler", None]]}],
            "nginx": {
                "web": [{"host": "main", "address": "127.0.0.1", "port": 3000}],
                "media": [{"host": "db", "address": "10.40.0.13", "port": 9000}],
                "app_addresses": ["127.0.0.1"],
                "public": "/x",
            },
        },
        "worker": {
            "name": "worker",
            "address": "10.40.0.12",
            "roles": ["common", "mastodon", "pgbouncer", "relay", "sidekiq_workers"],
            "pgbouncer": {"listen_address": "127.0.0.1", "port": 6432, "server": {"host": "10.40.0.13", "port": 5432}},
            "relay": {
                "listeners": [
                    {
                        "name": "base",
                        "address": "127.0.0.1",
                        "port": 16379,
                        "server": {"host": "10.40.0.11", "port": 6379},
                    }
                ]
            },
            "sidekiq_workers": [
                {"name": "main", "queues": [["default", 8], ["push", 6], ["fasp", 1]], "takes_rest": True},
                {"name": "surge", "queues": [["push", None]], "on_demand": True},
            ],
        },
        "db": {
            "name": "db",
            "address": "10.40.0.13",
            "roles": ["common", "minio", "postgres"],
            "postgres": {
                "listen_addresses": ["127.0.0.1", "10.40.0.13"],
                "port": 5432,
                "clients": [{"address": "10.40.0.11/32"}, {"address": "10.40.0.12/32"}],
            },
            "minio": {"address": "10.40.0.13", "port": 9000},
        },
    },
}
ADDRESSES = {
    "main": ["10.40.0.11", "192.0.2.11", "172.17.0.1"],
    "worker": ["10.40.0.12", "192.0.2.12"],
    "db": ["10.40.0.13", "192.0.2.13", "172.17.0.1"],
}


def tried(source: str, plan: dict[str, Any] = PLAN) -> dict[tuple[str, int], str]:
    return {(probe.address, probe.port): probe.expect for probe in expect.probes(plan, source, ADDRESSES)}


def test_a_worker_is_let_in_where_it_must_and_nowhere_else() -> None:
    assert tried("worker") == {
        ("10.40.0.13", 5432): expect.ADMITTED,
        ("192.0.2.13", 5432): expect.CLOSED,
        ("172.17.0.1", 5432): expect.CLOSED,
        ("192.0.2.13", 9000): expect.CLOSED,
        ("172.17.0.1", 9000): expect.CLOSED,
        ("10.40.0.11", 6379): expect.ANSWERING,
        **{("10.40.0.11", port): expect.CLOSED for port in (6432, 16379, 3000)},
        **{
            (address, port): expect.CLOSED
            for address in ("192.0.2.11", "172.17.0.1")
            for port in (6432, 16379, 3000, 6379)
        },
    }


def test_nginx_needs_the_object_store() -> None:
    assert tried("main")[("10.40.0.13", 9000)] == expect.OPEN


def test_an_address_that_the_asking_host_has_too_is_left_out() -> None:
    assert not [place for place in tried("main") if place[0] == "172.17.0.1"]


def test_a_host_that_is_no_client_is_rejected_and_finds_redis_locked() -> None:
    plan = copy.deepcopy(PLAN)
    plan["hosts"]["db"]["postgres"]["clients"] = [{"address": "10.40.0.11/32"}]
    assert tried("worker", plan)[("10.40.0.13", 5432)] == expect.REJECTED
    assert tried("db")[("10.40.0.11", 6379)] == expect.LOCKED


def test_a_firewall_of_ours_shuts_out_who_is_no_client() -> None:
    plan = copy.deepcopy(PLAN)
    worker = {"host": "worker", "address": "10.40.0.12", "ports": [6379]}
    plan["hosts"]["main"]["firewall"] = {"interface": "", "ports": [6379], "clients": [worker]}
    plan["hosts"]["db"]["firewall"] = {"interface": "", "ports": [5432, 9000], "clients": []}
    assert tried("worker", plan)[("10.40.0.11", 6379)] == expect.ANSWERING
    assert tried("db", plan)[("10.40.0.11", 6379)] == expect.CLOSED
    assert tried("worker", plan)[("10.40.0.13", 9000)] == tried("main", plan)[("10.40.0.13", 5432)] == expect.CLOSED


def test_alone_a_host_asks_itself_at_its_outer_addresses() -> None:
    plan = {"cluster": {}, "hosts": {"main": copy.deepcopy(PLAN["hosts"]["main"])}}
    places = tried("main", plan)
    assert places[("192.0.2.11", 6432)] == expect.CLOSED
    assert places[("10.40.0.11", 3000)] == expect.CLOSED
    assert ("10.40.0.11", 6379) not in places


@pytest.mark.parametrize(
    ("wanted", "answer", "fine"),
    [
        (expect.CLOSED, "closed", True),
        (expect.CLOSED, "open", False),
        (expect.OPEN, "closed", False),
        (expect.ADMITTED, "password", True),
        (expect.ADMITTED, "trust", False),
        (expect.ADMITTED, "no pg_hba line", False),
        (expect.REJECTED, "no pg_hba line", True),
        (expect.REJECTED, "password", False),
        (expect.LOCKED, "closed", True),
        (expect.LOCKED, "no password: PONG", False),
        (expect.ANSWERING, "closed", False),
    ],
)
def test_an_answer_is_held_against_the_expectation(wanted: str, answer: str, fine: bool) -> None:
    (check,) = reach.judge("main", [(expect.Probe("db", "PostgreSQL", "10.40.0.13", 5432, wanted), answer)])
    assert check.ok is fine
    if not fine:
        assert "10.40.0.13:5432" in check.seen and answer in check.seen and check.fix


def test_units_follow_the_share() -> None:
    assert expect.units(PLAN["hosts"]["worker"]) == [
        "pgbouncer.service",
        "mastodon-relay.service",
        "mastodon-sidekiq@main.service",
    ]
    assert expect.units(PLAN["hosts"]["db"]) == ["postgresql@*.service", "mastodon-minio.service"]
    in_a_tunnel = {**PLAN["hosts"]["db"], "wireguard": {"interface": "wg7"}}
    assert expect.units(in_a_tunnel)[-1] == "wg-quick@wg7.service"


SHOW = """Id=pgbouncer.service
ActiveState=active
MainPID=77
NRestarts=2
Result=success

Id=postgresql@17-main.service
ActiveState=active
MainPID=78

Id=mastodon-relay.service
ActiveState=failed
MainPID=0
Result=exit-code
"""


def test_a_unit_that_failed_is_named_with_its_result() -> None:
    wanted = ["pgbouncer.service", "postgresql@*.service", "mastodon-relay.service", "nginx.service"]
    checks = units.judge("main", wanted, units.parse(SHOW))
    assert [(check.ok, check.seen) for check in checks] == [
        (False, "mastodon-relay.service is failed (exit-code)"),
        (False, "nginx.service is not there"),
        (True, "2 of 4, restarted 2 times by systemd"),
    ]


def test_a_socket_wider_than_planned_is_seen() -> None:
    share = PLAN["hosts"]["main"]
    right = {("127.0.0.1", port) for port in (6432, 16379, 6379, 3000)} | {("10.40.0.11", 6379), ("0.0.0.0", 443)}
    assert host.judge_listeners(share, right)[0].ok
    (wide,) = host.judge_listeners(share, right | {("0.0.0.0", 3000)})
    assert not wide.ok and "Puma 3000 at 0.0.0.0:3000" in wide.seen
    (absent,) = host.judge_listeners(share, right - {("10.40.0.11", 6379)})
    assert not absent.ok and "Redis base (10.40.0.11 port 6379)" in absent.seen


def beat(hostname: str, pid: int, *queues: str, capsules: bool = True, quiet: str = "false") -> Process:
    info: dict[str, Any] = {"hostname": hostname, "pid": pid, "queues": list(queues)}
    if capsules:
        info = {"hostname": hostname, "pid": pid, "capsules": {"default": {"weights": dict.fromkeys(queues, 0)}}}
    fields = {"info": json.dumps(info), "concurrency": "5", "busy": "0", "quiet": quiet}
    process = heartbeat.parse(f"{hostname}:{pid}:abc", fields)
    assert process
    return process


OBSERVED = {
    "main": {"hostname": "m", "units": {"mastodon-sidekiq@scheduler.service": {"active": True, "pid": 10}}},
    "worker": {"hostname": "w", "units": {"mastodon-sidekiq@main.service": {"active": True, "pid": 10}}},
}
ALIVE = [beat("m", 10, "scheduler"), beat("w", 10, "default", "push", capsules=False)]


def verdict(alive: list[Process], queues: list[str] = QUEUES) -> dict[tuple[str, str], report.Check]:
    wanted = heartbeat.instances(PLAN, OBSERVED, queues)
    return {(check.name, check.where): check for check in heartbeat.judge(wanted, queues, alive, "main")}


def test_a_private_queue_is_nobodys_business() -> None:
    info = {"hostname": "w", "pid": 1, "capsules": {"default": {"weights": {"push": 1, "probe_w_main": 1}}}}
    process = heartbeat.parse("w:1:abc", {"info": json.dumps(info)})
    assert process is not None and process.queues == {"push"}


def test_expired_heartbeats_are_dead() -> None:
    assert heartbeat.parse("gone:1:abc", {}) is None


def test_all_is_well_without_the_on_demand_process_and_without_a_queue_the_release_lacks() -> None:
    assert all(check.ok for check in verdict(ALIVE).values())


@pytest.mark.parametrize(
    ("alive", "where", "words"),
    [
        (ALIVE[:1], ("Sidekiq main beats", "worker"), "no heartbeat of w:10"),
        ([ALIVE[0], beat("w", 11, "default", "push")], ("Sidekiq main beats", "worker"), "no heartbeat"),
        ([ALIVE[0], beat("w", 10, "default")], ("Sidekiq main beats", "worker"), "does not listen to push"),
        ([beat("m", 10, "scheduler", "push"), ALIVE[1]], ("Sidekiq scheduler beats", "main"), "without being planned"),
        ([ALIVE[0], beat("w", 10, "default", "push", quiet="true")], ("Sidekiq main beats", "worker"), "is quiet"),
        (ALIVE[:1], ("every queue is listened to", "main"), "nobody takes default, push"),
        ([*ALIVE, beat("x", 1, "scheduler")], ("exactly one scheduler", "main"), "2 processes"),
        (ALIVE[1:], ("exactly one scheduler", "main"), "0 processes"),
    ],
)
def test_what_is_wrong_with_sidekiq_is_said(alive: list[Process], where: tuple[str, str], words: str) -> None:
    check = verdict(alive)[where]
    assert not check.ok and words in check.seen and check.fix


def test_a_process_that_takes_the_rest_may_listen_to_more() -> None:
    assert verdict([ALIVE[0], beat("w", 10, "default", "push", "new")])[("Sidekiq main beats", "worker")].ok


class Queues:
    """Redis with lists."""

    def __init__(self, lists: dict[str, list[str]]):
        self.lists = lists
        self.asked = 0

    def strings(self, *parts: str) -> list[str]:
        self.asked += 1
        if self.asked > 4:
            self.lists.pop("queue:push", None)
        return [json.dumps({"jid": jid}) for jid in self.lists.get(parts[1], [])]


def test_jobs_are_waited_for() -> None:
    ticks = iter(range(100))
    redis = Queues({"queue:push": ["mine", "older", "oldest"], "queue:default": ["other"]})
    assert jobs.waiting(redis, {"push": "mine", "default": "done"}) == {"push": 2}
    left, seconds = jobs.drain(redis, {"push": "mine"}, 50, clock=lambda: next(ticks), sleep=lambda _: None)
    assert not left and seconds > 0
    assert not jobs.judge("main", {"push": "mine"}, {"push": 2}, 15).ok


def test_a_job_that_is_not_taken_is_left() -> None:
    ticks = iter(range(100))
    redis = Queues({"queue:pull": ["mine"]})
    left, _seconds = jobs.drain(redis, {"pull": "mine"}, 5, clock=lambda: next(ticks), sleep=lambda _: None)
    assert left == {"pull": 0}


def test_the_session_is_found_among_log_lines() -> None:
    out = f'booting\n{session.MARK}{{"token":"t","jobs":{{"default":"1","push":null}}}}\nbye\n'
    assert session.parse(out) == session.Session("t", {"default": "1"})
    assert session.parse("booting\n") is None
    check = session.judge(
        "main", "admin", None, 1, "stack level\nActiveRecord::RecordNotFound: Couldn't find Account\n"
    )
    assert not check.ok and "RecordNotFound" in check.seen


def test_the_token_is_no_argument_of_psql_and_quotes_stay_inside() -> None:
    assert "secret" not in " ".join(database.command("mastodon_production", 5432))
    assert database.query("it's", "") == "SELECT count(*) FROM statuses WHERE text = 'it''s';\n"
    assert database.judge("db", True, 0, "1\n", "").ok
    assert not database.judge("db", True, 0, "0\n", "").ok
    assert "does not exist" in database.judge("db", True, 1, "", 'ERROR: relation "statuses" does not exist\n').seen


def test_the_table_puts_failures_last_and_failures_say_what_to_do() -> None:
    checks = [report.Check("b", "main", False, "broken", "Mend it."), report.Check("long name", "db", True, "3 of 3")]
    assert report.table(checks) == ["ok   long name  db    3 of 3", "FAIL b          main  broken"]
    assert report.failures(checks) == ["main: b: broken. Mend it."]
    assert report.table([report.check_from(check.plain()) for check in checks]) == report.table(checks)
