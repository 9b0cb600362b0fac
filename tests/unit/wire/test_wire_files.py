"""Files that other roles and people wrote, our own, and what a diff shows of them."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import (
    complete,
    names_to_resolve,
    resolved,
    wanted_file,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import HostConfig, Peer, Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import MARKER, masked, parse, render
from wire_cases import host, key, topology

# As templates/etc/wireguard/wg.conf.j2 of githubixx/ansible-role-wireguard writes it.
GITHUBIXX = f"""\
# Ansible managed

[Interface]
# main
Address = 10.8.0.1/24
Address = fd08::1/64
PrivateKey = {key("private")}
ListenPort = 51820
FwMark = 0x1f
PostUp = iptables -t nat -A POSTROUTING -o ens12 -j MASQUERADE

[Peer]
# Name = db.example.org
PublicKey = {key("db")}
AllowedIPs = 10.8.0.2/32
AllowedIPs = fd08::2/128
PersistentKeepalive = 30
Endpoint = db.example.org:51820

[Peer]
# Name = pi
PublicKey = {key("pi")}
AllowedIPs = 10.8.0.3/32
# No endpoint defined for this peer
# Peers not managed by Ansible from "wireguard_unmanaged_peers" variable
[Peer]
# Name = laptop
PublicKey = {key("laptop")}
PresharedKey = {key("psk")}
AllowedIPs = 10.8.0.99/32
"""
# As templates/interface.conf.j2 of mawalu/wireguard-private-networking writes it.
MAWALU = f"""\
[Interface]
Address = 10.1.0.1/32
PrivateKey = {key("private")}
ListenPort = 5888

[Peer]
PublicKey = {key("b")}
AllowedIPs = 10.1.0.2/32
Endpoint = b:5888

[Peer]
PublicKey = {key("c")}
AllowedIPs = 10.1.0.3/32
Endpoint = c:5888

