"""The preflight against servers of the test: all is well, and each fault is exactly one failure with its next step."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import network, postgres_login
from conftest import MIGRATIONS
from fake_postgres import FakePostgres
from fake_redis import FakeRedis
from fake_s3 import FakeS3
from worker_host import WorkerHost

Run = Callable[..., dict[str, Any]]
SECRETS = {
    "SECRET_KEY_BASE": "s" * 64,
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": "p" * 32,
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY": "d" * 32,
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT": "k" * 32,
    "VAPID_PRIVATE_KEY": "v",
    "VAPID_PUBLIC_KEY": "w",
    "LOCAL_DOMAIN": "example.social",
}
HBA = ("28000", 'no pg_hba.conf entry for host "10.66.0.7", user "mastodon", database "mastodon_production"')


@dataclass
class Site:
    """Everything around a worker; change something and look what the preflight says."""

    host: WorkerHost
    redis: FakeRedis
    postgres: FakePostgres
    pooler: FakePostgres
    s3: FakeS3
    place: Path
    run: Run
    environment: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)

    def write(self) -> None:
        text = "".join(f"{name}='{value}'\n" for name, value in self.environment.items())
        (self.place / "env").write_text(text)

    def reference(self) -> dict[str, Any]:
        self.write()
        return dict(self.run("info", nonce="n" * 32)["reference"])

    def check(self, **more: Any) -> dict[str, Any]:
        self.write()
        return self.run("checked", **{**self.arguments, **more})


@pytest.fixture
def site(
    host: WorkerHost, redis: FakeRedis, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """All is well: PostgreSQL by itself and by a pooler, Redis, an object store, a running host to compare with."""
    with FakePostgres() as postgres, FakePostgres(auth="md5") as pooler, FakeS3() as s3:
        rows = [["f", "0", "80", "20", "4", "mastodon"]]
        for server in (postgres, pooler):
            server.rows = {"SELECT pg_is": rows, "SELECT version": [[one] for one in MIGRATIONS]}
        found = Site(host, redis, postgres, pooler, s3, tmp_path, run)
        found.environment = {
            **SECRETS,
            "DB_HOST": "127.0.0.1",
            "DB_PORT": pooler.port,
            "DB_PASS": "right",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": redis.port,
            "REDIS_PASSWORD": "secret",
            "S3_ENABLED": "true",
            "S3_ENDPOINT": f"http://127.0.0.1:{s3.port}",
            "S3_BUCKET": "mastodon",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "geheim",
        }
        found.arguments = {
            "nonce": "n" * 32,
            "expected": {**found.reference(), "host": "main"},
            "database_direct": {"host": "127.0.0.1", "port": postgres.port},
            "connections": 10,
        }
        answered = postgres_login.Login.ask

        def ask(login: postgres_login.Login, sql: str) -> postgres_login.Answer:
            answer = answered(login, sql)
            # The fake's rows were made before: its clock is that of the answer, plus what a test wants.
            ahead = float(answer.rows[0][1]) if sql.startswith("SELECT pg_is") else 0.0
            if not sql.startswith("SELECT pg_is"):
                return answer
            one = answer.rows[0]
            return postgres_login.Answer(((one[0], str(time.time() + ahead), *one[2:]),), answer.asked, answer.answered)

        monkeypatch.setattr(postgres_login.Login, "ask", ask)
        monkeypatch.setattr(postgres_login.Login.__init__, "__defaults__", (0.5,))
        yield found


def by_id(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in result["checks"]}


def failing(result: dict[str, Any]) -> list[str]:
    return [check["id"] for check in result["checks"] if check["ok"] is False]


def test_all_is_well(site: Site) -> None:
    result = site.check()
    assert "msg" not in result, result.get("msg")
    assert not result["changed"]
    checks = by_id(result)
    assert [name for name, check in checks.items() if check["ok"] is None] == ["tunnel", "outside"]
    assert "64 connections free" in checks["postgres"]["value"]
    assert "HEAD, PUT, GET, DELETE" in checks["s3"]["value"]
    assert not site.s3.objects
    assert not [key for key in site.redis.data if "probe" in key]
    assert "2 migrations" in checks["version"]["value"] and "Sidekiq 8.1.6" in checks["version"]["value"]
    assert checks["secrets"]["value"].startswith("9 equal")


def test_check_mode_writes_no_probe(site: Site) -> None:
    result = site.check(check=True)
    assert not failing(result)
    assert site.s3.asked == ["HEAD"]
    assert not [call for call in site.redis.calls if call[0] in ("SET", "DEL")]


def test_a_probe_in_redis_does_not_outlive_a_killed_run(site: Site) -> None:
    site.check()
    assert [call for call in site.redis.calls if call[0] == "SET"]
    assert all(call[3:] == ("EX", "30") for call in site.redis.calls if call[0] == "SET")


def test_no_secret_is_in_what_the_module_says(site: Site) -> None:
    said = str(site.check())
    assert "geheim" not in said and "s" * 64 not in said and "secret'" not in said


def _set(**values: Any) -> Callable[[Site], None]:
    return lambda site: site.environment.update(values)


def _wrong_password_everywhere(site: Site) -> None:
    site.environment["DB_PASS"] = "wrong"
    site.pooler.wrong_password = ("08P01", "SASL authentication failed")


def _clock_of_this_host(site: Site) -> None:
    site.redis.ahead = site.s3.ahead = 412.0
    for server in (site.postgres, site.pooler):
        server.rows["SELECT pg_is"][0][1] = "412"


def _clock_and_store(site: Site) -> None:
    _clock_of_this_host(site)
    site.s3.refuse = {"*": (403, "RequestTimeTooSkewed")}


def _no_hba(site: Site) -> None:
    site.postgres.refuse = HBA
    site.pooler.refuse = ("08P01", "server login failed: no pg_hba.conf entry")


def _postgres_is_down(site: Site) -> None:
    site.arguments["database_direct"] = {"host": "127.0.0.1", "port": _closed_port()}
    site.pooler.hangs = True


def _replica(site: Site) -> None:
    for server in (site.postgres, site.pooler):
        server.rows["SELECT pg_is"][0][0] = "t"


def _crowded(site: Site) -> None:
    for server in (site.postgres, site.pooler):
        server.rows["SELECT pg_is"][0][3] = "75"


def _no_store(site: Site) -> None:
    for name in ("S3_ENABLED", "S3_BUCKET", "S3_ENDPOINT"):
        del site.environment[name]


def _other_version(site: Site) -> None:
    site.arguments["expected"]["release"] = {**site.arguments["expected"]["release"], "version": "v2"}


def _other_build(site: Site) -> None:
    site.arguments["expected"]["release"] = {**site.arguments["expected"]["release"], "build": "0" * 64}


def _stock_unit(site: Site) -> None:
    site.host.units["far"].stop = "15s"


def _no_unit(site: Site) -> None:
    site.host.units["far"].exists = False


def _second_scheduler(site: Site) -> None:
    site.host.add("far", ["pull", "scheduler"])


def _unknown_queue(site: Site) -> None:
    site.host.add("far", ["pul"])


def _closed_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


FAULTS: dict[str, tuple[Callable[[Site], None], str, str]] = {
    "database password": (_wrong_password_everywhere, "postgres", "28P01 password authentication failed.*grant again"),
    "pooler's user list": (
        lambda site: setattr(site.pooler, "password", "older"),
        "pgbouncer",
        "PostgreSQL takes this very password, the pooler does not",
    ),
    "redis password": (_set(REDIS_PASSWORD="wrong"), "redis", "base.*WRONGPASS.*unknown user"),
    "no redis password": (_set(REDIS_PASSWORD=""), "redis", "NOAUTH.*REDIS_PASSWORD"),
    "s3 secret key": (
        lambda site: site.s3.refuse.update({"*": (403, "SignatureDoesNotMatch")}),
        "s3",
        "403 SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY",
    ),
    "s3 key": (lambda site: site.s3.refuse.update({"*": (403, "InvalidAccessKeyId")}), "s3", "does not know"),
    "s3 policy": (lambda site: site.s3.refuse.update({"PUT": (403, "AccessDenied")}), "s3", "PUT: 403.*policy"),
    "s3 bucket": (lambda site: site.s3.refuse.update({"*": (404, "NoSuchBucket")}), "s3", "S3_BUCKET"),
    "s3 is down": (
        lambda site: site.environment.update(S3_ENDPOINT=f"http://127.0.0.1:{_closed_port()}"),
        "s3",
        "nginx",
    ),
    "no hba line": (_no_hba, "postgres", 'no pg_hba.conf entry for host "10.66.0.7".*Grant this worker access'),
    "no database": (
        lambda site: setattr(site.pooler, "refuse", ("08P01", "no such database: mastodon")),
        "pgbouncer",
        "not among its databases",
    ),
    "hba of the pooler": (
        lambda site: setattr(site.pooler, "refuse", ("08P01", "login rejected")),
        "pgbouncer",
        "auth_hba_file",
    ),
    "postgres is down": (_postgres_is_down, "postgres", "Connection refused.*listen on that address"),
    "pooler cannot reach it": (
        lambda site: setattr(site.pooler, "hangs", True),
        "pgbouncer",
        "did not answer a query in time.*The pooler is up",
    ),
    "no rights": (
        lambda site: setattr(site.pooler, "query_error", ("42501", "permission denied for table schema_migrations")),
        "pgbouncer",
        "42501 permission denied.*member of the owner",
    ),
    "replica": (_replica, "postgres", "is a replica"),
    "no connection left": (_crowded, "postgres", r"9 connections are free.*\(limit: 10 for this host's pool\)"),
    "too many connections": (
        lambda site: setattr(site.postgres, "refuse", ("53300", "too many connections for role")),
        "postgres",
        "53300 too many connections",
    ),
    "acl without info": (lambda site: site.redis.forbidden.add("INFO"), "redis", "NOPERM.*'info'.*lacks \\+info"),
    "redis replica": (lambda site: site.redis.info.update(role="slave"), "redis", "role:slave.*primary"),
    "old redis": (lambda site: site.redis.info.update(redis_version="6.0.16"), "redis", r"6\.0\.16 \(limit: 7\.0\)"),
    "redis loads": (lambda site: site.redis.info.update(loading="1"), "redis", "loading:1"),
    "redis evicts": (lambda site: site.redis.info.update(maxmemory_policy="allkeys-lru"), "redis", "allkeys-lru"),
    "redis is behind a dead relay": (lambda site: setattr(site.redis, "hangs_up", True), "redis", "mastodon-relay"),
    "redis by tls": (_set(REDIS_URL="rediss://r:6379"), "redis", "asks for TLS"),
    "clock": (_clock_of_this_host, "clock", "clock is 41[123] s behind Redis, PostgreSQL, S3: S3 refuses 15 min"),
    "clock and signatures": (_clock_and_store, "clock", "clock is 41[123] s behind"),
    "clock of redis": (
        lambda site: setattr(site.redis, "ahead", -60.0),
        "clock",
        "the clock of Redis is 60 s behind this",
    ),
    "other version": (_other_version, "version", "v1 is deployed, main runs v2"),
    "other build": (_other_build, "version", "another build of v1"),
    "missing migration": (
        lambda site: site.pooler.rows.update({"SELECT version": [[MIGRATIONS[0]]]}),
        "version",
        r"code is newer than the database \(1 migration pending\)",
    ),
    "newer database": (
        lambda site: site.pooler.rows["SELECT version"].append(["20260101000000"]),
        "version",
        "database is newer than this code",
    ),
    "other key": (
        _set(ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY="other"),
        "secrets",
        "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY differs from main: jobs would fail to decrypt",
    ),
    "missing key": (_set(VAPID_PRIVATE_KEY=""), "secrets", "VAPID_PRIVATE_KEY is missing here"),
    "other bucket": (_set(S3_BUCKET="mine"), "secrets", "S3_BUCKET differs"),
    "no store": (_no_store, "media", "no object storage: queues default/pull write media to a local disk"),
    "stock unit": (_stock_unit, "units", "killed 15 s after a stop.*TimeoutStopSec=80"),
    "no unit": (_no_unit, "units", "mastodon-sidekiq@far.service does not exist"),
    "no private queue": (
        lambda site: site.host.add("far", ["pull"], probe=False),
        "units",
        "does not listen to its private queue probe_pi_far",
    ),
    "second scheduler": (_second_scheduler, "queues", "main:99:aaaaaaaaaaaa has it already"),
    "unknown queue": (_unknown_queue, "queues", "pul, which the release does not have"),
    "no names": (
        lambda site: site.arguments.update(outside=["nobody.invalid"]),
        "outside",
        "nobody.invalid: does not resolve.*resolv.conf",
    ),
    "no way out": (
        lambda site: site.arguments.update(outside=[f"127.0.0.1:{_closed_port()}"]),
        "outside",
        "Connection refused.*port 443",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_failure_with_its_next_step(site: Site, name: str) -> None:
    fault, check, words = FAULTS[name]
    fault(site)
    result = site.check()
    assert failing(result) == [check], result.get("checks")
    assert result["failed"] and result["msg"].startswith(f"pi: {check}: ")
    assert re.search(words, result["msg"]), result["msg"]
    assert not result["changed"]


def test_two_faults_are_two_failures_in_one_message(site: Site) -> None:
    site.redis.info["role"] = "slave"
    site.host.units["far"].stop = "15s"
    result = site.check()
    assert failing(result) == ["redis", "units"]
    assert result["msg"].startswith("pi: 2 checks failed:")


def test_a_tunnel_whose_peer_is_silent_explains_what_lies_behind_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.place / "net" / "wg0").mkdir(parents=True)
    (site.place / "net" / "wg0" / "mtu").write_text("1420\n")
    monkeypatch.setattr(network, "INTERFACES", str(site.place / "net"))
    reach = {"10.66.0.1": 1500}

    def ping(addresses: list[str], size: int, _timeout: float) -> dict[str, float]:
        return {one: 1.5 for one in addresses if reach.get(one, 0) >= size and one in reach}

    monkeypatch.setattr(network, "ping", ping)
    monkeypatch.setattr(network, "_rows", lambda _shell, _interface, what: _wg(what))
    tunnel = {"interface": "wg0", "peers": [{"name": "main", "address": "10.66.0.1"}]}
    assert by_id(site.check(tunnel=tunnel))["tunnel"]["ok"] is True

    reach["10.66.0.1"] = 1380
    result = site.check(tunnel=tunnel)
    assert failing(result) == ["tunnel"] and "small packets pass, 1420 bytes do not" in result["msg"]

    reach.clear()
    site.redis.hangs_up = True
    _postgres_is_down(site)
    site.environment["S3_ENDPOINT"] = f"http://127.0.0.1:{_closed_port()}"
    result = site.check(tunnel=tunnel)
    assert failing(result) == ["tunnel"] and "main (10.66.0.1) does not answer" in result["msg"]
    assert by_id(result)["redis"]["value"].startswith("follows from tunnel")


def _wg(what: str) -> list[list[str]]:
    return [["KEY", "10.66.0.1/32 10.1.0.0/16"]] if what == "allowed-ips" else [["KEY", str(int(time.time()) - 30)]]


def test_without_a_host_to_compare_with_the_rest_is_checked(site: Site) -> None:
    result = site.check(expected={})
    assert not failing(result)
    assert by_id(result)["secrets"]["ok"] is None


def test_fingerprints_without_their_key_are_refused(site: Site) -> None:
    assert "needs the nonce" in site.check(nonce="")["msg"]


def test_another_nonce_gives_other_fingerprints(site: Site) -> None:
    site.write()
    one, other = (site.run("info", nonce=nonce * 32)["reference"]["secrets"] for nonce in "ab")
    assert set(one) == set(other) and not set(one.values()) & set(other.values())
