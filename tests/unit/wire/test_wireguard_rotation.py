"""The module wireguard_rotation: its arguments, check mode against the run, its socket; and the table of a playbook."""

from __future__ import annotations

import grp
import json
import os
import pwd
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.filter.wireguard_rotation import order, report
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import mesh, rotate, rotate_lead
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel.rotate import Link
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.checks import short
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.rotation_course import (
    DONE,
    HELLO,
    MOVED,
    READY,
    TAKEN,
    USE,
    WILL,
    Told,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import Block, WgFile, parse, render
from ansible_collections.fediverse.mastodon.plugins.modules import wireguard_rotation
from rotating import EPOCH, machine
from tunnel_host import TunnelHost
from wire_cases import host, key

RUN = "Vm3hY2kQ7d"
PSK = key("preshared")
OLD, NEXT, OTHER = keys.generate(), keys.generate(), key("b")
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TunnelHost:
    """Host a with a tunnel to b."""
    found = machine(tmp_path / "wireguard")
    monkeypatch.setattr(keys, "DIRECTORY", str(found.conf.parent))
    monkeypatch.setattr(keys, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.setattr(keys, "GROUP", grp.getgrgid(os.getgid()).gr_name)
    monkeypatch.setattr(mesh, "LOCKS", str(tmp_path))
    found.key_file.write_text(OLD.reveal() + "\n")
    found.key_file.with_name("wg0.key.next").write_text(NEXT.reveal() + "\n")
    block = Block(OTHER, ("10.66.0.2/32",), "192.0.2.2:51820", 25, None, "b", "managed")
    file = WgFile(True, "a", ("10.66.0.1/24",), OLD, 51_820, 1420, (block,))
    found.conf.write_text(render(file))
    found.conf.chmod(0o600)
    found.kernel = found._up()
    found.handshakes = {OTHER: EPOCH}
    monkeypatch.setattr(
        basic.AnsibleModule, "run_command", lambda module, args, **options: found.run_command(module, args, **options)
    )
    return found


@pytest.fixture
def call(place: TunnelHost, capsys: pytest.CaptureFixture[str]) -> Call:
    """One call. No secret is in its answer."""

    def run(*, check: bool = False, **params: Any) -> dict[str, Any]:
        given = {"run": RUN, **params, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(given), pytest.raises(SystemExit):
            wireguard_rotation.main()
        text = capsys.readouterr().out
        assert not [one for one in (OLD.reveal(), NEXT.reveal(), PSK) if one in text]
        answer: dict[str, Any] = json.loads(text)
        return answer

    return run


class Partner:
    """The other side, without a tunnel: it says what it is told to say."""

    def __init__(self, answers: Callable[[Told], Told | None], first: list[Told] | None = None) -> None:
        self.answers, self.waiting, self.heard = answers, list(first or []), list[Told]()

    def __call__(self, *_: Any) -> Partner:
        return self

    def send(self, _where: str, told: Told) -> None:
        self.heard.append(told)
        answer = self.answers(told)
        if answer:
            self.waiting.append(answer)

    def receive(self, _wait: float) -> tuple[str, Told] | None:
        return ("10.66.0.2", self.waiting.pop(0)) if self.waiting else None

    def close(self) -> None:
        self.closed = True


def follower(told: Told) -> Told | None:
    """A peer that does everything right."""
    if told.word == USE:
        return Told(WILL, told.number)
    if told.word == HELLO:
        return Told(READY, told.number) if told.number else Told(TAKEN, 1, keys.shown(NEXT))
    return Told("bye", told.number, told.key) if told.word == DONE else None


def test_the_lead_in_check_mode_and_for_real(
    place: TunnelHost, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rotate_lead, "DRAFTS", str(tmp_path))
    partner = Partner(follower)
    monkeypatch.setattr(wireguard_rotation, "Link", partner)
    given = {"state": "lead", "peers": {"b": "10.66.0.2"}, "preshared_keys": {OTHER: PSK}}
    text = place.conf.read_text()
    foreseen = call(check=True, **given)
    assert place.calls == [] and place.conf.read_text() == text and partner.heard == []
    done = call(**given)
    assert foreseen["actions"] == done["actions"] and foreseen["diff"] == done["diff"] and done["changed"]
    new = keys.shown(NEXT)
    assert done["public_key"] == new and done["previous_public_key"] == keys.shown(OLD) and done["pending"] == []
    assert place.kernel and place.kernel.key == new and place.kernel.peers[OTHER]["psk"] == Secret(PSK)
    file = parse(place.conf.read_text())
    assert file.private_key == NEXT and file.peers[0].preshared == Secret(PSK)
    assert sorted(path.name for path in place.conf.parent.iterdir()) == ["wg0.conf", "wg0.key"]
    assert not list(tmp_path.glob("fediverse-wireguard-*/"))
    assert "there is no next key" in call(**given)["msg"]


def test_a_follower_in_check_mode_and_for_real(place: TunnelHost, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    new = key("next of b")

    def lead(told: Told) -> Told | None:
        if told.word == MOVED:
            assert place.handshakes is not None
            place.handshakes[new] = EPOCH + 1
        return Told(DONE, 1, new) if told.word == TAKEN else None

    partner = Partner(lead, [Told(HELLO, 1), Told(USE, 1, new, 0, 5)])
    monkeypatch.setattr(wireguard_rotation, "Link", partner)
    given = {"state": "follow", "peer": "b", "peer_address": "10.66.0.2", "next_key": new, "preshared_key": PSK}
    text = place.conf.read_text()
    foreseen = call(check=True, **given)
    assert place.calls == [] and place.conf.read_text() == text
    done = call(**given, timeout=5)
    assert foreseen["actions"] == done["actions"] and foreseen["diff"] == done["diff"]
    assert done["moved"] and done["told"] and done["public_key"] == new
    assert place.kernel and set(place.kernel.peers) == {new}
    assert place.kernel.peers[new] == {
        **{"allowed": {"10.66.0.2/32"}, "endpoint": "192.0.2.2:51820", "keepalive": 25},
        "psk": Secret(PSK),
    }
    block = parse(place.conf.read_text()).peers[0]
    assert (block.public_key, block.preshared, block.name) == (new, Secret(PSK), "b")
    assert [one.word for one in partner.heard][:2] == [READY, WILL]


def test_a_follower_that_hears_nothing_stays(place: TunnelHost, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wireguard_rotation, "Link", Partner(lambda _told: None))
    text = place.conf.read_text()
    done = call(state="follow", peer="b", peer_address="10.66.0.2", next_key=key("next of b"), timeout=0)
    assert not done["moved"] and not done["told"] and not done["changed"] and done["public_key"] == OTHER
    assert place.conf.read_text() == text and place.calls == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"state": "lead", "peers": {"b": "10.66.0.2"}, "run": "a b"}, "8 to 64 letters and digits"),
        ({"state": "lead", "peers": {"b": "10.66.0.2"}, "interface": "a/b"}, "is no name for an interface"),
        ({"state": "lead", "peers": {"b": "10.66.0.2"}, "preshared_keys": {OTHER: "x"}}, "is no key"),
        ({"state": "lead", "peers": {"c": "10.66.0.3"}}, "c has no block here"),
        ({"state": "lead", "peers": {}}, "b: a peer here that nobody named"),
        ({"state": "follow", "peer": "b", "peer_address": "10.66.0.2"}, "next_key"),
        ({"state": "follow", "peer": "c", "peer_address": "10.66.0.3", "next_key": OTHER}, "has no block for c"),
        ({"state": "follow", "peer": "b", "peer_address": "10.66.0.2", "next_key": OTHER}, "is its key here already"),
    ],
)
def test_what_does_not_fit_changes_nothing(place: TunnelHost, call: Call, params: dict[str, Any], said: str) -> None:
    text = place.conf.read_text()
    refused = call(**params)
    assert refused["failed"] and said in refused["msg"]
    assert place.calls == [] and place.conf.read_text() == text


