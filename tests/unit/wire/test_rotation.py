"""A host's key replaced with its peers: a good run, every refusal, and either side killed after every step."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal, Shell
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import rotate_follow, rotate_lead
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate import Place
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate_follow import Follow
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate_lead import Lead
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import psk, steps
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.conf import complete, wanted_file
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import read_network
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import render
from rotating import Link, Module, World, count_files, filed_key, machine
from wire_cases import NETWORKS, host, key

# h rotates; it is dialled by a and dials b; a and b have a link of their own.
HOSTS = {"h": host(1), "a": host(2, nat=True), "b": host(3)}
PEERS = ("a", "b")
SEED = Secret("s" * 40)


class Site:
    """The three hosts with a running tunnel, and what a playbook would do with them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.next_key = ""

    def topology(self) -> Topology:
        """With the keys that the hosts' key files hold."""
        known = {}
        for name, one in self.world.hosts.items():
            known[name] = keys.shown(keys.read_secret(str(one.key_file)))
        problems = Problems()
        found = Topology(read_network({"networks": NETWORKS}, HOSTS, problems, known))
        assert not problems
        return found

    def wanted(self, name: str, topology: Topology) -> Any:
        """The host's share, with preshared keys."""
        config = complete(topology.config(name), None).config
        return psk.with_preshared(config, topology.network.member(name).public_key, SEED)

    def place(self, name: str) -> Place:
        keys.DIRECTORY = str(self.world.hosts[name].conf.parent)
        return Place(Module(self.world, name), Changes(), "wg0")  # type: ignore[arg-type]

    def keys(self, place: Place) -> keys.Keys:
        return keys.Keys(place.module, place.paths, place.changes)

    def stage(self) -> None:
        """The next key of h."""
        place = self.place("h")
        found = self.keys(place)
        found.stage()
        self.next_key = keys.shown(found.next)

    def pair(self, name: str) -> Secret:
        """The preshared key of h's next key and a peer."""
        other = keys.shown(keys.read_secret(str(self.world.hosts[name].key_file)))
        return psk.pair_key(SEED, "wg0", self.next_key, other)

    def lead(self) -> dict[str, Any]:
        place = self.place("h")
        topology = self.topology()
        found = {topology.network.member(name).public_key: self.pair(name).reveal() for name in PEERS}
        work = Lead(place, self.keys(place), {name: self.world.addresses[name] for name in PEERS}, found)
        link = Link(self.world, "h")
        return work.lead(link, lambda targets, *_: self.world.ping("h", targets), 30.0, 10.0)

    def follow(self, name: str) -> dict[str, Any]:
        place = self.place(name)
        work = Follow(place, "h", self.next_key, self.pair(name))
        return work.follow(Link(self.world, name), self.world.addresses["h"], 20.0)

    def rotate(self, followers: tuple[str, ...] = PEERS, late: dict[str, float] | None = None) -> dict[str, Any]:
        """All parts to their ends; {host: answer or error}."""
        self.stage()
        work: dict[str, Callable[[], Any]] = {"h": self.lead}
        for name in followers:
            work[name] = lambda name=name: self.follow(name)  # type: ignore[misc]
        parts = self.world.play(work, late)
        return {name: one.error or one.result for name, one in parts.items()}

    def ordinary_run(self) -> None:
        """wireguard_key and wireguard_mesh on every host: what they decide, done."""
        for name in self.world.hosts:
            place = self.place(name)
            found = self.keys(place)
            found.converge(keys.running_key(Shell(place.module), place.paths))
        topology = self.topology()
        for name, one in self.world.hosts.items():
            place = self.place(name)
            found = self.keys(place)
            config = self.wanted(name, topology)
            assert one.kernel
            planned = steps.plan_steps(
                config, one.kernel.live(), own_key=keys.shown(found.key), key_file=place.paths.key, filed=place.filed
            )
            assert not [step for step in planned if step.disruptive], f"{name}: {planned}"
            for step in planned:
                one.kernel.run(step)
            place.write(wanted_file(config, found.key))

    def settled(self) -> None:
        """Both directions work, files and kernels agree, and nothing of a rotation is left but a next key."""
        for one, other in itertools.combinations(self.world.hosts, 2):
            assert self.world.works(one, other), f"{one} - {other}"
        topology = self.topology()
        for name, one in self.world.hosts.items():
            keys.DIRECTORY = str(one.conf.parent)
            assert one.kernel
            own = keys.shown(keys.read_secret(str(one.key_file)))
            assert one.kernel.key == own == filed_key(one), name
            assert not (one.key_file.parent / "wg0.key.before").exists()
            config = self.wanted(name, topology)
            assert steps.plan_steps(config, one.kernel.live(), own_key=own, key_file="") == (), name
            assert one.conf.read_text() == render(wanted_file(config, keys.read_secret(str(one.key_file)))), name


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A tunnel that has run for a while."""
    return built(tmp_path, monkeypatch)


def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The same, for as long as the patches last."""
    world = World()
    monkeypatch.setattr(keys, "DIRECTORY", "")
    monkeypatch.setattr(keys, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.setattr(keys, "GROUP", grp.getgrgid(os.getgid()).gr_name)
    monkeypatch.setattr(keys.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(keys.os, "fsync", lambda _handle: None)
    monkeypatch.setattr(rotate_lead, "DRAFTS", str(tmp_path))
    monkeypatch.setattr(rotate_lead, "time", world)
    monkeypatch.setattr(rotate_follow, "time", world)
    for name, settings in HOSTS.items():
        world.hosts[name] = machine(tmp_path / name)
        world.addresses[name] = str(settings["address"])
        world.hosts[name].key_file.write_text(keys.generate().reveal() + "\n")
    found = Site(world)
    topology = found.topology()
    for name, one in world.hosts.items():
        config = found.wanted(name, topology)
        one.conf.write_text(render(wanted_file(config, keys.read_secret(str(one.key_file)))))
        one.kernel = one._up()
        one.active = one.enabled = True
    for one, other in itertools.combinations(HOSTS, 2):
        assert world.works(one, other)
    count_files(world, monkeypatch)
    return found


def key_of(site: Site, name: str) -> str:
    kernel = site.world.hosts[name].kernel
    assert kernel
    return kernel.key


def test_a_key_is_replaced_on_both_sides(site: Site) -> None:
    before = key_of(site, "h")
    done = site.rotate()
    assert key_of(site, "h") == site.next_key != before
    assert [one["state"] for one in done["h"]["peers"]] == ["moved", "moved"] and done["h"]["pending"] == []
    # From the switch to the first packet of the new session: margin, command, and the way there and back.
    assert all(40 <= one["took_ms"] <= 120 for one in done["h"]["peers"])
    assert all(done[name] == {"moved": True, "told": True, "public_key": site.next_key} for name in PEERS)
    site.settled()
    calls = [call for call in site.world.hosts["h"].calls if "private-key" in call]
    assert len(calls) == 1 and calls[0].count("preshared-key") == 2


def test_it_works_twice(site: Site) -> None:
    site.rotate()
    first = site.next_key
    site.rotate()
    assert key_of(site, "h") == site.next_key != first
    site.settled()


def test_a_follower_that_comes_late_is_waited_for(site: Site) -> None:
    done = site.rotate(late={"b": 3.0})
    assert [one["state"] for one in done["h"]["peers"]] == ["moved", "moved"]
    site.settled()


def test_a_peer_that_is_off_stays_pending_and_completes_later(site: Site) -> None:
    site.world.now += 1000
    site.world.cut["b"] = site.world.now + 10_000
    site.world._open("h", "a")
    for one in ("h", "a"):
        site.world.hosts[one].handshakes[key_of(site, "a" if one == "h" else "h")] = int(site.world.time())  # type: ignore[index]
    begin = site.world.now
    done = site.rotate(("a",))
    assert done["h"]["pending"] == ["b"] and done["a"]["moved"]
    assert site.world.now - begin < 15, "one that is off is not waited for"
    assert site.world.works("h", "a") and not site.world.works("h", "b")
    site.world.cut.clear()
    site.ordinary_run()
    site.settled()


def test_a_peer_that_is_up_and_does_not_follow_stops_everything(site: Site) -> None:
    before = key_of(site, "h")
    done = site.rotate(("a",))
    assert isinstance(done["h"], Refusal) and "b: up (a handshake within 180 s), but not ready" in str(done["h"])
    assert key_of(site, "h") == before and not done["a"]["moved"] and not done["a"]["told"]
    assert (site.world.hosts["h"].key_file.parent / "wg0.key.next").exists()
    site.settled()
    assert [call for one in site.world.hosts.values() for call in one.calls] == []


def test_nobody_there(site: Site) -> None:
    site.world.now += 1000
    done = site.rotate(())
    assert isinstance(done["h"], Refusal) and "none of the peers is there (a, b)" in str(done["h"])
    site.settled()


def test_a_peer_with_another_preshared_key_makes_the_host_go_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(site, "h")
    follow = site.follow

    def mistaken(name: str) -> dict[str, Any]:
        work = Follow(site.place(name), "h", site.next_key, Secret(key("wrong")))
        return work.follow(Link(site.world, name), site.world.addresses["h"], 20.0)

    monkeypatch.setattr(site, "follow", lambda name: mistaken(name) if name == "b" else follow(name))
    done = site.rotate()
    assert isinstance(done["h"], Refusal) and str(done["h"]).startswith("b: did not come along")
    assert key_of(site, "h") == before and not done["a"]["moved"] and not done["b"]["moved"]
    site.settled()


def test_a_switch_that_takes_longer_than_the_margin_costs_only_its_time(site: Site) -> None:
    site.world.slow["h"] = 0.2
    done = site.rotate()
    assert all(done[name]["moved"] for name in PEERS)
    assert all(200 <= one["took_ms"] <= 400 for one in done["h"]["peers"])
    site.settled()


def test_a_link_that_is_cut_for_a_moment_is_followed_afterwards(site: Site) -> None:
    real = rotate_lead.Lead._poke

    def cut(self: Lead, talk: Any) -> None:
        site.world.cut["b"] = site.world.now + 4
        real(self, talk)

    rotate_lead.Lead._poke = cut  # type: ignore[method-assign]
    try:
        done = site.rotate()
    finally:
        rotate_lead.Lead._poke = real  # type: ignore[method-assign]
    assert [one["state"] for one in done["h"]["peers"]] == ["moved", "moved"]
    site.settled()


def test_a_phone_of_the_host_is_named(site: Site) -> None:
    conf = site.world.hosts["h"].conf
    phone = f"\n[Peer]\n# unmanaged: phone\nPublicKey = {key('phone')}\nAllowedIPs = 10.66.0.9/32\n"
    conf.write_text(conf.read_text() + phone)
    done = site.rotate(())
    assert isinstance(done["h"], Refusal) and "phone: no host of the inventory" in str(done["h"])


@pytest.mark.parametrize("who", ["h", "a"])
@pytest.mark.parametrize("reboots", [False, True], ids=["killed", "rebooted"])
def test_killed_after_every_step_both_directions_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str, reboots: bool
) -> None:
    """Whoever dies wherever: the others end by themselves, all links work, and the next ordinary run settles all."""
    moved = set()
    for number in itertools.count(1):
        with monkeypatch.context() as patch:
            place = tmp_path / str(number)
            place.mkdir()
            site = built(place, patch)
            world = site.world
            world.kills = {who: number}
            world.at_kill = world.reboot if reboots else None
            done = site.rotate()
            if world.steps.get(who, 0) < number:
                assert number > 8, "there were hardly any steps"
                assert len(moved) == 2, "each kill ended with the same key"
                return
            assert not [one for one in done.values() if isinstance(one, AssertionError)], (number, done)
            world.now += 200
            for one, other in itertools.combinations(HOSTS, 2):
                assert world.works(one, other), f"killed after step {number}: {one} - {other}: {done}"
            moved.add(key_of(site, "h") == site.next_key)
            site.ordinary_run()
            site.settled()
