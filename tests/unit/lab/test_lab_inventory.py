"""The inventory that is read, the one that is written, and the command line around them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.lab import __main__, labs, paths
from tests.lab.errors import LabError
from tests.lab.inventory import WRITTEN, connection, masked, read, render
from tests.lab.request import make_host

HOSTS = """\
mastodon:
  children:
    minio: {hosts: {media: {mastodon_address: 192.0.2.1}}}
    redis: {hosts: {main: {}, localhost: {ansible_connection: local}}}
"""


def inventory(directory: Path) -> Path:
    (directory / "hosts.yml").write_text(HOSTS)
    return directory


def test_hosts_and_the_minio_group_are_read_and_this_machine_is_left_out(tmp_path: Path) -> None:
    found = read([inventory(tmp_path)])
    assert (sorted(found.hosts), found.minio) == (["main", "media"], ["media"])


def test_vaulted_variables_need_no_password(tmp_path: Path) -> None:
    (inventory(tmp_path) / "group_vars").mkdir()
    (tmp_path / "group_vars" / "mastodon_secrets.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert sorted(read([tmp_path]).hosts) == ["main", "media"]


def test_an_inventory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not exist; pass an existing file or directory"):
        read([tmp_path / "none"])


def test_an_inventory_that_cannot_be_parsed(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("mastodon: [\n")
    with pytest.raises(LabError, match=r"cannot be read: .* at .*hosts\.yml:2:1; correct it there"):
        read([tmp_path / "hosts.yml"])


@pytest.mark.parametrize("place", ["host_vars/main.yml", "host_vars/main", "host_vars/main/network.yml"])
def test_host_vars_that_win_over_the_lab_are_found(tmp_path: Path, place: str) -> None:
    file = inventory(tmp_path) / place
    file.parent.mkdir(parents=True)
    file.write_text("mastodon_address: 10.0.0.1\nsecret: !vault x\n")
    told = masked([tmp_path], ["main", "media"], set(WRITTEN)) or ""
    assert told.startswith(f"{file} sets mastodon_address and wins over the lab")
    assert masked([tmp_path], ["media"], set(WRITTEN)) is None
    assert masked([tmp_path], ["main"], {"other"}) is None


def test_what_is_written_is_what_ansible_reads(tmp_path: Path) -> None:
    variables = connection("10.213.0.10", tmp_path / "key") | {"n": 3, "l": ["a"], "b": True, "z": "007"}
    assert set(connection("", tmp_path)) <= set(WRITTEN)
    assert yaml.safe_load(render({"main": variables})) == {"all": {"hosts": {"main": variables}}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("a: [", "is not YAML"), ("- a", "must be a mapping"), (None, "cannot be read"), ("\xff", "cannot be read")],
)
def test_a_spec_that_cannot_be_read(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "lab.yml").write_bytes(content.encode("latin-1"))
    with pytest.raises(LabError, match=sentence):
        labs.read_spec(tmp_path / "lab.yml")


def test_a_spec_like_another_says_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("app: stub\npackages: [curl, git]\n")
    (tmp_path / "lab.yml").write_text("like: other.yml\npackages: [less]\ncluster: false\n")
    spec = labs.read_spec(tmp_path / "lab.yml")
    assert (spec.app, spec.packages, spec.cluster) == ("stub", ("less",), False)
    (tmp_path / "lab.yml").write_text("like: nowhere.yml\n")
    with pytest.raises(LabError, match=r"nowhere\.yml cannot be read"):
        labs.read_spec(tmp_path / "lab.yml")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "demo"], "no host is named"),
        (["up", "demo", "--host", "a,memory=lots"], "memory 'lots' is malformed"),
        (["up", "Demo", "--host", "a"], "cannot be a lab's name"),
        (["up", "demo", "--inventory", "/nonexistent"], "does not exist"),
        (["down"], "which lab?"),
        (["ssh", "nonesuch", "a"], "there is no lab 'nonesuch' (there are: none)"),
        (["fault", "nonesuch", "kill", "a"], "there is no lab 'nonesuch'"),
    ],
)
def test_errors_are_one_sentence_and_code_2(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["lab", *arguments])
    monkeypatch.setattr(labs, "LABS", tmp_path)
    assert __main__.main() == 2
    told = capsys.readouterr().err
    assert told.startswith("lab: ") and sentence in told and told.count("\n") == 1


def test_a_disk_nearly_full_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "CACHE", tmp_path / "not" / "yet")
    monkeypatch.setattr(paths.shutil, "disk_usage", lambda place: SimpleNamespace(free=1 << 30))
    monkeypatch.setattr(labs.engine, "ensure", lambda: pytest.fail("the engine was started"))
    with pytest.raises(LabError, match=r"has 1\.0 GiB free and the lab needs 4"):
        labs.up("demo", [], [make_host("a", {})], None, None)
