"""The Redis instances, asked by redis-cli."""

from __future__ import annotations

import contextlib
import copy
import socket

import pytest

from tests.reconverge import reconverge

testinfra_hosts = ["ansible://main?sudo=true"]
PORTS = {"base": 6379, "sidekiq": 6380, "cache": 6381}


def ask(host, name, command, password="ScenarioPassword1", address="127.0.0.1"):
    secret = f"REDISCLI_AUTH={password} " if password else ""
    return host.run(f"{secret}redis-cli -h {address} -p {PORTS[name]} {command}").stdout.strip()


def setting(host, name, key):
    return ask(host, name, f"config get {key}").split("\n")[-1]


def pids(host):
    return {name: host.check_output(f"systemctl show -P MainPID mastodon-redis@{name}") for name in PORTS}


def cluster(host):
    return host.backend.get_variables()["mastodon_address"]


def instances(host):
    found = copy.deepcopy(host.backend.get_variables()["redis_instances"])
    for instance in found:
        instance["bind"] = ["127.0.0.1", cluster(host)]
    return found


@pytest.mark.parametrize("name", PORTS)
def test_each_answers_on_loopback_and_in_the_cluster(host, name):
    assert ask(host, name, "ping") == "PONG"
    assert ask(host, name, "ping", address=cluster(host)) == "PONG"


@pytest.mark.parametrize("name", PORTS)
def test_without_the_password_nobody_gets_in(host, name):
    assert "NOAUTH" in ask(host, name, "get x", password="")
    assert "NOAUTH" in ask(host, name, "get x", password="wrong")


@pytest.mark.parametrize("name", PORTS)
def test_the_port_is_closed_on_the_plain_network(host, name):
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(3)
        assert probe.connect_ex((host.backend.get_variables()["ansible_host"], PORTS[name])) != 0


def test_jobs_are_kept_and_the_cache_is_not(host):
    found = {name: (setting(host, name, "maxmemory-policy"), setting(host, name, "appendonly")) for name in PORTS}
    assert found == {"base": ("noeviction", "yes"), "sidekiq": ("noeviction", "yes"), "cache": ("allkeys-lru", "no")}
    assert int(setting(host, "cache", "maxmemory")) == 64 * 1024**2


def test_dangerous_commands_are_off(host):
    assert "ERR" in ask(host, "base", "debug sleep 0")
    assert "protected" in ask(host, "base", "config set dir /etc")


def test_what_was_written_survives_a_restart_and_a_crash(host):
    for kill in ("systemctl restart mastodon-redis@sidekiq", "systemctl kill -s KILL mastodon-redis@sidekiq"):
        ask(host, "sidekiq", "lpush queue:probe job")
        before = int(ask(host, "sidekiq", "llen queue:probe"))
        host.check_output("sleep 1.2")  # appendfsync everysec: a crash may take the last second
        host.check_output(kill)
        ping = "REDISCLI_AUTH=ScenarioPassword1 redis-cli -p 6380 ping"
        host.check_output(f"timeout 15 sh -c 'until {ping} | grep PONG; do sleep 0.1; done'")
        assert int(ask(host, "sidekiq", "llen queue:probe")) == before


def test_the_distributions_own_redis_is_masked(host):
    assert host.run("systemctl is-enabled redis-server").stdout.strip() == "masked"


def test_changes_reach_the_running_servers_and_nothing_is_lost(host, once):
    ask(host, "base", "set probe 1")
    ask(host, "cache", "set probe 1")
    before, changed = pids(host), instances(host)
    changed[2]["maxmemory_mb"] = 96
    changed[2]["appendonly"] = True  # turned on in the running server: a restart would start empty
    reconverge(redis_instances=changed, redis_password="ScenarioPassword2")
    assert pids(host) == before
    assert int(ask(host, "cache", "config get maxmemory", password="ScenarioPassword2").split("\n")[-1]) == 96 * 1024**2
    assert "NOAUTH" in ask(host, "base", "get probe")  # the old password
    assert ask(host, "base", "get probe", password="ScenarioPassword2") == "1"
    host.check_output("systemctl restart mastodon-redis@cache")
    assert ask(host, "cache", "get probe", password="ScenarioPassword2") == "1"
    before = pids(host)
    reconverge()
    assert pids(host) == before
    assert setting(host, "cache", "appendonly") == "no"


def test_what_redis_cannot_change_while_it_runs_restarts_it_without_loss(host, once):
    ask(host, "base", "set probe 2")
    before = pids(host)
    reconverge(redis_additional_settings={"databases": 17})
    assert setting(host, "base", "databases") == "17"
    assert all(pids(host)[name] != before[name] for name in PORTS)
    assert ask(host, "base", "get probe") == "2"
    reconverge()
    assert ask(host, "base", "get probe") == "2"


def test_without_a_password_it_stays_on_loopback(host, once):
    said = reconverge(redis_password="")
    assert "it has no password" in said
    assert ask(host, "base", "ping", password="") == "PONG"
    assert ask(host, "base", "ping", password="", address=cluster(host)) == ""
    reconverge()
    assert ask(host, "base", "ping", address=cluster(host)) == "PONG"
