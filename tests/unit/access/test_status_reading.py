"""What the status reads: Sidekiq's keys over Redis' protocol, psql's rows, and a host's own files and commands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_fakes import Answer, Host, Redis, bulk
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import lost, status_read
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import status_data, status_host

NOW = 1_790_000_000.0
INFO = (
    "# Server\r\nredis_version:8.0.2\r\nrole:master\r\nloading:0\r\nused_memory:125829120\r\nmaxmemory:1073741824\r\n"
    "maxmemory_policy:noeviction\r\nconnected_clients:61\r\nmaxclients:10000\r\naof_last_write_status:ok\r\n"
)
HEARTBEAT = {
    "info": json.dumps(
        {
            "hostname": "pi1",
            "pid": 812,
            "tag": "main@v4.6.5",
            "capsules": {"default": {"concurrency": 10, "mode": "weighted", "weights": {"push": 6, "pull": 1}}},
        }
    ),
    "concurrency": "10",
    "busy": "3",
    "beat": str(NOW - 4),
    "rtt_us": "21500",
    "quiet": "false",
    "rss": "327680",
}
PSQL = (
    "17.12 (Debian 17.12-1)\t80\t3\tf\t20260901120000\nconnections\tmastodon\t29\nconnections\tmastodon_7\t1\n"
    "worker\tmastodon_7\t7\n"
)


def array(words: list[str]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(map(bulk, words))


class Sidekiq(Redis):
    """A Redis with one live process, one dead one, and a queue that grows by ten between two readings."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0
        self.may_ask = True

    def answer(self, words: list[str]) -> bytes:
        job = json.dumps({"class": "X", "enqueued_at": int((time.time() - 7) * 1000)})
        if words[0] == "INFO":
            return bulk(INFO)
        if words[:2] == ["ACL", "LIST"]:
            if not self.may_ask:
                return b"-NOPERM User mastodon_pi1 has no permissions to run the 'acl|list' command\r\n"
            return array(["user default on #ab ~* &* +@all", "user mastodon_pi1 on #cd ~* &* +@all -@admin"])
        if words[0] == "SMEMBERS":
            return array({"queues": ["push", "own"], "processes": ["pi1:812:abc", "pi0:1:dead"]}[words[1]])
        if words[0] == "HGETALL":
            if words[1].startswith("j|"):
                return array(["A|p", "120", "A|f", "6", "A|ms", "99", "B|p", "60"])
            pairs = [part for pair in HEARTBEAT.items() for part in pair] if words[1] == "pi1:812:abc" else []
            return array(pairs)
        if words[0] == "ZCARD":
            return b":%d\r\n" % {"retry": 12, "schedule": 3, "dead": 0}[words[1]]
        if words[0] == "LLEN":
            self.readings += words[1] == "queue:push"
            return b":%d\r\n" % (30 + 10 * self.readings if words[1] == "queue:push" else 0)
        if words[0] == "LINDEX":
            return bulk(job) if words[1] == "queue:push" else b"$-1\r\n"
        return super().answer(words)


@pytest.fixture
def sidekiq() -> Iterator[Sidekiq]:
    server = Sidekiq()
    yield server
    server.close()


def psql(answer: Answer) -> Any:
    def run(argv: tuple[str, ...], text: str) -> Answer:
        assert argv[0] == "psql" and "secret" not in " ".join(argv)
        assert not any(word in text for word in ("INSERT", "UPDATE", "DELETE", "ALTER"))
        return answer

    return run


def environment(tmp_path: Path, port: int) -> str:
    file = tmp_path / ".env.production"
    redis = f"REDIS_HOST=127.0.0.1\nREDIS_PORT={port}\nREDIS_PASSWORD=admin\n"
    file.write_text(f"DB_HOST=127.0.0.1\nDB_PORT=6432\nDB_USER=mastodon\nDB_PASS=secret\n{redis}")
    return str(file)


def read(tmp_path: Path, port: int, answer: Answer = (0, PSQL, "")) -> dict[str, Any]:
    data = status_data.Data(Host(psql(answer)), environment(tmp_path, port), ["push", "pull"])
    return data.read(0.05, "10.40.0.13", 5432)


