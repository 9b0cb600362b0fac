"""Derived preshared keys, the MTU from probes, and the file of public keys."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import mtu
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret, Tombstone
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.psk import hkdf, pair_key
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import is_key
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.registry import (
    Known,
    Registry,
    merge,
    read_registry,
    render,
    revoked_on,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_cases import key

SEED = Secret("0123456789abcdef0123456789abcdef")


def test_hkdf_after_rfc_5869_test_case_1() -> None:
    found = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert found.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")


def test_a_pairs_key_is_the_same_at_both_ends_and_of_no_other_pair() -> None:
    assert pair_key(SEED, "wg0", "A", "B") == pair_key(SEED, "wg0", "B", "A")
    others = [
        pair_key(SEED, "wg0", "A", "B"),
        pair_key(SEED, "wg0", "A", "C"),
        pair_key(SEED, "wg1", "A", "B"),
        pair_key(SEED, "wg0", "A", "B", epoch=1),
        pair_key(Secret(SEED.reveal() + "x"), "wg0", "A", "B"),
    ]
    assert len(set(others)) == len(others)
    assert all(is_key(one.reveal()) for one in others)


@pytest.mark.parametrize(("seed", "one"), [(Secret("short"), "A"), (SEED, "")])
def test_no_key_from_nothing(seed: Secret, one: str) -> None:
    with pytest.raises(ValueError, match=r"needs (32 or more|the public keys)") as caught:
        pair_key(seed, "wg0", one, "B")
    assert "short" not in str(caught.value)


def probe(carries: int, high: int) -> dict[int, bool]:
    """Probes over a path that carries so many bytes inside the tunnel, as WireGuard pads them."""
    results: dict[int, bool] = {}
    while size := mtu.next_probe(results, high):
        assert size not in results
        results[size] = min(high, math.ceil(size / mtu.PADDING) * mtu.PADDING) <= carries
    return results


@settings(max_examples=200)
@given(st.integers(1200, 1500), st.integers(1280, 1420))
def test_probes_find_what_passes_in_few_steps(carries: int, high: int) -> None:
    results = probe(carries, high)
    assert len(results) <= 6
    decision = mtu.decide("a", {"b": results}, high)
    assert mtu.LOWEST <= decision.mtu <= high
    if carries >= high:
        assert decision == mtu.Decision(high, high)
    elif carries >= mtu.LOWEST:
        # It passes, and nothing that is a whole step larger does.
        assert decision.mtu <= carries < decision.mtu + 2 * mtu.PADDING
        assert f"mtu reduced to {decision.mtu} on a" in decision.says and "to b" in decision.says
    else:
        assert decision.path == 0 and "not even 1280 bytes pass from a to b" in decision.says


def test_where_probing_begins() -> None:
    assert mtu.candidate([]) == 1420
    assert mtu.candidate([1500, 9000]) == 1420
    assert mtu.candidate([1500, 1400]) == 1320
    assert mtu.candidate([576]) == 1280
    assert mtu.candidate([1400], declared=1400) == 1400


def test_the_narrowest_path_decides_and_each_direction_counts() -> None:
    wide, narrow = {1420: True}, mtu.both_ways({1420: True}, {1420: False, 1280: True, 1344: True})
    assert narrow == {1420: False, 1280: True, 1344: True}
    assert mtu.decide("a", {"b": wide, "c": narrow}, 1420).mtu == 1344
    assert mtu.decide("a", {"b": {}}, 1420, nat_untested=True) == mtu.Decision(
        1280, says="a is behind NAT and its path could not be tested: MTU 1280"
    )
    assert mtu.decide("a", {}, 1420) == mtu.Decision(1420)
    assert (mtu.payload(1420, 4), mtu.payload(1420, 6)) == (1392, 1372)


def known(*names: str) -> dict[str, Known]:
    """Hosts with keys."""
    return {name: Known(key(name)) for name in names}


def read(text: str) -> tuple[Registry, list[str]]:
    """A registry file, as Ansible loads it."""
    problems = Problems()
    found = read_registry(yaml.safe_load(text), problems)
    return found, [str(one) for one in problems.all()]


def test_the_file_says_what_it_was_made_of() -> None:
    hosts = {"a": Known(key("a"), key("a2"), "1f"), "b": Known(key("b")), "yes": Known(key("c"))}
    registry = Registry(hosts, (Tombstone("gone", (key("g"),), ("a", "b")),))
    assert read(render(registry)) == (registry, [])
    assert read(render(Registry())) == (Registry(), [])
    assert registry.next_keys() == {"a": key("a2")}
    assert registry.machines() == {"a": "1f"}
    assert registry.public_keys()["yes"] == key("c")


def test_no_file_yet_and_a_broken_one() -> None:
    assert read("") == (Registry(), [])
    assert "restore it from version control" in read("text")[1][0]
    found, problems = read(f"wireguard_public_keys: {{a: {{public_key: x}}, b: {{public_key: '{key('b')}'}}}}")
    assert list(found.hosts) == ["b"] and len(problems) == 1 and "host a" in problems[0]


def test_a_limited_run_forgets_nobody() -> None:
    registry = Registry(known("a", "b", "c"))
    after = merge(registry, {"b": Known(key("new"))}, ["a", "b", "c", "d"])
    assert after.public_keys() == {"a": key("a"), "b": key("new"), "c": key("c")}
    assert after.removed == ()


def test_a_host_that_left_is_revoked_until_everybody_heard() -> None:
    gone = merge(Registry({**known("a", "b"), "c": Known(key("c"), key("c2"))}), {}, ["a", "b"])
    assert gone.removed == (Tombstone("c", tuple(sorted((key("c"), key("c2")))), ("a", "b")),)
    half = revoked_on(gone, ["a"])
    assert half.removed[0].pending == ("b",)
    assert merge(half, known("a", "b"), ["a", "b"]) == half
    assert revoked_on(half, ["b"]).removed == ()
    # A host that leaves as well cannot be waited for.
    later = merge(half, {}, ["a"])
    assert {one.name: one.pending for one in later.removed} == {"b": ("a",), "c": ()}


def test_a_host_that_came_back_with_a_new_key_leaves_its_old_one_dead() -> None:
    gone = merge(Registry(known("a", "c")), {}, ["a"])
    back = merge(gone, {"c": Known(key("c3"))}, ["a", "c"])
    assert back.public_keys()["c"] == key("c3")
    assert back.removed == gone.removed


def test_merging_again_changes_nothing() -> None:
    registry = Registry(known("a", "b", "c"), (Tombstone("x", (key("x"),), ("a",)),))
    once = merge(registry, known("a"), ["a", "b"])
    assert merge(once, known("a"), ["a", "b"]) == once
    assert render(once) == render(replace(once))