def test_a_tunnel_that_is_not_as_its_file_says_is_refused(place: TunnelHost, call: Call) -> None:
    assert place.kernel
    lead = {"state": "lead", "peers": {"b": "10.66.0.2"}}
    follow = {"state": "follow", "peer": "b", "peer_address": "10.66.0.2", "next_key": key("next")}
    place.kernel.peers[OTHER]["allowed"] = set()
    assert "b does not run as" in call(**follow)["msg"]
    place.kernel.key = key("stranger")
    assert "run the play for this host first" in call(**lead)["msg"]
    place.kernel = None
    assert "wg0 does not run" in call(**lead)["msg"] and "wg0 does not run" in call(**follow)["msg"]
    place.conf.write_text("[Interface]\n")
    assert "is not ours" in call(**lead)["msg"]


def test_one_run_at_a_time(place: TunnelHost, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate, "LOCK_PATIENCE", 0.0)
    with mesh.locked("wg0", False):
        assert "another run still works on wg0" in call(state="lead", peers={"b": "10.66.0.2"})["msg"]


def test_datagrams_go_by_their_interface_and_keep_other_runs_out() -> None:
    one, other = Link("lo", "127.0.0.1", 47_121, RUN), Link("lo", "127.0.0.2", 47_121, RUN)
    stranger = Link("lo", "127.0.0.3", 47_121, "AnotherRun")
    try:
        stranger.send("127.0.0.2", Told(DONE, 9, "x"))
        one.send("127.0.0.2", Told(HELLO, 4))
        assert other.receive(2.0) == ("127.0.0.1", Told(HELLO, 4))
        assert other.receive(0.05) is None
        threading.Timer(0.05, lambda: other.send("127.0.0.1", Told(READY, 4))).start()
        assert one.receive(2.0) == ("127.0.0.2", Told(READY, 4))
        with pytest.raises(Refusal, match="set another wireguard_rotation_port"):
            Link("lo", "127.0.0.1", 47_121, RUN)
    finally:
        for link in (one, other, stranger):
            link.close()


