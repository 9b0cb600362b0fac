"""From what runs to what is wanted: the calls one by one, drift, keys that rotate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import rotation
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import complete, wanted_file
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import HostConfig, Peer, Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.observed import Live
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.psk import with_preshared
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.steps import (
    Step,
    disruptive,
    plan_steps,
    start_steps,
)
from wire_cases import Kernel, host, key, topology

NOW = 1_000_000
HOSTS = {"a": host(1), "b": host(2), "c": host(3, routed_networks=["192.168.7.0/24"])}


def running(config: HostConfig) -> Kernel:
    """A kernel in which this share runs."""
    kernel = Kernel({"K": "mine"})
    for step in plan(config, kernel):
        kernel.run(step)
    return kernel


def plan(config: HostConfig, kernel: Kernel, before: HostConfig | None = None, age: int = 10) -> tuple[Step, ...]:
    """The steps; before: what the file said; age: seconds since the last handshakes."""
    filed = wanted_file(before or config, None)
    return plan_steps(config, kernel.live(NOW - age), own_key="mine", key_file="K", filed=filed, now=NOW)


def share(**more: dict[str, object]) -> HostConfig:
    """Host a's share of three hosts and more."""
    return topology({**HOSTS, **more}).config("a")


def test_a_second_run_does_nothing() -> None:
    assert plan(share(), running(share())) == ()


def test_a_new_host_is_one_call() -> None:
    (step,) = plan(share(d=host(4)), running(share()), before=share())
    assert step.argv == (
        *("wg", "set", "wg0", "peer", key("d"), "allowed-ips", "10.66.0.4/32", "endpoint", "192.0.2.4:51820"),
        *("persistent-keepalive", "25"),
    )
    assert step.says == "peer d: added, AllowedIPs +10.66.0.4/32, endpoint 192.0.2.4:51820, keepalive 25 s"


def test_drift_is_repaired_and_named() -> None:
    kernel = running(share())
    del kernel.peers[key("b")]
    kernel.peers[key("stranger")] = {"allowed": {"10.66.0.3/32"}, "endpoint": "", "keepalive": 0, "psk": None}
    kernel.peers[key("c")]["allowed"] = {"192.168.7.0/24"}
    kernel.peers[key("c")]["keepalive"] = 0
    kernel.addresses = ["10.66.0.77/24"]
    kernel.routes = {"192.168.99.0/24"}
    kernel.mtu, kernel.up = 1300, False
    wanted = replace(share(), mtu=1420)
    steps = plan(wanted, kernel)
    assert [step.says for step in steps] == [
        "peer b: added, AllowedIPs +10.66.0.2/32, endpoint 192.0.2.2:51820, keepalive 25 s",
        "peer c: AllowedIPs +10.66.0.3/32, keepalive 25 s",
        "MTU 1300 -> 1420",
        "wg0 up",
        "route 192.168.99.0/24 deleted",
        "address 10.66.0.1/24 added",
        "address 10.66.0.77/24 deleted",
        "address 10.66.0.1/24 kept",
        "route 192.168.7.0/24 added",
        f"peer {key('stranger')[:8]}…: removed",
    ]
    for step in steps:
        kernel.run(step)
    assert plan(wanted, kernel) == ()


def test_a_learned_endpoint_stays_while_it_works() -> None:
    kernel = running(share())
    kernel.peers[key("b")]["endpoint"] = "198.51.100.7:1024"
    assert plan(share(), kernel) == ()
    (reset,) = plan(share(), kernel, age=181)
    assert reset.argv[-2:] == ("endpoint", "192.0.2.2:51820")
    moved = topology({**HOSTS, "b": host(2, endpoint="192.0.2.99")}).config("a")
    (step,) = plan(moved, kernel, before=share())
    assert step.argv[-2:] == ("endpoint", "192.0.2.99:51820")


def test_a_preshared_key_that_is_gone_is_cleared() -> None:
    secret = Secret("s" * 40)
    with_keys = with_preshared(share(), "mine", secret)
    kernel = running(share())
    steps = plan(with_keys, kernel)
    assert [step.argv[-2:] for step in steps] == [("preshared-key", "/dev/stdin")] * 2
    assert {step.stdin for step in steps} == {peer.preshared for peer in with_keys.peers}
    for step in steps:
        kernel.run(step)
    assert plan(with_keys, kernel) == ()
    assert [step.argv[-2:] for step in plan(share(), kernel)] == [("preshared-key", "/dev/null")] * 2


