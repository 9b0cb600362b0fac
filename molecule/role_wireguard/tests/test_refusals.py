"""What is refused, in which words, and that nothing has changed anywhere."""

from __future__ import annotations

import pytest

from tests.tunnel.mesh import Mesh


def test_a_copied_machine_is_refused(net: Mesh, once: None) -> None:
    """db is a clone of main's image: its key and what lies beside it."""
    one = net.hosts["db"]
    one.check_output("cp -a /etc/wireguard /root/kept")
    try:
        for part in ("key", "key.machine"):
            text = net.hosts["main"].check_output(f"base64 -w0 /etc/wireguard/wg0.{part}")
            one.check_output(f"echo {text} | base64 -d > /etc/wireguard/wg0.{part}")
        said = net.refused()
        assert "made on another machine: this host is a copy of that one's image" in said
        assert "db" in said and "Remove /etc/wireguard/wg0.key" in said
        one.check_output("cp /root/kept/wg0.key.machine /etc/wireguard/")  # a copy by hand: the key alone
        said = net.refused()
        assert "main" in said and "db" in said and "key" in said
    finally:
        one.check_output("cp -a /root/kept/. /etc/wireguard/ && rm -r /root/kept")
    assert net.good().actions == {}


def test_a_file_of_somebody_else_is_refused_and_taken_over_when_told(net: Mesh, once: None) -> None:
    one = net.hosts["db"]
    one.check_output("cp -a /etc/wireguard/wg0.conf /root/kept.conf")
    one.check_output("grep -v '^#' /root/kept.conf > /etc/wireguard/wg0.conf")
    try:
        said = net.refused()
        assert "somebody else wrote it" in said and "wireguard_adopt" in said and "/etc/wireguard/wg0.conf" in said
        net.good("--limit", "db", wireguard_adopt=True)
        assert one.run("ls /etc/wireguard | grep -v -x -e wg0.conf -e wg0.key -e wg0.key.machine").stdout.strip()
        assert net.silent(tries=2) == []
    finally:
        one.run("test -s /etc/wireguard/wg0.conf || cp -a /root/kept.conf /etc/wireguard/wg0.conf")
    assert net.good().actions == {}


def test_a_network_that_a_host_has_already_is_refused(net: Mesh, once: None) -> None:
    one = net.hosts["home1"]
    one.check_output("ip route add 10.66.0.0/22 dev eth0")
    try:
        said = net.refused()
        assert "home1" in said
        assert "10.66.0.0/24 overlaps the route 10.66.0.0/22 on eth0" in said
    finally:
        one.check_output("ip route delete 10.66.0.0/22 dev eth0")


def test_an_ipv6_address_where_ipv6_is_off_is_refused(net: Mesh, once: None) -> None:
    """One host refuses, and no other one begins."""
    said = net.refused(
        wireguard_networks=["10.66.0.0/24", "fd66::/64"],
        wireguard_more_addresses="{{ ['fd66::2'] if inventory_hostname == 'db' else [] }}",
    )
    assert "db" in said and "fd66::2/64 is an IPv6 address" in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mastodon_address": "10.66.0.1"}, ["10.66.0.1", "main", "db"]),
        ({"wireguard_networks": ["10.65.0.0/24"]}, ["10.66.0.1", "10.65.0.0/24"]),
        ({"wireguard_endpoint": "192.0.2.1:51820"}, ["192.0.2.1:51820", "main", "db"]),
        ({"wireguard_routed_networks": ["10.69.0.0/24"]}, ["10.69.0.0/24"]),
        ({"wireguard_interface": "wireguard-of-mastodon"}, ["wireguard-of-mastodon", "15"]),
        ({"wireguard_port": 70000}, ["70000"]),
    ],
)
def test_an_inventory_that_contradicts_itself_is_refused(
    net: Mesh, once: None, changed: dict[str, object], words: list[str]
) -> None:
    said = net.refused(**changed)
    assert [word for word in words if word not in said] == []


def test_what_interrupts_others_waits_for_a_word(net: Mesh, once: None) -> None:
    said = net.refused(wireguard_port=51821)
    assert "wireguard_allow_disruption" in said and "51820 -> 51821" in said
