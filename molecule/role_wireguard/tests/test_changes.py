"""Hosts that come, runs that see one host only, rotation: under 500 packets/s each way of UDP and TCP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tunnel.mesh import ROOT, Mesh
from tests.tunnel.traffic import Streams, streams

STAY = [("main", "db"), ("main", "home1")]


def say(capsys: pytest.CaptureFixture[str], what: str, told: Streams, seconds: float) -> None:
    """The figures, whatever the verdict."""
    with capsys.disabled():
        print(f"\n{what}, {seconds:.1f} s: {told}")


def test_a_fourth_host_joins_and_nobody_loses_a_packet(
    net: Mesh, once: None, repaired: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three = net.without("home2", tmp_path / "three")
    gone = net.key("home2")
    net.good(inventory=three)
    assert all(gone not in net.peers(name) for name in ("main", "db", "home1"))
    # As if it were new: without key, file and tunnel.
    net.hosts["home2"].check_output("systemctl disable --now wg-quick@wg0; rm -r /etc/wireguard")
    born = {name: told for name, told in net.born().items() if name != "home2"}
    with streams(net.hosts, net.addresses, STAY) as told:
        done = net.good()
    say(capsys, "a fourth host joins", told, done.seconds)
    assert told.lost == {}
    assert {name: net.born()[name] for name in born} == born
    assert net.key("home2") != gone
    assert net.silent(tries=2) == []


def test_a_run_of_one_host_drops_nobody(net: Mesh, once: None) -> None:
    """With an empty cache of facts, with the registry of public keys and without."""
    before = {name: net.peers(name) for name in net.hosts}
    states = net.states()
    done = net.good("--limit", "home1")
    assert (done.actions, done.changed) == ({}, {"home1": 0})
    registry = Path(net.variables["home1"]["wireguard_registry_file"])
    kept = registry.read_bytes()
    registry.unlink()
    try:
        done = net.good("--limit", "home1")
        assert done.actions == {}
    finally:
        registry.write_bytes(kept)
    assert {name: net.peers(name) for name in net.hosts} == before
    assert net.states() == states


def test_a_run_of_a_new_host_tells_its_neighbours(net: Mesh, once: None, repaired: None) -> None:
    """Made anew, and visited alone: the others hear of its key, one of them is off and does so later."""
    net.hosts["home1"].check_output("systemctl disable --now wg-quick@wg0; rm -r /etc/wireguard")
    old = {name: net.peers(name) for name in ("main", "db")}
    net.fault("pause", "db")
    try:
        done = net.good("--limit", "home1")
    finally:
        net.fault("resume", "db")
    assert net.key("home1") in net.peers("main")
    assert "db" in done.words
    assert net.peers("db") == old["db"]
    done = net.good("--limit", "db")
    assert done.returncode == 0
    assert net.key("home1") in net.peers("db")


ROTATE = ROOT / "playbooks" / "rotate_tunnel_keys.yml"


@pytest.mark.parametrize("name", ["home1", "main"])
def test_a_key_is_replaced_and_nobody_loses_a_packet(
    net: Mesh, once: None, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = net.key(name)
    with streams(net.hosts, net.addresses, [("main", "home1"), ("main", "home2")]) as told:
        done = net.good("-e", f"host={name}", playbook=ROTATE)
    say(capsys, f"another key for {name}", told, done.seconds)
    assert told.lost == {}
    assert net.key(name) != before
    assert all(before not in net.peers(other) for other in net.hosts if other != name)
    assert net.silent(tries=2) == []
    assert net.good().actions == {}


def test_other_preshared_keys_and_nobody_loses_a_packet(
    net: Mesh, once: None, restored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with streams(net.hosts, net.addresses, STAY) as told:
        done = net.good(wireguard_preshared_epoch=1)
    say(capsys, "another epoch of preshared keys", told, done.seconds)
    assert told.lost == {}
    assert set(done.actions) == set(net.hosts)


def test_the_second_run_does_nothing_soon(net: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    done = net.good()
    with capsys.disabled():
        print(f"\na second run of four hosts: {done.seconds:.1f} s of ansible-playbook")
    assert done.actions == {}
    assert set(done.changed.values()) == {0}


def test_the_role_without_a_plan_makes_the_same_tunnel(net: Mesh, once: None, restored: None) -> None:
    """Only the plan knows the units that use it: the unit's drop-in is another."""
    before = net.states()
    done = net.good(playbook=Path(__file__).parent / "alone.yml", wireguard_preshared_seed=net.seed)
    assert done.actions == {}
    assert net.states() == before


def test_a_tunnel_of_somebody_else_is_read_and_proven(net: Mesh, once: None) -> None:
    """Nothing of it is managed; a link that fails is named with both ends."""
    here = Path(__file__).parent / "existing.yml"
    somebody: dict[str, Any] = {"mastodon_network": "existing", "mastodon_network_interface": "wg0"}
    before = net.states()
    done = net.good(playbook=here, **somebody)
    assert set(done.changed.values()) == {0}
    assert "existing on wg0" in done.words
    net.hosts["home1"].check_output("ip link set wg0 down")
    broken = net.states()
    try:
        done = net.run(playbook=here, **somebody)
        assert net.states() == broken
    finally:
        net.hosts["home1"].check_output("ip link set wg0 up")
        repaired = net.good()
    assert done.returncode != 0 and "home1" in done.words
    assert set(repaired.actions) <= {"home1"}
    assert net.states() == before
