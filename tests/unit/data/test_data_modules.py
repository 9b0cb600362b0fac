"""The modules that only touch files, run for real: check mode says what a run does, and a second run does nothing."""

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
from ansible_collections.fediverse.mastodon.plugins.modules import host_files as host_files
from ansible_collections.fediverse.mastodon.plugins.modules import postgres_version as postgres_version
from ansible_collections.fediverse.mastodon.plugins.modules import sysctl_raise as sysctl_raise
from ansible_collections.fediverse.mastodon.plugins.modules import trusted_ca as trusted_ca

ME = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


def run(module: Any, capsys: pytest.CaptureFixture[str], *, check: bool = False, **params: Any) -> dict[str, Any]:
    with patch_module_args({**params, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
        module.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def thrice(module: Any, capsys: pytest.CaptureFixture[str], **params: Any) -> dict[str, Any]:
    """Check mode, a run, a second run: the first two say the same, the third nothing."""
    foreseen = run(module, capsys, check=True, **params)
    done = run(module, capsys, **params)
    again = run(module, capsys, **params)
    assert foreseen["actions"] == done["actions"] and foreseen["changed"] == done["changed"]
    assert again["actions"] == [] and not again["changed"]
    return done


def test_files_are_written_with_their_rights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "old-gone.conf"
    old.write_text("x")
    done = thrice(
        host_files,
        capsys,
        directories=[{"path": str(tmp_path / "d"), "mode": "0750", **ME}],
        files=[{"path": str(tmp_path / "f"), "content": "new\n", "mode": "0640", **ME}],
        prune=[str(tmp_path / "old-*.conf")],
    )
    assert done["written"] == [str(tmp_path / "f"), str(old)] and not old.exists()
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "f"]


def test_a_draft_that_its_software_refuses_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f"
    path.write_text("good\n")
    wanted = {"path": str(path), "content": "bad\n", "validate": ["grep", "-q", "good", "%s"], **ME}
    answer = run(host_files, capsys, files=[wanted])
    assert answer["failed"] and f"{path} is left as it was" in answer["msg"]
    assert path.read_text() == "good\n"


def test_a_secret_is_not_in_the_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {"path": str(tmp_path / "f"), "content": "canary\n", "secret": True, **ME}
    answer = run(host_files, capsys, files=[wanted])
    answer.pop("invocation")
    assert "canary" not in json.dumps(answer)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings in a directory of ours."""
    monkeypatch.setattr(sysctl_raise.sysctl, "path_of", lambda name: str(tmp_path / name))
    return tmp_path


@pytest.mark.skipif(os.getuid() != 0, reason="the file for the next boot belongs to root")
def test_kernel_settings(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kernel / "low").write_text("10\n")
    (kernel / "high").write_text("99\n")
    path = kernel / "10-ours.conf"
    done = thrice(sysctl_raise, capsys, settings={"low": 50, "high": 50}, path=str(path))
    assert done["actions"] == ["raise low from 10 to 50", f"write {path}"]
    assert (kernel / "low").read_text() == "50\n" and (kernel / "high").read_text() == "99\n"
    assert path.read_text().splitlines()[1:] == ["low = 50"]


def test_a_misspelt_kernel_setting_is_named(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(sysctl_raise, capsys, settings={"vm.swapiness": 1}, path=str(kernel / "f"))
    assert answer["failed"] and "vm.swapiness" in answer["msg"]


@pytest.mark.skipif(os.getuid() != 0, reason="the trust store belongs to root")
def test_authorities_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian's update-ca-certificates links every file of ours and writes the bundle; so does this one."""
    sources, links = tmp_path / "sources", tmp_path / "links"
    links.mkdir()
    for name, value in {"SOURCES": sources, "LINKS": links, "BUNDLE": links / "bundle"}.items():
        monkeypatch.setattr(trusted_ca, name, str(value))

    def update(_: Any, __: Any, **___: Any) -> tuple[int, str, str]:
        for link in links.iterdir():
            link.unlink()
        for source in sources.glob("*.crt"):
            (links / f"{source.stem}.pem").touch()
        (links / "bundle").touch()
        return 0, "", ""

    monkeypatch.setattr(basic.AnsibleModule, "run_command", update)
    done = thrice(trusted_ca, capsys, authorities=[{"name": "a", "content": "PEM"}])
    assert done["actions"][-1] == "update the trust store"
    assert [path.name for path in sources.iterdir()] == ["fediverse-mastodon-a.crt"]
    # A run that died before the store was updated is made good.
    (links / "fediverse-mastodon-a.pem").unlink()
    again = run(trusted_ca, capsys, authorities=[{"name": "a", "content": "PEM"}])
    assert again["actions"] == ["update the trust store"]
    thrice(trusted_ca, capsys, authorities=[])
    assert list(sources.iterdir()) == []


@pytest.mark.parametrize(("found", "failed"), [("17", False), ("15", True)])
def test_data_of_another_version_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: str, failed: bool
) -> None:
    data = tmp_path / found / "main"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(found + "\n")
    answer = run(postgres_version, capsys, version="17", data=str(tmp_path))
    assert answer.get("failed", False) is failed
    assert answer.get("version") == (None if failed else "17")
