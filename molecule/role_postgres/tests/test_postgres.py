"""PostgreSQL, asked by the host that may and by those that may not."""

from __future__ import annotations

import contextlib
import socket

import pytest
import testinfra

from tests.reconverge import attempt, reconverge, refused

testinfra_hosts = ["ansible://db?sudo=true"]


@pytest.fixture(scope="module")
def app(host):
    return testinfra.get_host("ansible://app", ansible_inventory=host.backend.ansible_inventory)


@pytest.fixture(scope="module")
def address(host):
    return host.backend.get_variables()["mastodon_address"]


def ask(host, address, sql, user="mastodon", password="ScenarioPassword1", database="mastodon_production"):
    return host.run(f'PGPASSWORD={password} psql -XAtq -h {address} -U {user} -d {database} -c "{sql}"')


def admin(host, sql):
    return host.check_output(f'runuser -u postgres -- psql -XAtq -c "{sql}"')


def started(host):
    return admin(host, "SELECT pg_postmaster_start_time()")


def test_the_planned_host_gets_in_and_may_write(app, address):
    answer = ask(app, address, "CREATE TABLE IF NOT EXISTS probe (id int); SELECT current_user")
    assert answer.stdout.strip() == "mastodon"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "postgres"}, "no pg_hba.conf entry"),
        ({"database": "postgres"}, "no pg_hba.conf entry"),
    ],
)
def test_others_on_the_planned_host_are_refused(app, address, who, said):
    answer = ask(app, address, "SELECT 1", **who)
    assert answer.rc != 0 and said in answer.stderr


def test_a_host_without_a_line_is_refused(host, address):
    answer = ask(host, address, "SELECT 1")  # from the database host itself, whose address has no line
    assert answer.rc != 0 and "no pg_hba.conf entry" in answer.stderr


def test_the_port_is_closed_on_the_plain_network(host):
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(3)
        assert probe.connect_ex((host.backend.get_variables()["ansible_host"], 5432)) != 0


def test_encoding_and_collation(host):
    query = "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
    assert admin(host, f"{query} WHERE datname = 'mastodon_production'") == "UTF8|C|C.UTF-8"


def test_the_password_is_stored_as_scram(host):
    assert admin(host, "SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'mastodon'") == "SCRAM-SHA-256"


def test_a_setting_that_can_be_reloaded_restarts_nothing_and_one_that_cannot_does(host, once):
    before = started(host)
    reconverge(postgres_additional_settings={"work_mem": "7MB"})
    assert (admin(host, "SHOW work_mem"), started(host)) == ("7MB", before)
    foretold = attempt("--check", postgres_additional_settings={"max_wal_senders": 11}).stdout
    assert "would be restarted for max_wal_senders" in foretold and started(host) == before
    said = reconverge(postgres_additional_settings={"max_wal_senders": 11})
    assert "was restarted for max_wal_senders" in said
    assert (admin(host, "SHOW max_wal_senders"), admin(host, "SHOW work_mem")) == ("11", "4MB")
    assert started(host) != before
    reconverge()
    assert admin(host, "SHOW max_wal_senders") == "10"


def test_a_mistake_is_refused_by_name_and_the_old_configuration_stays(host, once):
    before = admin(host, "SELECT pg_postmaster_start_time(), pg_conf_load_time()")
    said = refused(postgres_additional_settings={"work_mem": "much"})
    assert "work_mem" in said and "the old one stays" in said
    assert admin(host, "SELECT pg_postmaster_start_time(), pg_conf_load_time()") == before
    assert admin(host, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL") == "0"


def test_data_of_another_version_is_refused_and_left_alone(host, once):
    host.check_output("install -d /var/lib/postgresql/11/main && echo 11 > /var/lib/postgresql/11/main/PG_VERSION")
    try:
        said = refused()
        assert "/var/lib/postgresql/11/main (PostgreSQL 11)" in said and "mastodon_postgres_version: 11" in said
        assert host.check_output("cat /var/lib/postgresql/11/main/PG_VERSION") == "11"
    finally:
        host.check_output("rm -r /var/lib/postgresql/11")
