"""Two streaming processes: they answer, read the database, come back whatever happens, and are restarted one by one."""

from __future__ import annotations

import pytest

from tests.reconverge import reconverge
from tests.systemd_units import (
    RECORDS,
    cannot_write_release,
    comes_back_after_kill,
    environment,
    pid,
    pids,
    prop,
    status,
    wait_until,
)

testinfra_hosts = ["ansible://app?sudo=true"]

FIRST, SECOND = "mastodon-streaming@4000.service", "mastodon-streaming@4001.service"
HEALTH = "http://127.0.0.1:{}/api/v1/streaming/health"
BOTH = [{"name": str(port), "address": "127.0.0.1", "port": port, "db_pool": 4} for port in (4000, 4001)]


@pytest.mark.parametrize("port", [4000, 4001])
def test_it_answers(host, port):
    assert status(host, HEALTH.format(port)) == 200


@pytest.mark.parametrize("unit", [FIRST, SECOND])
def test_its_size_is_what_the_plan_says(host, unit):
    values = environment(host, pid(host, unit))
    wanted = {"NODE_ENV": "production", "DB_POOL": "4", "DB_SSLMODE": "disable", "BIND": "127.0.0.1"}
    assert wanted.items() <= values.items()
    assert values["PORT"] == unit.split("@")[1].split(".")[0]


def test_it_reads_the_database(host):
    """A token that does not exist is looked up and refused; without a database it would be an error of the server."""
    assert status(host, "http://127.0.0.1:4000/api/v1/streaming/user?access_token=no_such_token") == 401


def open_files(host, process):
    lines = host.file(f"/proc/{process}/limits").content_string.splitlines()
    return [int(figure) for line in lines if line.startswith("Max open files") for figure in line.split()[3:5]]


def test_a_file_descriptor_for_every_browser(host):
    """As many as asked for; in a container systemd itself may have less to give."""
    wanted = min(65536, open_files(host, 1)[1])
    assert open_files(host, pid(host, FIRST)) == [wanted, wanted] and wanted > 4096


def test_it_may_not_write_the_release(host):
    assert cannot_write_release(host, pid(host, FIRST), tmp=False)


def test_between_web_and_the_rest(host):
    assert prop(host, FIRST, "Slice") == "system.slice"
    assert 100 < int(prop(host, FIRST, "CPUWeight")) < 400


def test_it_comes_back_after_kill(host):
    comes_back_after_kill(host, FIRST, lambda: status(host, HEALTH.format(4000)) == 200)


def test_it_comes_back_when_it_ends_with_status_0(host):
    """As it does on every uncaught exception."""
    before = pid(host, FIRST)
    host.check_output("kill -TERM %s", str(before))
    wait_until(lambda: pid(host, FIRST) not in (0, before))
    wait_until(lambda: status(host, HEALTH.format(4000)) == 200)
    assert prop(host, FIRST, "Result") == "success"


def test_only_what_differs_is_restarted(host, once_and_back):
    before = pids(host, "mastodon-streaming")
    reconverge(streaming_instances=[BOTH[0], {**BOTH[1], "db_pool": 3}])
    after = pids(host, "mastodon-streaming")
    assert after[FIRST] == before[FIRST] and after[SECOND] != before[SECOND]
    assert environment(host, after[SECOND])["DB_POOL"] == "3"


def test_a_removed_instance_leaves_nothing(host, once_and_back):
    before = pid(host, FIRST)
    reconverge(streaming_instances=BOTH[:1])
    assert pids(host, "mastodon-streaming") == {FIRST: before}
    assert status(host, HEALTH.format(4001)) == 0
    assert host.check_output("find /etc/mastodon /etc/systemd/system %s -path '*4001*'", RECORDS) == ""
