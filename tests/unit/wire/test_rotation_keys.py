"""The key files of a rotation that was cut off: they follow the key that runs, whatever is left of it."""

from __future__ import annotations

import grp
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import mesh
from ansible_collections.fediverse.mastodon.plugins.modules import wireguard_key

OLD, NEW, OTHER = keys.generate(), keys.generate(), keys.generate()
SECRETS = {"old": OLD, "new": NEW, "other": OTHER}
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/etc/wireguard, as somebody who is not root."""
    found = tmp_path / "wireguard"
    found.mkdir(mode=0o700)
    monkeypatch.setattr(keys, "DIRECTORY", str(found))
    monkeypatch.setattr(keys, "MACHINE_ID", str(tmp_path / "machine-id"))
    monkeypatch.setattr(keys, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.setattr(keys, "GROUP", grp.getgrgid(os.getgid()).gr_name)
    monkeypatch.setattr(mesh, "LOCKS", str(tmp_path))
    monkeypatch.setattr(keys.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    return found


def left(place: Path, files: dict[str, str]) -> None:
    """Files of an interrupted run."""
    for end, name in files.items():
        path = place / f"wg0.key{end}"
        path.write_text(f"{SECRETS[name].reveal()}\n")
        path.chmod(0o600)


def run(capsys: Capture, check: bool = False) -> dict[str, Any]:
    """wireguard_key, state present."""
    with patch_module_args({"_ansible_check_mode": check}), pytest.raises(SystemExit):
        wireguard_key.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize(
    ("files", "running", "after"),
    [
        pytest.param({"": "old", ".next": "new"}, "old", {"": "old", ".next": "new"}, id="staged"),
        pytest.param({"": "old", ".next": "new"}, "new", {"": "new"}, id="switched live, files not yet"),
        pytest.param({"": "old", ".next": "new", ".before": "old"}, "new", {"": "new"}, id="half promoted"),
        pytest.param({"": "new", ".before": "old"}, "new", {"": "new"}, id="promoted, not settled"),
        pytest.param({"": "new", ".before": "old"}, "old", {"": "old", ".next": "new"}, id="rebooted, old file"),
        pytest.param(
            {"": "new", ".before": "old", ".next": "new"}, "old", {"": "old", ".next": "new"}, id="half rolled back"
        ),
        pytest.param({"": "old", ".next": "new", ".before": "old"}, "old", {"": "old", ".next": "new"}, id="not begun"),
        pytest.param({"": "new", ".before": "old"}, "other", {"": "new", ".before": "old"}, id="a key of nobody"),
    ],
)
def test_the_files_follow_the_key_that_runs(
    place: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    running: str,
    after: dict[str, str],
) -> None:
    left(place, files)
    shown = keys.shown(SECRETS[running])
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *_args, **_options: (0, f"{shown}\n", ""))
    before = {path: path.read_bytes() for path in place.iterdir()}
    foreseen = run(capsys, check=True)
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    done = run(capsys)
    assert foreseen["actions"] == done["actions"]
    names = {one.reveal(): name for name, one in SECRETS.items()}
    found = {path.name[len("wg0.key") :]: names[path.read_text().strip()] for path in place.glob("wg0.key*")}
    assert found == after
    assert done["public_key"] == keys.shown(SECRETS[after[""]])
    assert run(capsys)["actions"] == []


def test_without_an_interface_its_file_counts(place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *_args, **_options: (1, "", "No such device"))
    left(place, {"": "new", ".before": "old"})
    (place / "wg0.conf").write_text(f"[Interface]\nPrivateKey = {OLD.reveal()}\n")
    assert run(capsys)["public_key"] == keys.shown(OLD)
    (place / "wg0.conf").write_text("[Interface]\nPrivateKey = what-somebody-wrote\n")
    assert run(capsys)["actions"] == []


def test_nothing_is_asked_without_a_rotation(place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *_args, **_options: pytest.fail("a command"))
    left(place, {"": "old"})
    assert run(capsys)["public_key"] == keys.shown(OLD)
