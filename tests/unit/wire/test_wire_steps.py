"""From what runs to what is wanted: the calls one by one, and drift."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import wanted_file
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


def test_a_new_address_leaves_the_routes_that_the_kernel_takes_along() -> None:
    kernel = running(share())
    wanted = topology({**HOSTS, "a": host(9)}).config("a")
    steps = plan(wanted, kernel, before=share())
    for step in steps:
        kernel.run(step)
    assert [step.says for step in steps][-2:] == ["address 10.66.0.9/24 kept", "route 192.168.7.0/24 kept"]
    assert (kernel.addresses, kernel.routes) == (["10.66.0.9/24"], {"192.168.7.0/24"})
