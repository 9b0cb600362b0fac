"""Four hosts and their tunnel, asked from every end; changes nothing."""

from __future__ import annotations

import re
import time

from tests.tunnel.mesh import Mesh

# An IPv4 header and one of ICMP.
HEADERS = 28
HUB, NATTED = "main", ("home1", "home2")


def test_every_host_reaches_every_other_one(net: Mesh) -> None:
    assert net.silent() == []


def test_a_packet_of_full_size_passes_each_way_of_every_pair(net: Mesh) -> None:
    size = min(net.mtu(name) for name in net.hosts) - HEADERS
    assert net.silent(size=size, tries=2) == []


def test_two_hosts_behind_nat_meet_at_the_hub(net: Mesh) -> None:
    for one, other in (NATTED, NATTED[::-1]):
        assert net.key(other) not in net.peers(one)
        assert net.peers(one) == {net.key(HUB), net.key("db")}
    assert net.peers(HUB) == {net.key(name) for name in net.hosts if name != HUB}


def test_behind_nat_nobody_can_be_dialled(net: Mesh) -> None:
    """The hub knows them at their router's address, and their own address leads nowhere."""
    for name in NATTED:
        own = net.variables[name]["ansible_host"]
        assert not net.endpoint(HUB, of=name).startswith(f"{own}:")
        assert net.hosts[HUB].run(f"ping -n -q -c 1 -W 1 {own}").rc != 0
        config = net.hosts[HUB].check_output("cat /etc/wireguard/wg0.conf")
        block = next(part for part in config.split("[Peer]") if net.key(name) in part)
        assert not re.search(r"^Endpoint", block, re.M)


def test_a_preshared_key_for_each_pair(net: Mesh) -> None:
    found: dict[frozenset[str], set[str]] = {}
    for name, one in net.hosts.items():
        for line in one.check_output("wg show wg0 preshared-keys").splitlines():
            other, key = line.split()
            found.setdefault(frozenset((net.key(name), other)), set()).add(key)
    assert len(found) == 5
    assert all(len(keys) == 1 for keys in found.values())
    assert len({key for keys in found.values() for key in keys}) == 5


def test_keys_are_roots_alone(net: Mesh) -> None:
    for one in net.hosts.values():
        assert one.file("/etc/wireguard").mode == 0o700
        files = one.check_output("stat -c '%a %U %n' /etc/wireguard/*.key /etc/wireguard/*.conf").splitlines()
        assert len(files) == 2
        assert all(line.startswith("600 root ") for line in files)


def test_the_routers_hole_is_found_by_all_whose_packets_lead_there(net: Mesh) -> None:
    """1400 bytes pass the attic's router: less 60 for WireGuard and IPv4, in blocks of 16."""
    assert {name: net.mtu(name) for name in net.hosts} == dict.fromkeys(net.hosts, 1328)


def test_a_hundred_megabytes_pass_the_hole(net: Mesh, capsys) -> None:
    from tests.tunnel.traffic import transfer

    for source, target in (("home2", "db"), ("db", "home2")):
        taken = transfer(net.hosts[source], net.hosts[target], net.addresses[target], 100)
        with capsys.disabled():
            print(f"\n100 MB from {source} to {target}: {taken:.1f} s")


def test_the_unit_starts_at_boot_and_is_watched(net: Mesh) -> None:
    for one in net.hosts.values():
        assert one.check_output("systemctl is-enabled wg-quick@wg0") == "enabled"
        assert one.check_output("systemctl is-active mastodon-tunnel-watch@wg0.timer") == "active"
        assert one.check_output("systemctl show -P TimeoutStartUSec wg-quick@wg0") == "1min"


def test_an_idle_host_behind_nat_answers_at_once(net: Mesh) -> None:
    """Its router forgets after 10 s of silence; keepalive is what keeps the way open. The next file has the control."""
    time.sleep(30)
    assert net.pings(HUB, "home1")
