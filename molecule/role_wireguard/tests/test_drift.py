"""What somebody changed by hand, what died, and what rebooted."""

from __future__ import annotations

import pytest

from tests.tunnel.mesh import Mesh, eventually

BROKEN = {
    "a peer is gone": ("main", "wg set wg0 peer {home1} remove", "peer home1: added"),
    "AllowedIPs are others": ("db", "wg set wg0 peer {main} allowed-ips 10.66.0.77/32", "peer main: AllowedIPs"),
    "a preshared key is gone": (
        "db",
        "wg set wg0 peer {home1} preshared-key /dev/null",
        "peer home1: preshared key set",
    ),
    "a stranger is a peer": (
        "main",
        "wg set wg0 peer $(wg genkey | wg pubkey) allowed-ips 10.66.0.99/32",
        "removed",
    ),
    "the address is gone": ("home1", "ip address delete {address}/24 dev wg0", "address {address}/24 added"),
    "an address is new": ("home2", "ip address add 10.66.0.200/24 dev wg0", "address 10.66.0.200/24 deleted"),
    "a route is gone": ("main", "ip route delete 10.67.0.0/24 dev wg0", "route 10.67.0.0/24 added"),
    "a route is new": ("db", "ip route add 10.68.0.0/24 dev wg0 proto static", "route 10.68.0.0/24 deleted"),
    "the interface is down": ("home2", "ip link set wg0 down", "wg0 up"),
    "the port is another": ("home1", "wg set wg0 listen-port 51999", "listen port 51999 -> 51820"),
    "the file was edited": ("db", "sed -i s/AllowedIPs/#AllowedIPs/ /etc/wireguard/wg0.conf", "write /etc/wireguard"),
}


def test_drift_is_told_first_then_repaired_and_then_gone(net: Mesh, once: None) -> None:
    """All of it at once, on every host. Another port waits for a word, since it interrupts."""
    keys = {name: net.key(name) for name in net.hosts}
    before = net.states()
    for where, command, _says in BROKEN.values():
        net.hosts[where].check_output(command.format(**keys, address=net.addresses[where]))
    broken = net.states()
    assert [name for name in broken if broken[name] == before[name]] == []
    predicted = net.run("--check", "--diff", wireguard_allow_disruption=True)
    assert net.states() == broken
    done = net.good(wireguard_allow_disruption=True)
    missing = {
        what: done.actions[where]
        for what, (where, _command, says) in BROKEN.items()
        if not any(says.format(**keys, address=net.addresses[where]) in one for one in done.actions[where])
    }
    assert missing == {}
    assert done.actions == predicted.actions
    assert net.states() == before
    assert net.good().actions == {}
    assert net.silent(tries=3) == []


def test_a_tunnel_that_died_is_noticed(net: Mesh, once: None) -> None:
    """Its unit stays active; the timer restarts it within 30 s, and what talks through it goes on."""
    net.hosts["home1"].check_output("ip link delete wg0 || pkill wireguard-go")
    eventually(lambda: net.hosts["home1"].run("ip link show wg0").rc == 0, 45)
    eventually(lambda: net.pings("main", "home1"), 30)


def test_a_tunnel_that_died_is_repaired_by_a_run(net: Mesh, once: None) -> None:
    one = net.hosts["home2"]
    one.check_output("systemctl stop mastodon-tunnel-watch@wg0.timer")
    one.check_output("ip link delete wg0 || pkill wireguard-go")
    done = net.good()
    assert any("interface is gone" in text for text in done.actions["home2"])
    assert one.check_output("systemctl is-active mastodon-tunnel-watch@wg0.timer") == "active"
    assert net.silent(tries=3) == []
    assert net.good().actions == {}


def test_what_an_admin_types_breaks_nothing(net: Mesh, once: None) -> None:
    """`reload` is `wg syncconf` on a stripped file; it loses everything that is not in the file."""
    before = net.states()
    for one in net.hosts.values():
        one.check_output("systemctl reload wg-quick@wg0")
    assert net.states() == before
    assert net.silent(tries=3) == []


@pytest.mark.parametrize("name", ["home1", "db", "main"])
def test_after_a_reboot_both_directions_work_by_themselves(net: Mesh, once: None, name: str) -> None:
    before = net.state(name)
    net.fault("reboot", name)
    eventually(lambda: net.silent() == [], 60)
    assert net.state(name) == before


def test_all_rebooted_at_once_come_back(net: Mesh, once: None, capsys: pytest.CaptureFixture[str]) -> None:
    net.fault("reboot", *net.hosts)
    taken = eventually(lambda: net.silent() == [], 60)
    with capsys.disabled():
        print(f"\nfour hosts rebooted at once: all pairs {taken:.1f} s after the last sshd")
    assert net.good().actions == {}
