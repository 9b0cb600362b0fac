"""Packing, unpacking and switching on a real disk: interrupted anywhere, `current` is whole or what it was."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import building, deploying, disk, stamp, steps
from ansible_collections.fediverse.mastodon.plugins.module_utils._release.commands import Failed, Runner

ME = getpass.getuser()


def pack(home: Path, version: str, text: str = "one") -> dict[str, Any]:
    """A tiny tree, packed as the build host does."""
    place = building.Place(str(home / "archives"), str(home / "build"), version, "amd64")
    os.makedirs(place.archives, exist_ok=True)
    building.fresh(place)
    tree = Path(place.tree)
    for name, content in {
        "app/model.rb": text,
        "app/javascript/mastodon/emoji_map.json": "{}",
        "app/javascript/mastodon/main.tsx": "front end",
        "public/packs/.vite/manifest.json": "{}",
        "public/system/left.txt": "local file",
        "streaming/index.js": "js",
        "spec/model_spec.rb": "spec",
        "node_modules/vite/index.js": "build only",
        "vendor/bundle/ruby/3.3.0/cache/puma.gem": "gem",
        "vendor/bundle/ruby/3.3.0/gems/puma/puma.rb": "puma",
        ".bundle/config": "---",
        ".git/HEAD": "ref",
        "tmp/cache/x": "x",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    about = {"fingerprint": f"{version}-{text}", "queues": [["default", 8]]}
    files = {"streaming/package.json": ""}
    return building.pack(place, Runner(), about, steps.parts(files, node_modules=False))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "releases").mkdir()
    (tmp_path / "shared" / "public" / "system").mkdir(parents=True)
    return tmp_path


def want(home: Path, about: dict[str, Any], parts: list[str] | None = None, keep: int = 3) -> deploying.Home:
    return deploying.Home(str(home), about, parts or ["app"], keep, ME)


def deploy(home: Path, about: dict[str, Any], parts: list[str] | None = None, keep: int = 3) -> list[str]:
    wanted = want(home, about, parts, keep)
    todo = deploying.survey(wanted, switch=True)
    actions = todo.actions(wanted)
    deploying.perform(wanted, todo, Runner())
    return actions


def current(home: Path) -> str:
    return os.readlink(home / "current")


def test_a_release_is_unpacked_linked_and_current(home: Path) -> None:
    assert deploy(home, pack(home, "v1")) == ["unpack v1 (app)", "switch current to v1"]
    assert current(home) == "releases/v1"
    inside = home / "current"
    assert (inside / "app/model.rb").read_text() == "one"
    assert (inside / "public/packs/.vite/manifest.json").exists()
    assert (inside / "app/javascript/mastodon/emoji_map.json").exists(), "Ruby reads it at run time"
    assert (inside / ".bundle/config").exists()
    for name in ("spec", "node_modules", ".git", "app/javascript/mastodon/main.tsx", "vendor/bundle/ruby/3.3.0/cache"):
        assert not (inside / name).exists(), name
    assert (inside / "public/system").resolve() == (home / "shared/public/system").resolve()
    assert os.readlink(inside / ".env.production") == "../../shared/.env.production"
    assert disk.read_json(str(inside / ".release.json"))["queues"] == [["default", 8]]  # type: ignore[index]
    assert not (home / "build").exists()


def test_a_second_run_does_nothing(home: Path) -> None:
    about = pack(home, "v1")
    deploy(home, about)
    assert deploy(home, about) == []


def test_a_host_gets_only_the_parts_it_needs(home: Path) -> None:
    about = pack(home, "v1")
    deploy(home, about, ["public"])
    assert (home / "current/public/packs").exists()
    assert not (home / "current/app").exists()
    assert not (home / "current/.env.production").is_symlink()
    assert deploy(home, about, ["streaming"]) == ["unpack v1 (streaming)"]
    assert (home / "current/streaming/index.js").exists()
    assert not (home / "current/public").exists()


def test_a_changed_archive_is_refused_and_current_stays(home: Path) -> None:
    first, second = pack(home, "v1"), pack(home, "v2")
    deploy(home, first)
    archive = home / "archives" / second["parts"]["app"]["file"]
    archive.write_bytes(archive.read_bytes()[:-1] + b"!")
    with pytest.raises(Failed, match="SHA-256"):
        deploy(home, second)
    assert current(home) == "releases/v1"
    assert not (home / "releases" / "v2").exists()


@pytest.mark.parametrize("function", ["write_json", "put_in_place", "link"])
def test_killed_while_unpacking(home: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Stopped before the named step: the next run starts again and succeeds."""
    deploy(home, pack(home, "v1"))
    second = pack(home, "v2")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(disk, function, killed)
        with pytest.raises(KeyboardInterrupt):
            deploy(home, second)
    assert current(home) == "releases/v1"
    assert not (home / "releases/v2").exists()
    assert deploy(home, second)[0] == "remove the leftover .partial-v2"
    assert current(home) == "releases/v2"
    assert disk.leftovers(str(home / "releases")) == []


