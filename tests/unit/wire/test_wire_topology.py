"""Who talks to whom in each shape of network: the tables of an admin's whiteboard."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import table
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.addresses import next_free_address
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.checks import check_paths
from wire_cases import blocks, host, key, read, topology

HOME = {"nat": True, "zone": "home"}


def test_a_mesh_of_reachable_hosts() -> None:
    mesh = topology({"a": host(1), "b": host(2), "c": host(3)})
    assert {str(path) for _, _, path in mesh.pairs()} == {"direct"}
    assert blocks(mesh.config("a")) == {
        "b": ("10.66.0.2/32", "192.0.2.2:51820", 25),
        "c": ("10.66.0.3/32", "192.0.2.3:51820", 25),
    }
    assert mesh.config("a").addresses == ("10.66.0.1/24",)
    assert mesh.config("a").routes == ()


def test_the_host_behind_nat_dials_and_keeps_the_path_open() -> None:
    two = topology({"cloud": host(1), "home": host(2, nat=True)})
    assert blocks(two.config("home")) == {"cloud": ("10.66.0.1/32", "192.0.2.1:51820", 25)}
    # No endpoint and no keepalive here: what the hub has learned stays when the home's address moves.
    assert blocks(two.config("cloud")) == {"home": ("10.66.0.2/32", "", 0)}


def test_two_hosts_behind_nat_go_through_the_hub_in_a_mesh() -> None:
    mesh = topology({"hub": host(1, hub=True), "pi": host(2, nat=True), "shed": host(3, nat=True), "vps": host(4)})
    assert str(mesh.path("pi", "shed")) == "relay:hub" == str(mesh.path("shed", "pi"))
    assert blocks(mesh.config("pi")) == {
        "hub": ("10.66.0.0/24", "192.0.2.1:51820", 25),
        "vps": ("10.66.0.4/32", "192.0.2.4:51820", 25),
    }
    assert blocks(mesh.config("hub"))["pi"] == ("10.66.0.2/32", "", 0)


def test_without_a_hub_they_cannot_and_it_is_said() -> None:
    mesh = topology({"a": host(1), "b": host(2, nat=True), "c": host(3, nat=True)})
    path = mesh.path("b", "c")
    assert path.kind == "unreachable"
    assert "b and c are both behind NAT" in path.reason and "no host of the network is a hub" in path.reason
    assert [peer.name for peer in mesh.config("b").peers] == ["a"]


def test_in_a_zone_they_take_the_lan() -> None:
    mesh = topology(
        {
            "hub": host(1, hub=True),
            "nas": host(2, **HOME, lan_endpoint="192.168.1.2"),
            "pi": host(3, **HOME, lan_endpoint="192.168.1.3:51999"),
            "tv": host(4, **HOME),
        }
    )
    assert blocks(mesh.config("nas"))["pi"] == ("10.66.0.3/32", "192.168.1.3:51999", 25)
    # One LAN endpoint is enough: the other one dials it.
    assert blocks(mesh.config("tv"))["pi"] == ("10.66.0.3/32", "192.168.1.3:51999", 25)
    assert blocks(mesh.config("pi"))["tv"] == ("10.66.0.4/32", "", 0)
    assert {str(path) for _, _, path in mesh.pairs()} == {"direct"}


def test_a_zone_is_preferred_to_public_endpoints_inside_it_only() -> None:
    mesh = topology(
        {
            "a": host(1, zone="dc", lan_endpoint="172.20.0.1"),
            "b": host(2, zone="dc", lan_endpoint="172.20.0.2"),
            "c": host(3),
        }
    )
    assert blocks(mesh.config("a"))["b"][1] == "172.20.0.2:51820"
    assert blocks(mesh.config("c"))["b"][1] == "192.0.2.2:51820"


def test_spokes_talk_to_hubs_only() -> None:
    star = topology({"hub": host(1, hub=True), "a": host(2), "b": host(3, nat=True)}, topology="hub_spoke")
    assert blocks(star.config("a")) == {"hub": ("10.66.0.0/24", "192.0.2.1:51820", 25)}
    assert str(star.path("a", "b")) == "relay:hub"
    assert sorted(blocks(star.config("hub"))) == ["a", "b"]


def test_a_new_spoke_changes_the_hub_alone() -> None:
    hosts = {"hub": host(1, hub=True), "a": host(2, nat=True), "b": host(3, nat=True)}
    before = topology(hosts, topology="hub_spoke")
    after = topology({**hosts, "c": host(4, nat=True)}, topology="hub_spoke")
    assert before.config("a") == after.config("a")
    assert before.config("hub") != after.config("hub")
    assert after.neighbours("c") == ("hub",)


def test_two_hubs_the_first_relays_the_other_has_its_own_address() -> None:
    star = topology(
        {"h1": host(1, hub=True), "h2": host(2, hub=True), "a": host(3, nat=True), "b": host(4, nat=True)},
        topology="hub_spoke",
    )
    assert str(star.path("a", "b")) == "relay:h1"
    assert blocks(star.config("a")) == {
        "h1": ("10.66.0.0/24", "192.0.2.1:51820", 25),
        "h2": ("10.66.0.2/32", "192.0.2.2:51820", 25),
    }
    assert str(star.path("h1", "h2")) == "direct"


def test_hubs_in_two_zones_each_relay_for_theirs() -> None:
    star = topology(
        {
            "berlin": host(1, hub=True, zone="de"),
            "osaka": host(2, hub=True, zone="jp"),
            "b1": host(3, nat=True, zone="de"),
            "b2": host(4, nat=True, zone="de"),
            "o1": host(5, nat=True, zone="jp"),
            "o2": host(6, nat=True, zone="jp"),
        },
        topology="hub_spoke",
    )
    assert str(star.path("b1", "b2")) == "relay:berlin"
    assert str(star.path("o1", "o2")) == "relay:osaka"
    # Where zones differ both ends still choose the same one: each accepts the other's address from that hub only.
    assert star.path("b1", "o1") == star.path("o1", "b1")
    assert blocks(star.config("o1"))["osaka"][0] == "10.66.0.2/32,10.66.0.6/32"
    assert blocks(star.config("o1"))["berlin"][0] == "10.66.0.1/32,10.66.0.3/32,10.66.0.4/32"


def test_explicit_links_and_nothing_else() -> None:
    chain = topology({"a": host(1), "b": host(2), "c": host(3)}, topology="links", links=[["a", "b"], ["b", "c"]])
    assert chain.neighbours("b") == ("a", "c")
    assert chain.path("a", "c").reason == "a and c have no link, and no host of the network is a hub"
    hubbed = topology(
        {"a": host(1), "b": host(2, hub=True), "c": host(3)}, topology="links", links=[["a", "b"], ["b", "c"]]
    )
    assert str(hubbed.path("a", "c")) == "relay:b"


def test_a_link_that_cannot_be_is_a_finding() -> None:
    _, found = read({"a": host(1, nat=True), "b": host(2, nat=True)}, topology="links", links=[["b", "a"]])
    assert len(found) == 1 and "both behind NAT" in found[0] and "wireguard_endpoint" in found[0]


def test_networks_behind_a_host_are_routed_to_it_even_through_a_hub() -> None:
    star = topology(
        {"hub": host(1, hub=True), "a": host(2, nat=True), "gw": host(3, nat=True, routed_networks=["192.168.7.0/24"])},
        topology="hub_spoke",
    )
    assert blocks(star.config("hub"))["gw"][0] == "10.66.0.3/32,192.168.7.0/24"
    assert star.config("hub").routes == ("192.168.7.0/24",)
    assert blocks(star.config("a"))["hub"][0] == "10.66.0.0/24,192.168.7.0/24"
    assert star.config("gw").routes == ()


def test_a_gateways_own_lan_is_not_sent_into_the_tunnel_from_that_lan() -> None:
    mesh = topology(
        {
            "cloud": host(1),
            "gw": host(2, **HOME, lan_endpoint="192.168.1.2", routed_networks=["172.30.0.0/16", "192.168.1.0/24"]),
            "pi": host(3, **HOME),
        }
    )
    assert mesh.config("cloud").routes == ("172.30.0.0/16", "192.168.1.0/24")
    assert mesh.config("pi").routes == ("172.30.0.0/16",)


def test_a_phone_is_reached_through_its_host() -> None:
    phone = {"name": "phone", "public_key": key("phone"), "addresses": ["10.66.0.200"], "via": "b"}
    mesh = topology({"a": host(1), "b": host(2)}, unmanaged_peers=[phone])
    assert blocks(mesh.config("a"))["b"][0] == "10.66.0.2/32,10.66.0.200/32"
    assert blocks(mesh.config("b"))["phone"] == ("10.66.0.200/32", "", 0)
    assert mesh.config("a").routes == ()


def test_ipv6_beside_ipv4() -> None:
    mesh = topology(
        {"a": host(1, more_addresses=["fd66::1"]), "b": host(2, more_addresses=["fd66::2"], endpoint="2001:db8::2")},
        networks=["10.66.0.0/24", "fd66::/64"],
    )
    assert mesh.config("a").addresses == ("10.66.0.1/24", "fd66::1/64")
    assert blocks(mesh.config("a"))["b"] == ("10.66.0.2/32,fd66::2/128", "[2001:db8::2]:51820", 25)


def test_a_host_without_a_key_is_planned() -> None:
    network, found = read({"a": host(1), "b": host(2)}, keys={"a": key("a")})
    assert not found
    assert network.member("b").public_key == ""
    with pytest.raises(KeyError):
        network.member("nobody")


def test_the_table_names_every_host_and_each_pair_that_is_not_direct() -> None:
    star = topology(
        {"hub": host(1, hub=True), "a": host(2, nat=True), "b": host(3, nat=True)},
        topology="hub_spoke",
        unmanaged_peers=[{"name": "phone", "public_key": key("phone"), "addresses": ["10.66.0.9"]}],
    )
    lines = table.text(star).splitlines()
    assert lines[0] == "Tunnel wg0, 10.66.0.0/24, hub_spoke"
    assert [line.split()[0] for line in lines[2:6]] == ["a", "b", "hub", "phone"]
    assert lines[4].split()[1:] == ["10.66.0.1", "192.0.2.1:51820", "hub", "2", "0", "0", key("hub")[:8] + "…"]
    assert lines[-1] == "  a - b: relay:hub"


def test_a_long_list_of_pairs_is_counted() -> None:
    star = topology({"hub": host(1, hub=True), **{f"s{n:02}": host(n + 2, nat=True) for n in range(12)}})
    lines = table.text(star).splitlines()
    assert lines[-1] == f"  and {12 * 11 // 2 - table.MOST_PAIRS} more pairs: 26 relay"


def test_many_pairs_without_a_path_are_counted() -> None:
    mesh = topology({f"h{n:02}": host(n + 1, nat=True) for n in range(10)})
    warnings = check_paths(mesh, Problems())
    assert len(warnings) == 21
    assert warnings[0].startswith("h00 and h01 are both behind NAT") and "declare a hub or a zone" in warnings[0]
    assert warnings[-1] == "and 25 more pairs without a path"


def test_the_next_free_address_is_the_lowest_and_a_full_network_has_none() -> None:
    assert next_free_address("10.66.0.0/29", ["10.66.0.1", "10.66.0.3/24"]) == "10.66.0.2"
    assert next_free_address("10.66.0.0/30", ["10.66.0.1", "10.66.0.2"]) == ""
    assert next_free_address("fd66::/64", ["fd66::1"]) == "fd66::2"