"""
BY_HAND = f"""\
[interface]
address=10.9.0.1/24,fd09::1/64 # both
privatekey={key("private")}
dns = 9.9.9.9
saveconfig = true
this is no setting
[PEER]
publickey={key("x")}
allowedips=10.9.0.7/24 , 10.9.0.8/32
endpoint=[2001:db8::7]:51820
persistentkeepalive=off
Nonsense = {key("secret")}
"""


@pytest.mark.parametrize("text", [GITHUBIXX, MAWALU, BY_HAND])
def test_a_foreign_file_survives_being_written_again(text: str) -> None:
    file = parse(text)
    assert not file.ours
    assert parse(render(file)) == file


def test_what_other_roles_wrote_is_understood() -> None:
    file = parse(GITHUBIXX)
    assert file.addresses == ("10.8.0.1/24", "fd08::1/64")
    assert (file.port, file.private_key) == (51820, Secret(key("private")))
    assert [one.name for one in file.peers] == ["db.example.org", "pi", "laptop"]
    assert file.peers[0].allowed == ("10.8.0.2/32", "fd08::2/128")
    assert file.peers[0].keepalive == 30
    assert file.peers[2].preshared == Secret(key("psk"))
    assert file.lost() == ("FwMark", "PostUp")
    assert [one.endpoint for one in parse(MAWALU).peers] == ["b:5888", "c:5888"]


def test_a_file_by_hand_is_understood_and_its_unknown_lines_are_named_without_values() -> None:
    file = parse(BY_HAND)
    assert file.addresses == ("10.9.0.1/24", "fd09::1/64")
    # The kernel cuts off host bits.
    assert file.peers[0].allowed == ("10.9.0.0/24", "10.9.0.8/32")
    assert file.peers[0].keepalive == 0
    assert file.lost() == ("DNS", "SaveConfig", "a line without = in [interface]", "Nonsense")


def test_our_file_word_for_word() -> None:
    mesh = topology({"main": host(1), "pi": host(2, nat=True)})
    file = wanted_file(complete(mesh.config("pi"), None).config, Secret(key("private")))
    assert render(file) == (
        f"{MARKER}\n# host: pi\n[Interface]\nAddress = 10.66.0.2/24\nListenPort = 51820\n"
        f"PrivateKey = {key('private')}\n"
        f"\n[Peer]\n# managed: main\nPublicKey = {key('main')}\nAllowedIPs = 10.66.0.1/32\n"
        "Endpoint = 192.0.2.1:51820\nPersistentKeepalive = 25\n"
    )


def test_a_diff_tells_what_happened_to_a_key_and_never_the_key() -> None:
    peer = Peer("b", key("b"), ("10.66.0.2/32",), preshared=Secret(key("psk1")))
    config = HostConfig("a", "wg0", ("10.66.0.1/24",), 51820, (peer,))
    before = wanted_file(config, Secret(key("private")))
    changed = config.with_peers((peer._replace(preshared=Secret(key("psk2"))),))
    after = wanted_file(changed, Secret(key("private")))
    old, new = masked(before, after)
    assert "PrivateKey = (hidden, unchanged)" in old and "PrivateKey = (hidden, unchanged)" in new
    assert "PresharedKey = (hidden, old)" in old and "PresharedKey = (hidden, new)" in new
    assert masked(before, before)[0] == masked(before, before)[1]
    for text in (old, new, repr(before), *masked(None, after), *masked(parse(GITHUBIXX), after)):
        assert key("private") not in text and key("psk") not in text and key("psk1") not in text
    # A hook can hold a key as well.
    assert "MASQUERADE" not in masked(parse(GITHUBIXX), None)[0]


def test_a_limited_run_keeps_the_peers_it_did_not_see() -> None:
    mesh = topology({"a": host(1), "b": host(2), "c": host(3)})
    full = wanted_file(complete(mesh.config("a"), None).config, None)
    blind = mesh.config("a").with_peers(tuple(one._replace(public_key="") for one in mesh.config("a").peers))
    ready = complete(blind, full)
    assert (ready.pending, wanted_file(ready.config, None)) == ((), full)
    # With nothing known anywhere the host is named, not written as a block without a key.
    assert complete(blind, None).pending == ("b", "c")


def test_blocks_by_hand_stay_unless_purged_or_revoked() -> None:
    mesh = topology({"a": host(1), "b": host(2)})
    config = mesh.config("a")
    extra = f"\n[Peer]\n# Name = nas\nPublicKey = {key('nas')}\nAllowedIPs = 10.66.0.50/32, 10.66.0.2/32\n"
    filed = parse(render(wanted_file(config, None)) + extra)
    kept = complete(config, filed)
    assert kept.foreign == ("nas",)
    # What the inventory gives to b stays with b.
    assert {peer.name: peer.allowed for peer in kept.config.peers} == {
        "b": ("10.66.0.2/32",),
        "nas": ("10.66.0.50/32",),
    }
    assert parse(render(wanted_file(kept.config, None))) == wanted_file(kept.config, None)
    assert complete(config, filed, purge_foreign=True).foreign == ()
    revoked = HostConfig("a", "wg0", config.addresses, 51820, config.peers, revoked=(key("nas"),))
    assert complete(revoked, filed).foreign == ()


def test_taking_over_a_hand_made_tunnel_keeps_a_phones_own_preshared_key() -> None:
    phone = {"name": "laptop", "public_key": key("laptop"), "addresses": ["10.8.0.99"], "via": "main"}
    hosts = {"main": {"address": "10.8.0.1", "endpoint": "192.0.2.1"}, "pi": {"address": "10.8.0.3"}}
    mesh = topology(hosts, networks=["10.8.0.0/24"], unmanaged_peers=[phone])
    ready = complete(mesh.config("main"), parse(GITHUBIXX))
    assert {peer.name: peer.preshared for peer in ready.config.peers}["laptop"] == Secret(key("psk"))
    assert ready.foreign == ("db.example.org",)


def test_names_become_addresses_and_survive_a_resolver_that_is_dead() -> None:
    mesh = topology(
        {"a": host(1, nat=True), "b": host(2, endpoint="b.example.org"), "c": host(3, endpoint="c.example")}
    )
    config = mesh.config("a")
    assert names_to_resolve(config) == ("b.example.org", "c.example")
    first = resolved(config, {"b.example.org": "192.0.2.77", "c.example": "2001:db8::3"})
    assert [peer.endpoint for peer in first.peers] == ["192.0.2.77:51820", "[2001:db8::3]:51820"]
    filed = wanted_file(first, None)
    assert "# endpoint-name: b.example.org:51820" in render(filed)
    assert parse(render(filed)) == filed
    assert resolved(config, {}, filed) == first
    assert [peer.endpoint for peer in resolved(config, {}).peers] == ["b.example.org:51820", "c.example:51820"]
