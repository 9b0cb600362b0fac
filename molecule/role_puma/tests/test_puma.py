"""Two web processes behind sockets: sized by their environment, restarted without refusing anybody."""

from __future__ import annotations

import json
import re

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
    python,
    status,
    wait_until,
)

testinfra_hosts = ["ansible://app?sudo=true"]

FIRST, SECOND = "mastodon-web@3000.service", "mastodon-web@3001.service"
HEALTH = "http://127.0.0.1:{}/health"
BOTH = [
    {"name": str(port), "address": "127.0.0.1", "port": port, "workers": 2, "threads": 3, "db_pool": 3}
    for port in (3000, 3001)
]
# Six clients ask over and over while the unit is restarted. They do as nginx does: a connection that was accepted and
# closed without a single byte is tried again (Puma closes those on which it saw no request yet); all else counts.
PROBE = """
import collections, json, socket, subprocess, sys, threading, time
answers, slowest, stop = collections.Counter(), [0.0], threading.Event()
def client():
    while not stop.is_set():
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", 3000), timeout=120) as connection:
                connection.sendall(b"GET /health HTTP/1.0\\r\\n\\r\\n")
                head = connection.recv(12).decode()
            answers[head[9:] or "again"] += 1
        except ConnectionResetError:
            answers["again"] += 1
        except Exception as error:
            answers[repr(error)] += 1
        slowest[0] = max(slowest[0], time.monotonic() - began)
        time.sleep(0.02)
threads = [threading.Thread(target=client) for _ in range(6)]
for thread in threads: thread.start()
time.sleep(0.5)
for _ in range(2):
    subprocess.run(["systemctl", *sys.argv[1:]], check=True)
    time.sleep(0.5)
stop.set()
for thread in threads: thread.join()
print(json.dumps({"answers": answers, "slowest": slowest[0]}))
"""


@pytest.mark.parametrize("port", [3000, 3001])
def test_it_answers(host, port):
    assert status(host, HEALTH.format(port)) == 200


@pytest.mark.parametrize("unit", [FIRST, SECOND])
def test_its_size_is_what_the_plan_says(host, unit):
    """Puma itself says so: these variables count only in the process environment."""
    text = prop(host, unit, "StatusText")
    assert re.search(r"cluster: 2/2, worker_status: \[.*\b0?[0-3]/3 threads.*\]", text), text
    values = environment(host, pid(host, unit))
    wanted = {"RAILS_ENV": "production", "WEB_CONCURRENCY": "2", "MAX_THREADS": "3", "DB_POOL": "3"}
    assert wanted.items() <= values.items()


def test_jemalloc_is_mapped_in_master_and_workers(host):
    master = pid(host, FIRST)
    workers = host.check_output("pgrep -P %s", str(master)).split()
    assert len(workers) == 2
    for process in [str(master), *workers]:
        assert "libjemalloc.so.2" in host.check_output("cat /proc/%s/maps", process)


def test_systemd_holds_the_socket(host):
    listening = host.check_output("ss -Hltnp 'sport = 3000'")
    assert '("systemd",pid=1,' in listening and listening.count("LISTEN") == 1


def test_it_may_write_only_where_it_must(host):
    assert cannot_write_release(host, pid(host, FIRST))
    exposure = host.check_output("systemd-analyze security --no-pager %s | tail -1", FIRST)
    assert float(re.search(r"([0-9.]+) \w+", exposure)[1]) <= 3.0, exposure


def test_web_goes_before_workers(host):
    assert prop(host, FIRST, "Slice") == "system.slice"
    assert int(prop(host, FIRST, "CPUWeight")) > 100
    assert host.file(f"/proc/{pid(host, FIRST)}/oom_score_adj").content_string.strip() == "0"


@pytest.mark.parametrize("verb", ["restart", "kill"])
def test_nobody_is_refused_meanwhile(host, verb):
    """The socket keeps them waiting. Only a killed process loses the requests in its hands."""
    command = ["restart", FIRST] if verb == "restart" else ["kill", "--signal=KILL", FIRST]
    answers = json.loads(python(host, PROBE, *command))["answers"]
    assert set(answers) <= {"200", "again"} and answers["200"] > 20, answers
    # Six clients and two restarts: what is in hand at that very moment, and no more.
    assert answers.get("again", 0) <= (2 if verb == "restart" else 12), answers


def test_it_comes_back_after_kill(host):
    comes_back_after_kill(host, FIRST, lambda: status(host, HEALTH.format(3000)) == 200)


def test_a_lost_worker_is_replaced(host):
    master = pid(host, FIRST)
    lost = host.check_output("pgrep -P %s", str(master)).split()[0]
    host.check_output("kill -9 %s", lost)
    wait_until(lambda: lost not in host.check_output("pgrep -P %s", str(master)).split())
    wait_until(lambda: "cluster: 2/2" in prop(host, FIRST, "StatusText"))
    assert pid(host, FIRST) == master


def test_only_what_differs_is_restarted_and_check_mode_promises_just_that(host, once_and_back):
    changed = [BOTH[0], {**BOTH[1], "threads": 2}]
    actions = re.compile(r"^(?:write|enable|daemon-reload|restart|start|rebind) .*", re.MULTILINE)
    before = pids(host, "mastodon-web")
    promised = actions.findall(reconverge(scenario_check=True, scenario_diff=True, puma_instances=changed))
    assert pids(host, "mastodon-web") == before
    assert actions.findall(reconverge(scenario_diff=True, puma_instances=changed)) == promised
    assert len(promised) == 2 and promised[1].startswith(f"restart {SECOND} (")
    after = pids(host, "mastodon-web")
    assert after[FIRST] == before[FIRST] and after[SECOND] != before[SECOND]
    assert environment(host, after[SECOND])["MAX_THREADS"] == "2"


def test_a_start_that_fails_stops_the_run_at_the_first_instance(host, once_and_back):
    second = pid(host, SECOND)
    said = refused(puma_environment={"RUBYOPT": "-rno_such_library"})
    assert f"{FIRST} on app is not healthy" in said and "no_such_library" in said
    assert pid(host, SECOND) == second and status(host, HEALTH.format(3001)) == 200
    assert "RUBYOPT" not in host.file("/etc/mastodon/web-3001.env").content_string


def test_the_next_run_removes_an_instance_and_moves_the_others_socket(host, once_and_back):
    """It needs to know nothing of the one that failed before."""
    address = host.check_output("hostname -I").split()[0]
    reconverge(puma_instances=[{**BOTH[0], "address": address}])
    assert list(pids(host, "mastodon-web")) == [FIRST]
    assert status(host, f"http://{address}:3000/health") == 200
    assert status(host, HEALTH.format(3000)) == 0 and status(host, HEALTH.format(3001)) == 0
    assert host.check_output("find /etc/mastodon /etc/systemd/system %s -path '*3001*'", RECORDS) == ""


def test_without_a_release_the_role_says_what_is_missing(host, once_and_back):
    host.check_output("mv /opt/mastodon/current /opt/mastodon/away")
    try:
        assert "no release at /opt/mastodon/current: deploy one with the role mastodon" in refused()
    finally:
        host.check_output("mv /opt/mastodon/away /opt/mastodon/current")