HOSTS = {"hub": host(1, hub=True), "b": host(2), "a": host(3, nat=True)}
SETTINGS = {"networks": ["10.66.0.0/24"], "topology": "hub_spoke"}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [("all", ["a", "b", "hub"]), ("hub, a", ["a", "hub"]), (["b", "b"], ["b"]), ("hub", ["hub"])],
)
def test_the_order_ends_with_the_hubs(wanted: Any, names: list[str]) -> None:
    assert order(SETTINGS, HOSTS, wanted) == names


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="hbu is no host of the tunnel: write one of a, b, hub"):
        order(SETTINGS, HOSTS, "hbu")
    with pytest.raises(ValueError, match="no host is named"):
        order(SETTINGS, HOSTS, " , ")


def test_the_table_names_who_was_off_and_who_kept_its_key() -> None:
    answer = {
        **{"public_key": key("new"), "previous_public_key": key("old"), "pending": ["cellar"], "notes": ["mind b"]},
        "peers": [
            {"name": "b", "state": "moved", "rtt_ms": 20.0, "took_ms": 92},
            {"name": "cellar", "state": "pending", "rtt_ms": None, "took_ms": None},
        ],
    }
    lines = report({"hub": {"__wireguard_rotation": answer}, "a": {}}, ["a", "hub"])
    assert lines[1].split() == ["a", "not", "replaced"]
    assert lines[2].split() == ["hub", short(key("old")), "->", short(key("new")), "1", "92", "ms", "cellar"]
    assert lines[3:] == ["hub: mind b"]
    with pytest.raises(AnsibleFilterError, match="'x' is no host"):
        report({}, ["x"])
