"""The archive of the stand-in: its bytes follow its files and nothing else."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.stub_mastodon import pack, yarn
from tests.stub_mastodon.variables import variables


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that has Yarn already, so that no test asks npm."""
    (tmp_path / yarn.YARN).write_text("// yarn")
    return tmp_path


def names(archive: pack.Archive) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive.path) as tar:
        return {member.name: member for member in tar}


def test_same_files_same_bytes(cache: Path) -> None:
    first = pack.build("v1.0.0", cache)
    os.utime(pack.APP / "Gemfile")
    first.path.unlink()
    assert pack.build("v1.0.0", cache) == first


def test_another_file_another_checksum(cache: Path) -> None:
    first = pack.build("v1.0.0", cache)
    (cache / yarn.YARN).write_text("// another yarn")
    assert pack.build("v1.0.0", cache).checksum != first.checksum


def test_what_is_inside(cache: Path) -> None:
    members = names(pack.build("v1.0.0", cache))
    assert {name.split("/")[0] for name in members} == {"mastodon-1.0.0"}
    inside = {name.split("/", 1)[1] for name in members}
    assert {".bundle/config", "Gemfile.lock", "config/puma.rb", "streaming/index.js", "yarn.lock"} <= inside
    assert not [name for name in inside if name.startswith(("public/packs", "public/assets", "tmp/", "node_modules/"))]
    assert members["mastodon-1.0.0/public/500.html"].linkname == "assets/500.html"
    assert members["mastodon-1.0.0/bin/tootctl"].mode & 0o111
    configured = yaml.safe_load((pack.APP / ".yarnrc.yml").read_text())["yarnPath"]
    assert configured in inside


def test_next_release_adds_one_migration_of_each_kind() -> None:
    added = set(pack.release_files("v1.1.0")) - set(pack.release_files("v1.0.0"))
    assert sorted(name.rsplit("/", 1)[0] for name in added) == ["db/migrate", "db/post_migrate"]


def test_schema_of_a_release_knows_its_last_migration() -> None:
    for version in pack.versions():
        files = pack.release_files(version)
        last = max(Path(name).name.split("_")[0] for name in files if "migrate/" in name and name.startswith("db/"))
        assert f"version: {last}" in files["db/schema.rb"].read_text().replace("_", "")


def test_unknown_release(cache: Path) -> None:
    with pytest.raises(pack.PackError, match=r"there are v1\.0\.0, v1\.1\.0"):
        pack.build("v9.9.9", cache)


def test_variables_name_the_archive(cache: Path) -> None:
    archive = pack.build("v1.1.0", cache)
    found = variables("v1.1.0", archive)
    assert found["mastodon_source"] == {"archive": str(archive.path), "checksum": archive.checksum}
    assert found["mastodon_version"] == "v1.1.0"


def test_without_npm_the_replacement_goes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert yarn.yarn(tmp_path) == yarn.OFFLINE
