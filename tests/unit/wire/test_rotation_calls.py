"""The calls of a rotation against a kernel that obeys `wg`, and the files of both sides."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import rotation
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import complete, wanted_file
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import HostConfig, Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.psk import with_preshared
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.steps import plan_steps
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import NEXT, Block, parse, render
from wire_cases import Kernel, host, key, topology

HOSTS = {"a": host(1), "b": host(2), "c": host(3, routed_networks=["192.168.7.0/24"])}
SEED = Secret("s" * 40)
LEARNED = "198.51.100.7:1024"


def share(new_key_of_b: bool = False) -> HostConfig:
    """Host a's share, with preshared keys, before or after b rotated."""
    config = topology(HOSTS).config("a")
    if new_key_of_b:
        changed = (one._replace(public_key=key("b2")) if one.name == "b" else one for one in config.peers)
        config = config.with_peers(tuple(changed))
    return with_preshared(config, key("a"), SEED)


def running(config: HostConfig) -> Kernel:
    kernel = Kernel({"K": "mine"})
    for step in plan_steps(config, kernel.live(), own_key="mine", key_file="K"):
        kernel.run(step)
    return kernel


def left(config: HostConfig, kernel: Kernel) -> list[str]:
    """What an ordinary run would still do."""
    steps = plan_steps(config, kernel.live(), own_key="mine", key_file="K", filed=wanted_file(config, None))
    return [step.says for step in steps]


def two_keys() -> HostConfig:
    preshared = next(one.preshared for one in share(True).peers if one.name == "b")
    return rotation.moving(wanted_file(share(), None), "wg0", "b", key("b2"), preshared)


def test_a_peer_moves_at_once_and_settles() -> None:
    kernel, config = running(share()), two_keys()
    step = rotation.take(config, "b", LEARNED)
    assert step.stdin == config.peers[1].preshared and SEED.reveal() not in repr(step)
    kernel.run(step)
    # The old session still carries what the peer has sent: its key stays until the new one has shaken hands.
    assert kernel.owner("10.66.0.2/32") == key("b2") and key("b") in kernel.peers
    assert kernel.peers[key("b2")]["endpoint"] == LEARNED
    kernel.run(rotation.settle(config, "b"))
    assert left(share(True), kernel) == []


def test_a_peer_goes_back() -> None:
    kernel, config = running(share()), two_keys()
    kernel.run(rotation.take(config, "b"))
    kernel.run(rotation.give_back(config, "b"))
    assert left(share(), kernel) == []


def test_the_addresses_follow_the_key_that_shakes_hands() -> None:
    kernel, config = running(share()), two_keys()
    kernel.run(rotation.take(config, "b"))
    for name in ("b", "b2", "b"):
        kernel.run(rotation.lend(config, "b", key(name)))
        assert kernel.owner("10.66.0.2/32") == key(name) and {key("b"), key("b2")} <= set(kernel.peers)
    with pytest.raises(ValueError, match="is no key of b"):
        rotation.lend(config, "b", key("c"))


def test_a_peer_that_dials_again_is_made_anew_with_everything() -> None:
    kernel, config = running(share()), two_keys()
    kernel.run(rotation.take(config, "b", LEARNED))
    before = dict(kernel.peers[key("b2")])
    kernel.peers[key("b2")]["tried"] = True
    kernel.run(rotation.redial(config, "b", LEARNED))
    assert kernel.peers[key("b2")] == before and kernel.owner("10.66.0.2/32") == key("b2")


def test_the_host_switches_key_and_preshared_keys_in_one_call(tmp_path: Path) -> None:
    kernel = running(share())
    secret = tmp_path / "0"
    secret.write_text(f"{key('psk')}\n")
    step = rotation.switch("wg0", "/run/key", {key("c"): "/dev/null", key("b"): str(secret)})
    kernel.key_of_file = {"/run/key": "next"}
    kernel.run(step)
    assert kernel.key == "next"
    assert kernel.peers[key("b")]["psk"] == Secret(key("psk")) and kernel.peers[key("c")]["psk"] is None
    assert rotation.switch("wg0", "F", {}).argv == ("wg", "set", "wg0", "private-key", "F")


def test_the_file_of_a_peer_is_that_of_an_ordinary_run() -> None:
    before, after = wanted_file(share(), Secret(key("own"))), wanted_file(share(True), Secret(key("own")))
    preshared = two_keys().peers[1].preshared
    assert rotation.moved_file(before, "b", key("b2"), preshared) == after
    old = rotation.block_of(before, "b")
    assert old and rotation.moved_file(after, "b", key("b"), old.preshared) == before


def test_the_file_of_the_host_gets_its_key_and_leaves_what_nobody_named() -> None:
    before = wanted_file(share(), Secret(key("own")))
    after = rotation.own_file(before, Secret(key("other")), {key("b"): Secret(key("psk"))})
    assert after.private_key == Secret(key("other"))
    assert [one.preshared == other.preshared for one, other in zip(before.peers, after.peers)] == [False, True]


def test_a_next_key_that_a_file_still_has_is_dropped_by_the_next_run() -> None:
    file = wanted_file(share(), None)
    staged = Block(key("b2"), (), "192.0.2.2:51820", 25, None, "b", NEXT)
    file = parse(render(rotation.moved_file(file, "c", key("c"), None)) + render(type(file)(peers=(staged,))))
    assert [one.kind for one in file.peers].count(NEXT) == 1
    blind = share().with_peers(tuple(one._replace(public_key="") for one in share().peers))
    assert [one.public_key for one in complete(blind, file).config.peers] == [key("b"), key("c")]


def test_a_peer_that_was_off_completes_in_its_next_run_and_nobody_loses_its_address() -> None:
    kernel = running(share())
    for step in plan_steps(share(True), kernel.live(), own_key="mine", key_file="K"):
        kernel.run(step)
        assert kernel.owner("10.66.0.2/32") in (key("b"), key("b2"))
    assert set(kernel.peers) == {key("b2"), key("c")}


def test_hubs_rotate_last_and_one_host_at_a_time() -> None:
    star = topology({"hub": host(1, hub=True), "a": host(2), "z": host(3, nat=True)}, topology="hub_spoke")
    assert rotation.batches(star, ["hub", "z", "a"]) == (("a",), ("z",), ("hub",))
