"""Kernel settings with exact values: files of a directory stand in for /proc/sys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import sysctl
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, FileSpec
from ansible_collections.fediverse.mastodon.plugins.modules import sysctl_exact as sysctl_exact
from test_data_modules import run, thrice


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ip_forward 0, send_redirects of all 1; our file belongs to whoever runs the test."""
    monkeypatch.setattr(sysctl, "path_of", lambda name: str(tmp_path / name.replace("/", ".")))
    (tmp_path / "net.ipv4.ip_forward").write_text("0\n")
    (tmp_path / "net.ipv4.conf.all.send_redirects").write_text("1\n")

    def put(_module: Any, spec: FileSpec, changes: Changes) -> None:
        path = Path(spec.path)
        if (path.read_text() if path.exists() else None) != spec.content:
            changes.actions.append(f"write {spec.path}")
            if not _module.check_mode:
                path.write_text(spec.content or "")

    monkeypatch.setattr(sysctl_exact, "put_file", put)
    return tmp_path


def test_values_go_up_and_down_now_and_at_boot(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kernel / "ours.conf"
    wanted = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0}
    done = thrice(sysctl_exact, capsys, settings=wanted, path=str(path))
    assert done["actions"][:2] == [
        "set net.ipv4.conf.all.send_redirects from 1 to 0",
        "set net.ipv4.ip_forward from 0 to 1",
    ]
    assert (kernel / "net.ipv4.conf.all.send_redirects").read_text() == "0\n"
    assert sysctl.parse_file(path.read_text()) == {name: (value,) for name, value in wanted.items()}


def test_an_interface_that_is_not_there_yet_is_no_failure(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, name = kernel / "ours.conf", "net/ipv4/conf/wg0/send_redirects"
    assert run(sysctl_exact, capsys, settings={name: 0}, path=str(path))["actions"] == []
    (kernel / name.replace("/", ".")).write_text("1\n")
    assert thrice(sysctl_exact, capsys, settings={name: 0}, path=str(path))["changed"]
    assert not path.exists()  # at boot the interface is not there either


def test_a_setting_that_the_kernel_does_not_have_is_refused(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(sysctl_exact, capsys, settings={"net.ipv4.nothing": 1}, path=str(kernel / "ours.conf"))
    assert answer["failed"] and "net.ipv4.nothing: this kernel has no such setting" in answer["msg"]


def test_without_a_setting_our_file_goes(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kernel / "ours.conf"
    path.write_text("net.ipv4.ip_forward = 1\n")
    thrice(sysctl_exact, capsys, settings={}, path=str(path))
    assert not path.exists()


def test_a_kernel_that_refuses_is_a_note(
    kernel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(sysctl_exact.os, "open", refuse)
    answer = run(sysctl_exact, capsys, settings={"net.ipv4.ip_forward": 1}, path=str(kernel / "ours.conf"))
    assert "net.ipv4.ip_forward stays 0 (wanted: 1): Read-only file system" in answer["notes"][0]
