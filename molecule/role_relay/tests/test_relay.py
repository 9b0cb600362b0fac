"""The relay, asked as Redis's clients and on its runtime socket."""

from __future__ import annotations

import contextlib
import copy
import socket
from pathlib import Path

import pytest

from tests.reconverge import reconverge, refused

testinfra_hosts = ["ansible://app?sudo=true"]
PROBE = (Path(__file__).parent / "probe.py").read_text()


def runtime(host, command):
    code = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/mastodon-relay/admin.sock');"
        f" s.sendall(b'{command}\\n'); print(s.makefile().read())"
    )
    return host.check_output(f'python3 -c "{code}"')


def pid(host):
    return host.check_output("systemctl show -P MainPID mastodon-relay")


def answers(host):
    return int(host.check_output("wc -l < /run/probe.log"))


@pytest.mark.parametrize("port", [16379, 16380])
def test_clients_reach_redis(host, port):
    assert host.check_output(f"redis-cli -p {port} ping") == "PONG"


def test_a_server_that_is_down_refuses_at_once(host):
    answer = host.run("timeout 2 redis-cli -p 16381 ping")
    assert "PONG" not in answer.stdout
    assert answer.rc != 124  # it did not hang


@pytest.mark.parametrize("network", ["ansible_host", "mastodon_address"])
def test_nobody_outside_reaches_it(host, network):
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(3)
        assert probe.connect_ex((host.backend.get_variables()[network], 16379)) != 0


def test_the_runtime_socket_can_take_a_server_out_and_in(host):
    assert " base 1 base 127.0.0.1 " in f" {runtime(host, 'show servers state')}"
    runtime(host, "set server base/base state maint")
    assert "PONG" not in host.run("redis-cli -p 16379 ping").stdout
    runtime(host, "set server base/base state ready")
    assert host.check_output("redis-cli -p 16379 ping") == "PONG"


def test_the_distributions_own_haproxy_does_not_run(host):
    assert host.run("systemctl is-active haproxy").stdout.strip() == "inactive"
    assert host.run("systemctl is-enabled haproxy").stdout.strip() == "disabled"


def test_a_reload_keeps_open_connections(host, once):
    before = pid(host)
    host.check_output(f"cat > /run/probe.py <<'EOF'\n{PROBE}\nEOF")
    host.check_output(
        "systemd-run --quiet --collect --unit=relay-probe -p StandardOutput=truncate:/run/probe.log"
        " python3 /run/probe.py 16379"
    )
    try:
        changed = copy.deepcopy(host.backend.get_variables()["relay_listeners"])
        changed[2]["server"]["port"] = 6379
        reconverge(relay_listeners=changed)
        assert host.check_output("redis-cli -p 16381 ping") == "PONG"  # the new server is there
        count = answers(host)
        host.check_output("sleep 0.5")
        assert answers(host) > count
        assert host.run("systemctl is-active relay-probe").stdout.strip() == "active"
        assert pid(host) == before
    finally:
        host.run("systemctl stop relay-probe")
    reconverge()
    assert pid(host) == before


def test_a_mistake_is_refused_and_the_running_relay_stays(host, once):
    before = host.check_output("sha256sum /etc/mastodon/relay.cfg")
    said = refused(relay_idle_timeout="forever")
    assert "relay.cfg is left as it was" in said
    assert host.check_output("sha256sum /etc/mastodon/relay.cfg") == before
    assert host.check_output("redis-cli -p 16379 ping") == "PONG"
