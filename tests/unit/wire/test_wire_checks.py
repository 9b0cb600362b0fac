"""Bad input: each mistake is one finding, with its place, its figure and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.checks import check_machines
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.host_checks import HostFacts, check_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.inventory import from_inventory
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Tombstone
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.observed import Route
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import read_network
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import WgFile, parse
from wire_cases import NETWORKS, host, key, read, topology

# Changes of three good hosts, settings of the network -> parts of the one finding.
CASES: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    (
        {"b": host(2, address="10.67.0.2")},
        {},
        (
            "host b, mastodon_address",
            "10.67.0.2 is outside the tunnel's network 10.66.0.0/24",
            "10.66.0.2, which is free",
        ),
    ),
    ({"b": host(2, address="10.66.0.0")}, {}, ("host b", "10.66.0.0 is no host's address", "10.66.0.2")),
    ({"b": host(2, address="10.66.0.255")}, {}, ("host b", "10.66.0.255 is no host's address")),
    (
        {"b": host(2, address="10.66.0.1")},
        {},
        ("hosts a, b", "10.66.0.1 is claimed by a and b", "one of them 10.66.0.2"),
    ),
    ({"b": host(2, address="10.66.0.")}, {}, ("host b, mastodon_address", "'10.66.0.' is no address")),
    ({"b": {"endpoint": "192.0.2.2"}}, {}, ("host b, mastodon_address", "no address in the tunnel", "plan.yml")),
    (
        {"b": host(2, endpoint="192.0.2.1")},
        {},
        ("hosts a, b, wireguard_endpoint", "192.0.2.1:51820 is claimed by a and b", "wireguard_listen_port"),
    ),
    ({"b": host(2, endpoint="2001:db8::2:")}, {}, ("host b, wireguard_endpoint", "no endpoint", "[2001:db8::1]:51820")),
    ({"b": host(2, endpoint="192.0.2.300")}, {}, ("host b, wireguard_endpoint", "'192.0.2.300' is no endpoint")),
    ({"b": host(2, endpoint="b:99999")}, {}, ("host b, wireguard_endpoint", "'b:99999' is no endpoint")),
    (
        {"b": host(2, endpoint="10.66.0.9")},
        {},
        ("host b, wireguard_endpoint", "lies in the tunnel's network 10.66.0.0/24"),
    ),
    (
        {"b": host(2, routed_networks=["192.0.2.0/29"]), "c": host(30)},
        {},
        (
            "host b, wireguard_routed_networks",
            "192.0.2.0/29 holds the endpoint 192.0.2.1:51820 of a, 192.0.2.2:51820 of b",
        ),
    ),
    (
        {"a": host(1, routed_networks=["192.168.7.0/24"]), "b": host(2, routed_networks=["192.168.7.0/24"])},
        {},
        ("hosts a, b, wireguard_routed_networks", "192.168.7.0/24 is claimed by a and b", "let one host route it"),
    ),
    (
        {"b": host(2, routed_networks=["192.168.7.1/24"])},
        {},
        ("host b, wireguard_routed_networks", "'192.168.7.1/24' is no network", "write 192.168.7.0/24"),
    ),
    ({"b": host(2, routed_networks=["0.0.0.0/0"])}, {}, ("host b", "would send everything through the tunnel")),
    (
        {"b": host(2, routed_networks=["10.66.0.128/25"])},
        {},
        ("host b, wireguard_routed_networks", "10.66.0.128/25 overlaps the tunnel's network 10.66.0.0/24"),
    ),
    (
        {"b": host(2, lan_endpoint="192.168.1.2")},
        {},
        ("host b, wireguard_lan_endpoint", "in no zone", "wireguard_zone"),
    ),
    ({"b": host(2, nat=True, hub=True)}, {}, ("host b, wireguard_hub", "nobody can dial it", "wireguard_endpoint")),
    ({"b": host(2, zome="x")}, {}, ("host b, wireguard_zome", "nothing reads this variable", "wireguard_zone")),
    ({"b": host(2, listen_port=70000)}, {}, ("host b, wireguard_listen_port", "70000", "1 to 65535")),
    ({"b": host(2, mtu=576)}, {}, ("host b, wireguard_mtu", "576", "1280")),
    ({"b": host(2, hub="maybe")}, {}, ("host b, wireguard_hub", "'maybe' is neither true nor false")),
    (
        {},
        {"interface": "mastodon-tunnel0"},
        ("wireguard_interface", "'mastodon-tunnel0' is no name for an interface of 16 characters", "at most 15"),
    ),
    ({}, {"interface": "wg 0"}, ("wireguard_interface", "'wg 0' is no name")),
    ({}, {"topology": "mash"}, ("wireguard_topology", "'mash' is none of", "write mesh")),
    ({}, {"topology": "hub_spoke"}, ("wireguard_hub", "no host is a hub", "set it for a")),
    ({}, {"topology": "links"}, ("wireguard_links", "is not set")),
    ({}, {"links": [["a", "b"]]}, ("wireguard_links", "is set, and wireguard_topology is mesh")),
    ({}, {"topology": "links", "links": [["a", "d"]]}, ("wireguard_links", "'d' is no host of the tunnel")),
    ({}, {"topology": "links", "links": [["a", "a"]]}, ("wireguard_links", "is no pair of two hosts")),
    ({}, {"networks": []}, ("wireguard_networks", "is not set", "[10.66.0.0/24]")),
    (
        {},
        {"networks": ["10.66.0.0/24", "10.66.0.0/16"]},
        ("wireguard_networks", "10.66.0.0/16 and 10.66.0.0/24 overlap"),
    ),
    ({}, {"networkz": []}, ("wireguard_networkz", "nothing reads", "wireguard_networks")),
    (
        {},
        {"unmanaged_peers": [{"name": "p", "public_key": "short", "addresses": ["10.66.0.9"], "via": "a"}]},
        ("wireguard_unmanaged_peers[p].public_key", "'short' is no public key", "wg pubkey"),
    ),
    (
        {},
        {"unmanaged_peers": [{"name": "p", "public_key": key("p"), "addresses": ["10.66.0.2"], "via": "a"}]},
        ("host b, mastodon_address", "10.66.0.2 is claimed by b and p"),
    ),
    (
        {},
        {"unmanaged_peers": [{"name": "p", "public_key": key("p"), "addresses": ["10.66.0.9"]}]},
        ("wireguard_unmanaged_peers[p].via", "is not set, and there is no hub"),
    ),
    (
        {},
        {"unmanaged_peers": [{"name": "p", "public_key": key("a"), "addresses": ["10.66.0.9"], "via": "b"}]},
        ("host a, public key", "a and p have the same public key", "wg0.key"),
    ),
]


@pytest.mark.parametrize(("hosts", "settings", "parts"), CASES)
def test_one_mistake_is_one_finding(hosts: dict[str, Any], settings: dict[str, Any], parts: tuple[str, ...]) -> None:
    good = {"a": host(1), "b": host(2), "c": host(3)}
    _, found = read({**good, **hosts}, **settings)
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]


def test_all_mistakes_are_told_at_once() -> None:
    _, found = read({"a": host(1), "b": host(1), "c": host(2, address="10.1.1.1")}, interface="x" * 16)
    assert len(found) == 4


def test_a_copied_key_and_a_removed_hosts_key() -> None:
    keys = {"a": key("same"), "b": key("same"), "c": key("old")}
    hosts = {name: host(number + 1) for number, name in enumerate("abc")}
    _, found = read(hosts, keys, (Tombstone("gone", (key("old"),), ("a",)),))
    assert len(found) == 2
    assert "hosts a, b" in found[0] and "a and b have the same public key" in found[0]
    assert "host c" in found[1] and "belongs to gone, which was removed" in found[1]


def test_a_copied_machine() -> None:
    problems = Problems()
    check_machines({"a": "1f", "b": "2e", "c": "1f", "d": ""}, problems)
    (found,) = map(str, problems.all())
    assert "hosts a, c" in found and "same /etc/machine-id" in found and "systemd-machine-id-setup" in found


def host_findings(facts: HostFacts, **more: Any) -> list[str]:
    """What host a finds with these facts."""
    problems = Problems()
    hosts = {"a": host(1, **more), "b": host(2, routed_networks=["192.168.7.0/24"])}
    networks = [*NETWORKS, "fd66::/64"]
    check_host(topology(hosts, networks=networks).config("a"), facts, networks, problems)
    return [str(one) for one in problems.all()]


def test_networks_that_the_host_already_routes_elsewhere() -> None:
    routes = (
        Route("10.66.0.0/24", "wg0", protocol="kernel"),
        Route("10.66.0.0/16", "docker0"),
        Route("192.168.0.0/16", "eth1", table="52"),
        Route("172.17.0.0/16", "docker1"),
    )
    found = host_findings(HostFacts(routes=routes))
    assert len(found) == 2
    assert "host a, wireguard_networks: 10.66.0.0/24 overlaps the route 10.66.0.0/16 on docker0" in found[0]
    assert "192.168.7.0/24 overlaps the route 192.168.0.0/16 on eth1 (table 52)" in found[1]


def test_ipv6_where_it_is_off() -> None:
    assert not host_findings(HostFacts(ipv6_off=True))
    (found,) = host_findings(HostFacts(ipv6_off=True), more_addresses=["fd66::1"])
    assert "fd66::1/64 is an IPv6 address" in found and "disable_ipv6 is 1" in found


def test_a_key_from_another_machine() -> None:
    assert not host_findings(HostFacts(machine="1f", key_machine="1f"))
    (found,) = host_findings(HostFacts(machine="1f", key_machine="2e"))
    assert "host a, /etc/wireguard/wg0.key" in found and "copy of that one's image" in found


def test_somebody_elses_file_is_not_overwritten() -> None:
    foreign = parse(f"[Interface]\nPrivateKey = {key('p')}\nPostUp = x\nTable = off\n[Peer]\nPublicKey = {key('b')}\n")
    assert not host_findings(HostFacts(file=foreign, adopt=True))
    assert not host_findings(HostFacts(file=WgFile(ours=True)))
    (found,) = host_findings(HostFacts(file=foreign))
    assert "/etc/wireguard/wg0.conf" in found and "1 peers; it also sets PostUp, Table" in found
    assert "wireguard_adopt" in found and key("p") not in found


def test_from_an_inventory() -> None:
    common = {"wireguard_networks": NETWORKS, "mastodon_domain": "social.example.org"}
    problems = Problems()
    settings, hosts = from_inventory(
        {
            "a": {
                **common,
                "mastodon_address": "10.66.0.1",
                "wireguard_endpoint": "a.example.org",
                "wireguard_hub": True,
            },
            "b": {**common, "mastodon_address": "10.66.0.2", "wireguard_zone": "home"},
        },
        problems,
    )
    network = read_network(settings, hosts, problems)
    assert not problems
    assert (network.prefixes, network.member("a").endpoint) == (("10.66.0.0/24",), "a.example.org:51820")
    assert network.member("a").hub and network.member("b").zone == "home"


def test_a_setting_of_the_network_is_one_for_all() -> None:
    problems = Problems()
    hosts = {"a": {"wireguard_port": 1, "wireguard_adopt": True}, "b": {"wireguard_port": 2, "wireguard_pord": 3}}
    from_inventory(hosts, problems, also=["wireguard_adopt"])
    first, second = map(str, problems.all())
    assert "host b, wireguard_port: 2 here, 1 elsewhere" in first
    assert "host b, wireguard_pord: nothing reads this variable. Fix: write wireguard_port" in second