def test_two_peers_that_swap_addresses_never_lose_them() -> None:
    before = HostConfig("a", "wg0", (), 1, (Peer("x", "X", ("10.0.0.1/32",)), Peer("y", "Y", ("10.0.0.2/32",))))
    after = before.with_peers((Peer("x", "X", ("10.0.0.2/32",)), Peer("y", "Y", ("10.0.0.1/32",))))
    first, second = plan(after, running(before))
    assert first.argv[-1] == "10.0.0.1/32,10.0.0.2/32"
    assert second.argv[-1] == "10.0.0.1/32"


def test_a_prefix_twice_is_refused_before_anything_is_done() -> None:
    twice = share().with_peers((Peer("x", "X", ("10.0.0.1/32",)), Peer("y", "Y", ("10.0.0.1/32",))))
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/32 is claimed by x and y"):
        plan(twice, Kernel())
    with pytest.raises(ValueError, match="x has no public key"):
        plan(share().with_peers((Peer("x", "", ()),)), Kernel())


def test_what_interrupts_is_marked() -> None:
    kernel = running(share())
    steps = plan(replace(share(), port=51999), kernel)
    assert disruptive(steps) == ("listen port 51820 -> 51999",)
    assert disruptive(plan(share(d=host(4)), kernel)) == ()


def test_an_unpurged_stranger_stays_and_a_revoked_one_does_not() -> None:
    kernel = running(share())
    kernel.peers[key("s")] = {"allowed": set(), "endpoint": "", "keepalive": 0, "psk": None}
    kernel.peers[key("r")] = {"allowed": set(), "endpoint": "", "keepalive": 0, "psk": None}
    wanted = replace(share(), revoked=(key("r"),))
    steps = plan_steps(wanted, kernel.live(NOW), own_key="mine", key_file="K", now=NOW, purge=False)
    assert [step.argv[-2:] for step in steps] == [(key("r"), "remove")]


def test_bringing_the_interface_up() -> None:
    unit = "wg-quick@wg0.service"
    assert [step.argv for step in start_steps("wg0", Live(), "mine")] == [("systemctl", "start", unit)]
    # wireguard-go died: the unit is active, and start would do nothing.
    assert [step.argv for step in start_steps("wg0", Live(unit_active=True), "mine")] == [
        ("systemctl", "restart", unit)
    ]
    assert start_steps("wg0", Live(exists=True, public_key="mine"), "mine") == ()
    taken = start_steps("wg0", Live(exists=True, public_key="other"), "mine")
    assert len(taken) == len(disruptive(taken)) == 2


def test_a_rotation_moves_each_peer_in_one_call() -> None:
    seed = Secret("s" * 40)
    mesh = topology(HOSTS)
    # On a, while b rotates.
    config = with_preshared(rotation.staged(mesh.config("a"), {"b": key("b2"), "a": key("a2")}), key("a"), seed)
    kernel = running(with_preshared(mesh.config("a"), key("a"), seed))
    (stage,) = plan(config, kernel)
    assert stage.says.startswith("peer b (next key): added, AllowedIPs none")
    kernel.run(stage)
    assert kernel.owner("10.66.0.2/32") == key("b")
    assert plan(config, kernel) == ()
    kernel.run(rotation.flip(config, "b"))
    assert kernel.owner("10.66.0.2/32") == key("b2") and key("b") not in kernel.peers
    done = rotation.flipped(config, "b")
    assert plan(done, kernel) == ()
    # The next normal run knows the new key from the registry, and finds everything as it should be.
    later = topology(HOSTS).config("a")
    later = later.with_peers(tuple(p._replace(public_key=key("b2")) if p.name == "b" else p for p in later.peers))
    assert plan(with_preshared(later, key("a"), seed), kernel) == ()