def test_everything_is_read_and_nothing_written(tmp_path: Path, sidekiq: Sidekiq) -> None:
    found = read(tmp_path, sidekiq.port)
    assert found["errors"] == []
    (process,) = found["processes"]
    assert process["queues"] == ["pull", "push"] and process["rtt_ms"] == 21.5 and process["memory_mb"] == 320
    assert found["stale"] == ["pi0:1:dead"]
    assert found["jobs"] == {"retry": 12, "scheduled": 3, "dead": 0, "last_minute": {"done": 2.9, "failed": 0.1}}
    push = found["queues"]["push"]
    assert push["size"] == 50 and 7 <= push["latency_s"] < 9 and 50 < push["growth_per_s"] <= 200
    assert found["queues"]["own"] == {"size": 0, "latency_s": 0.0, "growth_per_s": 0.0}
    (redis,) = found["redis"]
    assert redis["name"] == "base+sidekiq+cache" and redis["users"] == ["mastodon_pi1"] and redis["memory_mb"] == 120
    assert found["database"]["by_role"] == {"mastodon": 29, "mastodon_7": 1}
    assert found["database"]["workers"] == {"mastodon_7": "7"} and found["database"]["connections"] == 30
    commands = {words[0] for words in sidekiq.log}
    assert commands <= {"INFO", "ACL", "SMEMBERS", "HGETALL", "ZCARD", "LLEN", "LINDEX"}


def test_a_worker_that_may_not_list_users_reads_the_rest(tmp_path: Path, sidekiq: Sidekiq) -> None:
    sidekiq.may_ask = False
    found = read(tmp_path, sidekiq.port)
    assert found["errors"] == [] and found["redis"][0]["users"] == []


def test_what_is_down_is_told_and_the_rest_is_read(tmp_path: Path, sidekiq: Sidekiq) -> None:
    found = read(tmp_path, sidekiq.port, (2, "", "psql: error: connection refused\nIs the server running?"))
    assert found["errors"] == ["PostgreSQL at 10.40.0.13:5432: psql: error: connection refused"]
    assert found["queues"]["push"]["size"] == 50
    sidekiq.password = "another"
    found = read(tmp_path, sidekiq.port)
    assert len(found["errors"]) == 1 and "WRONGPASS" in found["errors"][0] and found["database"]["connections"] == 30


def test_a_host_without_the_application_says_so(tmp_path: Path) -> None:
    found = status_data.Data(Host(psql((0, PSQL, ""))), str(tmp_path / "none"), []).read(0.0, "", 0)
    assert found["errors"] == [f"{tmp_path}/none is not there: run site.yml, or choose another host"]


@pytest.mark.parametrize(
    ("oldest", "wanted"),
    [
        (None, 0.0),
        ('{"enqueued_at": 1789999990000}', 10.0),
        ('{"enqueued_at": 1789999990.5}', 9.5),
        ('{"created_at": 1789999940000}', 60.0),
        ('{"enqueued_at": 1790000009000}', 0.0),
        ("no json", 0.0),
    ],
)
def test_latency_of_both_kinds_of_payload(oldest: str | None, wanted: float) -> None:
    assert status_read.latency(oldest, NOW) == wanted


def test_the_minute_that_is_asked_for_is_complete() -> None:
    # 2026-09-21 14:13:20 UTC; the minute 14:12 ended twenty seconds ago.
    assert status_read.metrics_key(NOW) == "j|260921|14:12"
    assert status_read.metrics_key(NOW - 15) == "j|260921|14:11"
    assert status_read.rates({}) is None


def test_a_tunnel_is_read_by_name() -> None:
    shown = f"KEYONE\t{int(NOW) - 30}\nKEYTWO\t0\nKEYTHREE\t{int(NOW) - 900}\n"
    found = status_read.tunnels("wg0", shown, "KEYONE\t25\nKEYTWO\t25\nKEYTHREE\toff\n", {"KEYONE": "hub"}, NOW)
    assert [(one["peer"], one["handshake_age_s"], one["keepalive"]) for one in found] == [
        ("KEYTHREE…", 900, False),
        ("KEYTWO…", None, True),
        ("hub", 30, True),
    ]


# --- one host

SHOW = (
    "Id=nginx.service\nActiveState=active\nMainPID=10\n\n"
    "Id=postgresql@15-main.service\nActiveState=inactive\nMainPID=0\n\n"
    "Id=postgresql@17-main.service\nActiveState=active\nMainPID=11\n\n"
    "Id=mastodon-sidekiq@main.service\nActiveState=failed\nMainPID=0\n\n"
    "Id=mastodon-sidekiq@surge-1.service\nActiveState=inactive\nMainPID=0\n"
)
SHARE = {
    "roles": ["nginx", "postgres", "pgbouncer", "relay"],
    "pgbouncer": {},
    "sidekiq_workers": [{"name": "main"}, {"name": "surge-1", "on_demand": True}],
}


# As Sidekiq 7.3 wrote it when Redis was gone (shortened), and as journald gives it.
JOB = {"class": "ActivityPub::DeliveryWorker", "jid": "f0", "queue": "push", "args": ['a "quoted" word']}
TOLD = {"context": "Internal exception!", "job": JOB, "jobstr": json.dumps(JOB)}
MAIL = {"context": "Internal exception!", "job": {"class": "Wrapper", "wrapped": "NotificationMailer", "jid": "f1"}}