def test_killed_before_switching(home: Path) -> None:
    deploy(home, pack(home, "v1"))
    second = pack(home, "v2")
    deploying.unpack(want(home, second), Runner())
    assert current(home) == "releases/v1"
    assert deploy(home, second) == ["switch current to v2"]


def test_packing_without_its_stamp_does_not_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = building.Place(str(home / "archives"), str(home / "build"), "v1", "amd64")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            pack(home, "v1")
    assert building.packed(place, "v1-one") is None
    pack(home, "v1")
    assert building.packed(place, "v1-one")
    assert building.packed(place, "another fingerprint") is None
    (home / "archives" / stamp.file_name("v1", "amd64")).write_bytes(b"cut off")
    assert building.packed(place, "v1-one") is None


def test_the_same_version_built_anew_replaces_the_old_one_in_one_step(home: Path) -> None:
    deploy(home, pack(home, "v1"))
    again = pack(home, "v1", "two")
    assert deploy(home, again) == ["unpack v1 (app)"]
    assert (home / "current/app/model.rb").read_text() == "two"
    assert (home / "releases/.replaced-v1/app/model.rb").read_text() == "one", "processes still run in it"
    assert deploy(home, again) == []


def test_old_releases_go_but_never_the_one_that_still_runs(home: Path) -> None:
    for number in range(1, 5):
        about = pack(home, f"v{number}")
        deploy(home, about, keep=2)
        os.utime(home / f"releases/v{number}/.release.json", (number, number))
    assert sorted(disk.times(str(home / "releases"))) == ["v3", "v4"]
    left = {path.name.partition("-")[0] for path in (home / "archives").iterdir()}
    assert left == {"v3", "v4"}


def test_archives_of_one_version_only(tmp_path: Path) -> None:
    for name in ("v1-amd64.json", "v1-amd64-public.tar.zst", "v1-rc1-amd64.json", "v1.1-amd64.json", "v1-arm64.json"):
        (tmp_path / name).write_text("")
    assert building.archives_of(str(tmp_path), "v1", "amd64") == ["v1-amd64-public.tar.zst", "v1-amd64.json"]


def test_gems_say_for_which_ruby_they_were_compiled(tmp_path: Path) -> None:
    assert building.gems_abi(str(tmp_path)) == ""
    (tmp_path / "vendor/bundle/ruby/3.3.0").mkdir(parents=True)
    assert building.gems_abi(str(tmp_path)) == "3.3.0"


@pytest.mark.parametrize("top", ["", "mastodon-4.6.5/"])
def test_a_source_archive_with_and_without_a_top_directory(tmp_path: Path, top: str) -> None:
    source = tmp_path / "source" / top
    source.mkdir(parents=True)
    for name in ("Gemfile", ".ruby-version"):
        (source / name).write_text("x")
    archive, tree = tmp_path / "source.tar.gz", tmp_path / "tree"
    Runner().run(["tar", "--create", "--gzip", f"--file={archive}", f"--directory={tmp_path / 'source'}", "."])
    tree.mkdir()
    building.extract(str(tree), Runner(), str(archive))
    assert building.read_files(str(tree)) == {"Gemfile": "x", ".ruby-version": "x"}
