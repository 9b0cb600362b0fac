"""The controls: what breaks without what the role does. Each leaves the tunnel as it was."""

from __future__ import annotations

import time

from tests.tunnel.mesh import Mesh, eventually
from tests.tunnel.traffic import streams


def test_without_keepalive_an_idle_host_behind_nat_is_lost(net: Mesh, once: None, repaired: None) -> None:
    for other in ("main", "db"):
        net.hosts["home1"].check_output(f"wg set wg0 peer {net.key(other)} persistent-keepalive 0")
    time.sleep(30)
    assert [net.pings("main", "home1") for _ in range(3)] == [False, False, False]
    done = net.good()
    assert done.actions["home1"] == ["peer db: keepalive 4 s", "peer main: keepalive 4 s"]
    eventually(lambda: net.pings("main", "home1"), 10)


def test_another_port_at_the_router_costs_a_keepalive_at_most(net: Mesh, once: None) -> None:
    before = net.endpoint("main", of="home1")
    with streams(net.hosts, net.addresses, [("main", "home1")]) as told:
        net.fault("forget", "home")
        eventually(lambda: net.endpoint("main", of="home1") != before, 6)
    assert max(one["gap_ms"] for one in told.figures.values()) < 5000
    moved = net.endpoint("main", of="home1")
    done = net.good()
    assert done.actions == {}
    assert net.endpoint("main", of="home1") == moved


def test_a_full_mtu_does_not_pass_the_hole(net: Mesh, once: None, repaired: None) -> None:
    """The control, and drift: somebody raises it by hand, and the run takes it down and says so."""
    told = net.mtu("home2")
    for name in ("main", "home2"):
        net.hosts[name].check_output("ip link set dev wg0 mtu 1420")
    assert net.pings("main", "home2", tries=2)
    assert not net.pings("main", "home2", size=1392, tries=2)
    assert not net.pings("home2", "main", size=1392, tries=2)
    done = net.good()
    assert f"MTU 1420 -> {told}" in done.actions["home2"]
    assert net.pings("main", "home2", size=told - 28, tries=2)


def test_a_smaller_path_is_found_and_named(net: Mesh, once: None, repaired: None) -> None:
    """As if the hole were new: file and interface have the usual MTU."""
    for name in ("main", "home2", "db"):
        net.hosts[name].check_output(
            "sed -i 's/^MTU = .*/MTU = 1420/' /etc/wireguard/wg0.conf; ip link set wg0 mtu 1420"
        )
    done = net.good()
    assert "mtu reduced to" in done.words and "home2" in done.words
    assert 1300 <= net.mtu("home2") <= 1340
    assert net.good().actions == {}
