"""The module wireguard_key, run for real on files: keys are made, replaced in steps, and never shown."""

from __future__ import annotations

import grp
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.x25519 import public_key
from ansible_collections.fediverse.mastodon.plugins.modules import wireguard_key

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/etc/wireguard and a machine id, as somebody who is not root."""
    monkeypatch.setattr(keys, "DIRECTORY", str(tmp_path / "wireguard"))
    monkeypatch.setattr(keys, "MACHINE_ID", str(tmp_path / "machine-id"))
    monkeypatch.setattr(keys, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.setattr(keys, "GROUP", grp.getgrgid(os.getgid()).gr_name)
    (tmp_path / "machine-id").write_text("0123456789abcdef\n")
    return tmp_path / "wireguard"


def run(capsys: Capture, place: Path, state: str = "present", *, check: bool = False, **params: Any) -> dict[str, Any]:
    """One call. No private key is in its answer."""
    given = {"state": state, **params, "_ansible_check_mode": check, "_ansible_diff": True}
    before = secrets_in(place)
    with patch_module_args(given), pytest.raises(SystemExit):
        wireguard_key.main()
    text = capsys.readouterr().out
    assert not [secret for secret in before | secrets_in(place) if secret in text]
    assert "0123456789abcdef" not in text
    answer: dict[str, Any] = json.loads(text)
    return answer


def secrets_in(place: Path) -> set[str]:
    """Every private key that lies there."""
    return {path.read_text().strip() for path in place.glob("wg0.key*") if not path.name.endswith(".machine")}


def both(capsys: Capture, place: Path, state: str) -> dict[str, Any]:
    """Check mode writes nothing and says what the run does; a second run does nothing."""
    files = {path: path.read_bytes() for path in place.glob("*")}
    foreseen = run(capsys, place, state, check=True)
    assert {path: path.read_bytes() for path in place.glob("*")} == files
    done = run(capsys, place, state)
    assert foreseen["actions"] == done["actions"] and foreseen["changed"] == done["changed"]
    again = run(capsys, place, state)
    assert again["actions"] == [] and not again["changed"]
    return done


def test_a_key_is_made_once_for_root_alone(place: Path, capsys: Capture) -> None:
    done = both(capsys, place, "present")
    assert done["created"] and done["changed"]
    text = (place / "wg0.key").read_text()
    assert done["public_key"] == public_key(Secret(text))
    assert place.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}
    assert (place / "wg0.key.machine").read_text().strip() == done["machine"]
    assert not run(capsys, place)["created"]


def test_two_keys_differ() -> None:
    assert keys.generate() != keys.generate()


def test_check_mode_knows_no_key_that_is_not_made(place: Path, capsys: Capture) -> None:
    answer = run(capsys, place, check=True)
    assert answer["created"] and answer["public_key"] == "" and not place.exists()


def test_rights_that_were_opened_are_closed(place: Path, capsys: Capture) -> None:
    run(capsys, place)
    (place / "wg0.key").chmod(0o644)
    assert both(capsys, place, "present")["actions"] == [f"write {place}/wg0.key"]
    assert (place / "wg0.key").stat().st_mode & 0o777 == 0o600


def test_the_key_of_a_file_is_taken_over(place: Path, capsys: Capture) -> None:
    place.mkdir(mode=0o700)
    secret = keys.generate()
    (place / "wg0.conf").write_text(f"[Interface]\nPrivateKey = {secret.reveal()}\nListenPort = 51820\n")
    done = both(capsys, place, "present")
    assert done["public_key"] == public_key(secret) and not done["created"]
    assert done["actions"][0] == f"take the key of {place}/wg0.conf over into {place}/wg0.key"


def test_a_copied_machine_is_refused(place: Path, capsys: Capture, tmp_path: Path) -> None:
    before = run(capsys, place)["public_key"]
    (tmp_path / "machine-id").write_text("fedcba9876543210\n")
    refused = run(capsys, place)
    assert refused["failed"] and "a copy of that one's image" in refused["msg"]
    assert run(capsys, place, fingerprint_host=False)["public_key"] == before
    (place / "wg0.key").unlink()
    assert run(capsys, place)["public_key"] not in ("", before)


def test_a_machine_without_an_id_has_no_fingerprint(place: Path, capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "machine-id").unlink()
    assert run(capsys, place)["machine"] == "" and not (place / "wg0.key.machine").exists()


def test_a_rotation(place: Path, capsys: Capture) -> None:
    old = run(capsys, place)["public_key"]
    staged = both(capsys, place, "next")
    new = staged["next_public_key"]
    assert staged["public_key"] == old and new not in ("", old)
    done = both(capsys, place, "promoted")
    assert (done["public_key"], done["previous_public_key"], done["next_public_key"]) == (new, old, "")
    refused = run(capsys, place, "next")
    assert refused["failed"] and "the last rotation is not finished" in refused["msg"]
    back = both(capsys, place, "rolled_back")
    assert (back["public_key"], back["previous_public_key"], back["next_public_key"]) == (old, "", new)
    both(capsys, place, "promoted")
    settled = both(capsys, place, "settled")
    assert (settled["public_key"], settled["previous_public_key"]) == (new, "")
    assert sorted(path.name for path in place.iterdir()) == ["wg0.key", "wg0.key.machine"]


def test_a_switch_that_was_killed_is_finished_or_undone(place: Path, capsys: Capture) -> None:
    old = run(capsys, place)["public_key"]
    new = run(capsys, place, "next")["next_public_key"]
    (place / "wg0.key.before").write_bytes((place / "wg0.key").read_bytes())
    assert "not in use yet" in run(capsys, place, "settled")["msg"]
    undone = both(capsys, place, "rolled_back")
    assert (undone["public_key"], undone["next_public_key"], undone["previous_public_key"]) == (old, new, "")
    (place / "wg0.key.before").write_bytes((place / "wg0.key").read_bytes())
    assert both(capsys, place, "promoted")["public_key"] == new


@pytest.mark.parametrize("state", ["next", "promoted", "rolled_back", "settled"])
def test_without_a_key_there_is_nothing_to_rotate(place: Path, capsys: Capture, state: str) -> None:
    assert "make it with state present" in run(capsys, place, state)["msg"]


def test_nothing_is_promoted_without_a_next_key(place: Path, capsys: Capture) -> None:
    run(capsys, place)
    assert "make it with state next" in run(capsys, place, "promoted")["msg"]


def test_a_file_that_holds_no_key_is_refused_unseen(place: Path, capsys: Capture) -> None:
    run(capsys, place)
    (place / "wg0.key").write_text("what-somebody-wrote\n")
    refused = run(capsys, place)
    assert "holds no private key" in refused["msg"]
    (place / "wg0.key").unlink()
    (place / "wg0.conf").write_text("[Interface]\nPrivateKey = what-somebody-wrote\n")
    refused = run(capsys, place)
    assert "has a PrivateKey that is no key" in refused["msg"] and "what-somebody-wrote" not in refused["msg"]


def test_absent_drops_all_but_a_key_in_use(place: Path, capsys: Capture) -> None:
    run(capsys, place)
    run(capsys, place, "next")
    (place / "wg0.conf").write_text("[Interface]\n")
    assert "remove the tunnel first" in run(capsys, place, "absent")["msg"]
    (place / "wg0.conf").unlink()
    done = both(capsys, place, "absent")
    assert list(place.iterdir()) == [] and done["public_key"] == ""


def test_an_interface_needs_a_proper_name(place: Path, capsys: Capture) -> None:
    assert "no name for an interface" in run(capsys, place, interface="../wg0")["msg"]
