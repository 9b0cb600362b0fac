"""PgBouncer, asked as a client and on its console."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.reconverge import reconverge, refused

testinfra_hosts = ["ansible://app?sudo=true"]


def ask(host, sql, password="ScenarioPassword1", port=6432, address="127.0.0.1"):
    return host.run(
        f'PGPASSWORD={password} psql -XAtq -h {address} -p {port} -U mastodon -d mastodon_production -c "{sql}"'
    )


def console(host, command, port=6432):
    out = host.check_output(
        f"runuser -u postgres -- psql -XAq -h /run/postgresql -p {port} -U pgbouncer pgbouncer -c 'SHOW {command}'"
    )
    lines = [line.split("|") for line in out.splitlines()]
    return [dict(zip(lines[0], row)) for row in lines[1:] if len(row) == len(lines[0])]


def database(host):
    return next(row for row in console(host, "DATABASES") if row["name"] == "mastodon_production")


def pid(host):
    return host.check_output("systemctl show -P MainPID pgbouncer")


def files(host):
    return host.check_output(f"awk '/Max open files/ {{print $4}}' /proc/{pid(host)}/limits")


def test_a_client_gets_through_in_transaction_mode(host):
    assert ask(host, "SELECT current_database()").stdout.strip() == "mastodon_production"
    pool = next(row for row in console(host, "POOLS") if row["database"] == "mastodon_production")
    assert pool["pool_mode"] == "transaction"


def test_the_wrong_password_is_refused(host):
    answer = ask(host, "SELECT 1", password="wrong")
    assert answer.rc != 0 and "authentication failed" in answer.stderr


def test_the_console_is_not_for_clients(host):
    answer = host.run("PGPASSWORD=ScenarioPassword1 psql -h 127.0.0.1 -p 6432 -U mastodon pgbouncer -c 'SHOW POOLS'")
    assert answer.rc != 0


@pytest.mark.parametrize("network", ["ansible_host", "mastodon_address"])
def test_nobody_outside_reaches_it(host, network):
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(3)
        assert probe.connect_ex((host.backend.get_variables()[network], 6432)) != 0


def test_the_password_file_is_not_for_everybody(host):
    assert host.file("/etc/pgbouncer/userlist.txt").mode == 0o640


def test_changed_pools_and_limits_reach_the_running_pooler(host, once):
    before = pid(host)
    assert (database(host)["pool_size"], files(host)) == ("20", "1024")
    # A client in the middle of a transaction must not notice.
    host.check_output(
        "systemd-run --quiet --collect --unit=probe --setenv=PGPASSWORD=ScenarioPassword1 psql -h 127.0.0.1 -p 6432"
        ' -U mastodon mastodon_production -v ON_ERROR_STOP=1 -c "BEGIN; SELECT pg_sleep(600)"'
    )
    try:
        reconverge(
            pgbouncer_pools=[{"database": "mastodon_production", "pool_size": 7, "reserve": 2}],
            pgbouncer_max_client_conn=600,
            pgbouncer_nofile=2048,
        )
        assert pid(host) == before
        assert database(host)["pool_size"] == "7"
        assert next(row for row in console(host, "CONFIG") if row["key"] == "max_client_conn")["value"] == "600"
        assert files(host) == "2048"
        assert host.run("systemctl is-active probe").stdout.strip() == "active"
    finally:
        host.run("systemctl stop probe")
    reconverge()
    assert (pid(host), database(host)["pool_size"]) == (before, "20")


def test_a_reload_that_never_happened_is_made_good(host, once):
    before = pid(host)
    # As if the run had died between the file and the reload: the pooler has other figures than the file.
    host.check_output("sed -i 's/pool_size=20/pool_size=3/' /etc/pgbouncer/pgbouncer.ini && systemctl reload pgbouncer")
    host.check_output("sleep 1; sed -i 's/pool_size=3/pool_size=20/' /etc/pgbouncer/pgbouncer.ini")
    assert database(host)["pool_size"] == "3"
    reconverge()
    assert (database(host)["pool_size"], pid(host)) == ("20", before)


def test_another_port_needs_a_restart_and_gets_it(host, once):
    before = pid(host)
    reconverge(pgbouncer_port=6433)
    assert pid(host) != before
    assert ask(host, "SELECT 1", port=6433).rc == 0
    assert ask(host, "SELECT 1").rc != 0
    reconverge()
    assert ask(host, "SELECT 1").rc == 0


def test_a_mistake_is_refused_and_the_old_configuration_stays(host, once):
    before = host.check_output("sha256sum /etc/pgbouncer/pgbouncer.ini")
    said = refused(pgbouncer_additional_settings={"pool_mode": "sometimes"})
    assert "the old one stays" in said and 'invalid value "sometimes" for parameter pool_mode' in said.replace("\\", "")
    assert host.check_output("sha256sum /etc/pgbouncer/pgbouncer.ini") == before
    assert ask(host, "SELECT 1").rc == 0
