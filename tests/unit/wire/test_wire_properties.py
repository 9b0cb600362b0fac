"""What holds for every network: each pair has a path, each prefix one owner, each change leaves the others alone."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.addresses import ordered
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import complete, wanted_file
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import HostConfig, Peer, Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.steps import plan_steps
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import (
    Block,
    WgFile,
    masked,
    parse,
    render,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_cases import Kernel, key, read

FEW = settings(max_examples=60)


@st.composite
def networks(draw: Any) -> Topology:
    """Any network without a fault: NAT, zones, hubs, gateways, phones, in each of the three shapes."""
    count = draw(st.integers(2, 9))
    hosts: dict[str, dict[str, Any]] = {}
    for number in range(1, count + 1):
        one: dict[str, Any] = {"address": f"10.66.0.{number}"}
        if draw(st.booleans()):
            one["endpoint"] = f"192.0.2.{number}"
            one["hub"] = draw(st.booleans())
        if draw(st.booleans()):
            one["zone"] = draw(st.sampled_from(["east", "west"]))
            if draw(st.booleans()):
                one["lan_endpoint"] = f"172.31.{number}.1"
        if draw(st.integers(0, 3)) == 0:
            one["routed_networks"] = [f"192.168.{number}.0/24"]
        hosts[f"h{number}"] = one
    shape = draw(st.sampled_from(["mesh", "hub_spoke", "links"]))
    more: dict[str, Any] = {"topology": shape}
    if shape == "hub_spoke" and not any(one.get("hub") for one in hosts.values()):
        hosts["h1"].update(endpoint="192.0.2.1", hub=True)
    if shape == "links":
        able = [name for name, one in hosts.items() if "endpoint" in one]
        pairs = [[one, other] for one in able for other in hosts if one != other]
        if not pairs:
            more = {"topology": "mesh"}
        else:
            more["links"] = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=12))
    if draw(st.booleans()):
        via = draw(st.sampled_from(sorted(hosts)))
        phone = {"name": "phone", "public_key": key("phone"), "addresses": ["10.66.0.200"], "via": via}
        more["unmanaged_peers"] = [phone]
    network, found = read(hosts, **more)
    assert not found, found
    return Topology(network)


def next_hop(config: HostConfig, address: str) -> str:
    """Whom the kernel hands a packet to: the longest AllowedIPs that contains the address."""
    best = (-1, "")
    for peer in config.peers:
        for text in peer.allowed:
            prefix = ipaddress.ip_network(text)
            if ipaddress.ip_address(address) in prefix:
                best = max(best, (prefix.prefixlen, peer.name))
    return best[1]


@FEW
@given(networks())
def test_every_pair_has_a_path_and_packets_take_it_in_both_directions(topology: Topology) -> None:
    configs = {one.name: topology.config(one.name) for one in topology.network.members}
    address = {one.name: one.addresses[0] for one in topology.network.members}
    for one, other, path in topology.pairs():
        assert path == topology.path(other, one)
        for here, there in ((one, other), (other, one)):
            if path.kind == "direct":
                assert next_hop(configs[here], address[there]) == there
            elif path.kind == "relay":
                assert topology.network.member(path.hub).hub
                assert next_hop(configs[here], address[there]) == path.hub
                assert next_hop(configs[path.hub], address[there]) == there
            else:
                assert path.kind == "unreachable" and one in path.reason and other in path.reason


@FEW
@given(networks())
def test_blocks_are_symmetric_and_no_prefix_is_claimed_twice(topology: Topology) -> None:
    for one in topology.network.members:
        config = topology.config(one.name)
        prefixes = [text for peer in config.peers for text in peer.allowed]
        assert len(prefixes) == len(set(prefixes))
        assert not {f"{text}/32" for text in one.addresses} & set(prefixes)
        for peer in config.peers:
            if peer.kind == "managed":
                back = {far.name: far for far in topology.peers(peer.name)}[one.name]
                # At least one of the two dials, and whoever dials keeps the path open.
                assert peer.endpoint or back.endpoint
                assert bool(peer.endpoint) == bool(peer.keepalive)


@FEW
@given(networks())
def test_a_file_says_what_it_was_made_of(topology: Topology) -> None:
    for one in topology.network.members:
        config = complete(topology.config(one.name), None).config
        file = wanted_file(config, Secret(key("private")))
        assert parse(render(file)) == file
        # From that file alone, an inventory whose other keys are unknown gets every block again.
        blind = config.with_peers(tuple(peer._replace(public_key="") for peer in config.peers))
        again = complete(blind, file)
        assert not again.pending
        assert wanted_file(again.config, Secret(key("private"))) == file
        assert key("private") not in "".join(masked(None, file)) + repr(file)


names = st.from_regex(r"[a-z][a-z0-9.-]{0,12}", fullmatch=True)
keys = st.integers(0, 50).map(lambda number: key(str(number)))
blocks = st.builds(
    Block,
    public_key=keys,
    allowed=st.lists(st.sampled_from(["10.66.0.2/32", "192.168.7.0/24", "fd66::2/128"]), unique=True).map(ordered),
    endpoint=st.sampled_from(["", "192.0.2.2:51820", "[2001:db8::2]:51820", "pi.example.org:51820"]),
    keepalive=st.integers(0, 65535),
    preshared=st.one_of(st.none(), keys.map(Secret)),
    name=names,
    kind=st.sampled_from(["managed", "next", "unmanaged", "foreign"]),
    endpoint_name=st.sampled_from(["", "pi.example.org:51820"]),
)
files = st.builds(
    WgFile,
    ours=st.booleans(),
    host=st.one_of(st.just(""), names),
    addresses=st.lists(st.sampled_from(["10.66.0.1/24", "fd66::1/64"]), unique=True).map(tuple),
    private_key=st.one_of(st.none(), keys.map(Secret)),
    port=st.integers(0, 65535),
    mtu=st.sampled_from([0, 1280, 1420]),
    peers=st.lists(blocks, max_size=4).map(tuple),
    hooks=st.lists(st.sampled_from([("PostUp", "iptables -A INPUT -i %i"), ("Table", "off"), ("DNS", "9.9.9.9")])).map(
        tuple
    ),
)


@FEW
@given(files)
def test_any_file_is_read_as_it_was_written(file: WgFile) -> None:
    assert parse(render(file)) == file


@FEW
@given(st.text(alphabet="[]PeerInterfacKy=#: \n10./,AlowdIs", max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    assert parse(render(parse(text))).peers == parse(text).peers


prefixes = [f"10.66.0.{number}/32" for number in range(1, 9)] + ["10.66.0.0/24", "192.168.7.0/24"]
secrets = st.one_of(st.none(), st.sampled_from([Secret(key("psk1")), Secret(key("psk2"))]))


@st.composite
def shares(draw: Any) -> HostConfig:
    """Any share of a host: up to five peers, each prefix with one of them or with nobody."""
    names = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=5))
    owners = {text: draw(st.sampled_from([*names, ""])) for text in prefixes} if names else {}
    peers = tuple(
        Peer(
            name,
            key(name),
            tuple(text for text, owner in owners.items() if owner == name),
            draw(st.sampled_from(["", "192.0.2.1:51820", "192.0.2.2:51820"])),
            draw(st.sampled_from([0, 25])),
            preshared=draw(secrets),
        )
        for name in sorted(names)
    )
    routes = tuple(text for text, owner in owners.items() if owner and text.startswith("192.168"))
    address = draw(st.sampled_from([("10.66.0.100/24",), ("10.66.0.101/24",), ("10.66.0.101/24", "10.67.0.1/24")]))
    return HostConfig("me", "wg0", address, draw(st.sampled_from([51820, 51821])), peers, routes, 1420)


def steps_to(wanted: HostConfig, kernel: Kernel, before: HostConfig | None, now: int = 1000) -> Any:
    """The plan from what the kernel has."""
    filed = wanted_file(before, None) if before else None
    return plan_steps(wanted, kernel.live(now), own_key="mine", key_file="K", filed=filed, now=now)


@settings(max_examples=150)
@given(shares(), shares(), st.integers(0, 30))
def test_steps_reach_what_is_wanted_and_nobody_who_stays_is_missing_in_between(
    before: HostConfig, after: HostConfig, killed: int
) -> None:
    kernel = Kernel({"K": "mine"})
    for step in steps_to(before, kernel, None):
        kernel.run(step)
    stay = {peer.public_key for peer in before.peers} & {peer.public_key for peer in after.peers}
    owned = {text for peer in before.peers for text in peer.allowed} & {
        text for peer in after.peers for text in peer.allowed
    }
    for number, step in enumerate(steps_to(after, kernel, before)):
        if number == killed:
            break
        kernel.run(step)
        assert stay <= set(kernel.peers), step.says
        assert all(kernel.owner(text) for text in owned), step.says
    # Killed anywhere, before the file was written: the next run finishes, and the one after has nothing to do.
    for step in steps_to(after, kernel, before):
        kernel.run(step)
    assert steps_to(after, kernel, after) == ()
    assert set(kernel.peers) == {peer.public_key for peer in after.peers}
    for peer in after.peers:
        there = kernel.peers[peer.public_key]
        assert there["allowed"] == set(peer.allowed)
        assert (there["keepalive"], there["psk"]) == (peer.keepalive, peer.preshared)
        assert not peer.endpoint or there["endpoint"] == peer.endpoint
    assert sorted(kernel.addresses) == sorted(after.addresses)
    assert kernel.routes == set(after.routes)
    assert (kernel.key, kernel.port) == ("mine", after.port)


@FEW
@given(shares(), shares())
def test_no_secret_is_in_a_command_line_or_in_words(before: HostConfig, after: HostConfig) -> None:
    kernel = Kernel({"K": "mine"})
    for share in (before, after):
        for step in steps_to(share, kernel, None):
            kernel.run(step)
            shown = f"{step!r} {step.argv} {step.says}"
            assert key("psk1") not in shown and key("psk2") not in shown
