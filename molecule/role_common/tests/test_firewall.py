"""Only clients reach the guarded ports, now, after what others do to nftables, and after a reboot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import testinfra

from tests.reconverge import reconverge

testinfra_hosts = ["ansible://main?sudo=true"]

ROOT = Path(__file__).resolve().parents[3]
KNOCK = "import socket; socket.create_connection(('{address}', {port}), 5)"
REFUSED = "ConnectionRefusedError"


@pytest.fixture(scope="module")
def peer(host):
    return testinfra.get_host("ansible://peer", ansible_inventory=host.backend.ansible_inventory)


@pytest.fixture(scope="module")
def address(host):
    return host.backend.get_variables()["mastodon_address"]


@pytest.fixture
def knock(host, address):
    """Whether somebody gets through to a port of main, where something listens."""
    for port in (7000, 7001, 7002):
        if host.run(f"systemctl is-active listener-{port}.socket").rc != 0:
            listen = f"--socket-property=ListenStream=0.0.0.0:{port}"
            host.check_output(f"systemd-run --unit=listener-{port} {listen} sleep infinity")

    def ask(who, port):
        done = who.run(f'python3 -c "{KNOCK.format(address=address, port=port)}"')
        assert done.rc == 0 or REFUSED in done.stderr, done.stderr
        return done.rc == 0

    return ask


def test_a_client_reaches_what_it_uses_and_nothing_else_that_is_guarded(peer, knock):
    assert [knock(peer, port) for port in (7000, 7001, 7002)] == [True, False, True]


def test_the_host_itself_reaches_all(host, knock):
    assert [knock(host, port) for port in (7000, 7001, 7002)] == [True, True, True]


def test_a_worker_that_joins_is_let_in_and_shut_out_again(host, peer, knock, once):
    """peer, under the name of a worker that the plan did not know when the role ran."""
    peer_address = peer.backend.get_variables()["mastodon_address"]
    call = f"service=firewall worker=joiner address={peer_address} ports=7000,7001"
    foretold = host.ansible("fediverse.mastodon.worker_access", call, become=True)
    done = host.ansible("fediverse.mastodon.worker_access", call, check=False, become=True)
    assert done["actions"] == foretold["actions"] != []
    assert knock(peer, 7001)
    assert not host.ansible("fediverse.mastodon.worker_access", call, check=False, become=True)["changed"]
    host.ansible("fediverse.mastodon.worker_access", f"{call} state=absent", check=False, become=True)
    assert not knock(peer, 7000) and not knock(peer, 7001)
    assert not host.file("/etc/mastodon/firewall.d/joiner.nft").exists
    # What the plan gives to that address went with it; a run of the role finds that and gives it back.
    reconverge()
    assert knock(peer, 7000) and not knock(peer, 7001)


def test_it_is_there_again_after_others_flushed_nftables(host, peer, knock):
    for step in ("start", "reload", "restart"):
        host.check_output(f"systemctl {step} nftables.service")
        assert knock(peer, 7000) and not knock(peer, 7001), step
    # Its stop flushes everything, and ours ends with it.
    host.check_output("systemctl stop nftables.service")
    assert host.run("systemctl is-active mastodon-firewall.service").stdout.strip() == "inactive"
    host.check_output("systemctl start mastodon-firewall.service")
    assert knock(peer, 7000) and not knock(peer, 7001)


def test_it_is_there_after_a_reboot(host, peer, knock, once):
    lab = os.environ["MOLECULE_SCENARIO_NAME"]
    call = [sys.executable, "-m", "tests.lab", "fault", lab, "reboot", "main"]
    subprocess.run(call, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert host.check_output("systemctl is-active mastodon-firewall.service") == "active"
    assert "7001" in host.check_output("nft list set inet mastodon guarded")


def test_a_file_of_the_admins_lets_others_in_and_stays(host, peer, knock, once):
    peer_address = peer.backend.get_variables()["mastodon_address"]
    own = "/etc/mastodon/firewall.d/backup.nft"
    host.check_output(f"echo 'add element inet mastodon clients4 {{ {peer_address} . 7001 }}' > {own}")
    reconverge()
    assert knock(peer, 7001) and host.file(own).exists
    host.check_output(f"rm {own}")
    reconverge()
    assert not knock(peer, 7001)


def test_off_opens_the_ports_and_on_closes_them(host, peer, knock, once):
    reconverge(common_firewall={})
    assert knock(peer, 7001)
    assert host.run("nft list table inet mastodon").rc != 0
    assert not host.file("/etc/systemd/system/mastodon-firewall.service").exists
    assert "changed=0" in reconverge(common_firewall={})
    reconverge()
    assert not knock(peer, 7001)