def test_a_peer_that_is_told_moves_at_once_and_can_go_back() -> None:
    seed = Secret("s" * 40)
    before = with_preshared(topology(HOSTS).config("a"), key("a"), seed)
    config = with_preshared(rotation.staged(before, {"b": key("b2")}), key("a"), seed)
    kernel = running(before)
    step = rotation.take(config, "b", "198.51.100.7:1024")
    assert seed.reveal() not in repr(step) and step.stdin == next(p.preshared for p in config.peers if p.kind == "next")
    kernel.run(step)
    # The old session still carries what the peer has sent: its key stays until the new one has shaken hands.
    assert kernel.owner("10.66.0.2/32") == key("b2") and key("b") in kernel.peers
    assert kernel.peers[key("b2")]["endpoint"] == "198.51.100.7:1024"
    kernel.run(rotation.give_back(config, "b"))
    assert plan(before, kernel) == ()
    kernel.run(rotation.take(config, "b"))
    kernel.run(rotation.settle(config, "b"))
    assert plan(rotation.flipped(config, "b"), kernel) == ()


def test_a_staged_key_never_has_the_preshared_key_of_the_old_one() -> None:
    config = with_preshared(topology(HOSTS).config("a"), key("a"), Secret("s" * 40))
    assert [peer.preshared for peer in rotation.staged(config, {"b": key("b2")}).peers if peer.kind == "next"] == [None]


def test_a_rotation_that_nobody_used_leaves_nothing() -> None:
    config = rotation.staged(topology(HOSTS).config("a"), {"b": key("b2")})
    kernel = running(config)
    kernel.run(rotation.abandon(config, "b"))
    left = rotation.abandoned(config, "b")
    assert left == topology(HOSTS).config("a")
    assert plan(left, kernel) == ()


def test_a_peer_that_was_off_completes_at_its_next_run() -> None:
    config = rotation.staged(topology(HOSTS).config("a"), {"b": key("b2")})
    kernel = running(config)
    later = topology(HOSTS).config("a")
    later = later.with_peers(tuple(p._replace(public_key=key("b2")) if p.name == "b" else p for p in later.peers))
    for step in plan(later, kernel, before=config):
        kernel.run(step)
        assert kernel.owner("10.66.0.2/32") in (key("b"), key("b2"))
    assert set(kernel.peers) == {key("b2"), key("c")}


def test_the_rotated_host_changes_preshared_keys_before_its_own() -> None:
    config = with_preshared(topology(HOSTS).config("b"), key("b2"), Secret("s" * 40))
    steps = rotation.promote(config, "/etc/wireguard/wg0.key.next")
    assert [step.argv[-2] for step in steps] == ["preshared-key", "preshared-key", "private-key"]
    assert rotation.promote(topology(HOSTS).config("b"), "F")[0].argv == ("wg", "set", "wg0", "private-key", "F")


def test_a_staged_key_is_in_the_file_and_comes_back_from_it() -> None:
    config = rotation.staged(topology(HOSTS).config("a"), {"b": key("b2")})
    filed = wanted_file(config, None)
    assert [(one.kind, one.name) for one in filed.peers] == [("managed", "b"), ("next", "b"), ("managed", "c")]
    blind = topology(HOSTS).config("a")
    blind = blind.with_peers(tuple(peer._replace(public_key="") for peer in blind.peers))
    assert [peer.public_key for peer in complete(blind, filed).config.peers] == [key("b"), key("c")]


def test_hubs_rotate_last_and_two_ends_of_a_link_never_together() -> None:
    star = topology({"hub": host(1, hub=True), "a": host(2), "z": host(3, nat=True)}, topology="hub_spoke")
    assert rotation.batches(star, ["hub", "z", "a"]) == (("a",), ("z",), ("hub",))
    assert rotation.conflicts(star, ["a", "hub", "z"]) == (("a", "hub"), ("hub", "z"))


def test_a_new_address_leaves_the_routes_that_the_kernel_takes_along() -> None:
    kernel = running(share())
    wanted = topology({**HOSTS, "a": host(9)}).config("a")
    steps = plan(wanted, kernel, before=share())
    for step in steps:
        kernel.run(step)
    assert [step.says for step in steps][-2:] == ["address 10.66.0.9/24 kept", "route 192.168.7.0/24 kept"]
    assert (kernel.addresses, kernel.routes) == (["10.66.0.9/24"], {"192.168.7.0/24"})