def logged(told: str, at: int) -> str:
    message = f"pid=1 tid=5kz class=X jid=y elapsed=10.01 WARN: {told}"
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": str(at * 1_000_000), "_PID": "1"})


def compact(told: dict[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"))


LOST = "\n".join([logged(compact(TOLD), 1000), logged(compact(TOLD), 1000), logged(compact(MAIL), 1060), "no JSON"])


def commands(argv: tuple[str, ...], text: str) -> Answer:
    if argv[:2] == ("systemctl", "show"):
        return 0, SHOW, ""
    if argv[0] == "psql":
        head = "database|user|cl_active|cl_waiting|sv_active|sv_idle|maxwait\n"
        return 0, head + "mastodon_production|mastodon|18|2|5|0|3\npgbouncer|pgbouncer|1|0|0|0|0\n", ""
    if "journalctl" in argv:
        return 0, LOST, ""
    if argv[:2] == ("wg", "show"):
        return (0, f"KEY=\t{int(time.time()) - 20}\n", "") if argv[-1] == "latest-handshakes" else (0, "KEY=\t25\n", "")
    raise AssertionError(argv)


def test_a_host_tells_its_units_room_pooler_and_tunnels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_host, "WIREGUARD", str(tmp_path))
    monkeypatch.setattr(status_host, "RELEASE", str(tmp_path / "release.json"))
    (tmp_path / "release.json").write_text('{"version": "v4.6.5"}')
    (tmp_path / "wg0.conf").write_text("[Interface]\nListenPort = 51820\n\n[Peer]\n# managed: hub\nPublicKey = KEY=\n")
    found = status_host.read(Host(commands), SHARE)
    units = found["units"]
    assert units["postgresql@17-main.service"]["active"] and not units["postgresql@15-main.service"]["wanted"]
    assert units["mastodon-sidekiq@main.service"] == {"active": False, "state": "failed", "pid": 0, "wanted": True}
    assert not units["mastodon-sidekiq@surge-1.service"]["wanted"]
    assert units["pgbouncer.service"] == {"active": False, "state": "", "pid": 0, "wanted": True}
    assert found["release"] == "v4.6.5" and 0 < found["memory_free_percent"] <= 100 and found["disks"][0]["path"] == "/"
    assert found["pooler"] == {"clients": 20, "waiting": 2, "servers": 5, "longest_wait_s": 3}
    classes = {"ActivityPub::DeliveryWorker": 1, "NotificationMailer": 1}
    assert found["lost"] == {"count": 2, "classes": classes, "last": 1060, "complete": True}
    (tunnel,) = found["tunnels"]
    assert tunnel["peer"] == "hub" and 19 <= tunnel["handshake_age_s"] <= 22


def test_a_tunnel_whose_interface_is_gone_has_silent_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_host, "WIREGUARD", str(tmp_path))
    (tmp_path / "wg0.conf").write_text("[Interface]\n\n[Peer]\n# managed: hub\nPublicKey = KEY=\n")

    def gone(argv: tuple[str, ...], text: str) -> Answer:
        return (1, "", "Unable to access interface") if argv[0] == "wg" else commands(argv, text)

    (tunnel,) = status_host.read(Host(gone), {"roles": []})["tunnels"]
    assert tunnel == {"interface": "wg0", "peer": "hub", "handshake_age_s": None, "keepalive": True}


def test_a_job_that_the_journal_cut_short_still_counts() -> None:
    told = lost.read([logged(compact(TOLD)[:60], 1000)])
    assert told == {"count": 1, "classes": {"?": 1}, "last": 1000}


def test_a_journal_that_takes_too_long_is_told_as_far_as_it_was_read() -> None:
    def slow(argv: tuple[str, ...], text: str) -> Answer:
        return (124, logged(compact(TOLD), 1000), "") if "journalctl" in argv else commands(argv, text)

    told = status_host.read(Host(slow), SHARE)["lost"]
    assert lost.sentence("pi", told, 1060).startswith("pi: at least 1 job was lost within 24 h, the last one 1 min ago")


def test_other_failures_are_no_losses() -> None:
    """A job that is tried again names the same job in another context, and an argument may say anything."""
    again = compact({"context": "Job raised exception", "job": {**JOB, "args": ["Internal exception!"]}})
    told = lost.read([logged(again, 1000)])
    assert told["count"] == 0 and lost.sentence("pi", told, 2000) == ""


def test_what_was_lost_is_said_with_its_number_and_where_it_lies() -> None:
    classes = {"A": 3, "B": 2, "C": 1, "D": 1}
    told = lost.sentence("pi", {"count": 7, "classes": classes, "last": 1000}, 1000 + 180 * 60)
    assert told.startswith("pi: 7 jobs were lost within 24 h, the last one 3 h ago")
    assert "(3 A, 2 B, 1 C, 1 others)" in told and "journalctl -u 'mastodon-sidekiq@*' -g" in told
