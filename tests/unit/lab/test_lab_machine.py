"""What the lab concludes from the machine it runs on: mirrors, engine, disk, tools."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.lab import apt, aptproxy, baked, engine, image, minio, paths
from tests.lab.errors import LabError

MIRROR = "http://mirror.example/debian"
DEB822 = f"""\
# a comment
Types: deb deb-src
URIs: {MIRROR}/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {MIRROR}-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://third.example/repo
Suites: bookworm
Components: stable
"""
LIST = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/x.gpg] http://mirror.example/debian/ bookworm main contrib # here
deb-src http://mirror.example/debian bookworm main
"""


def test_another_release_comes_from_the_machines_mirrors() -> None:
    assert apt.derive(apt.parse_deb822(DEB822), "bookworm", "trixie") == [
        f"deb {MIRROR} trixie main",
        f"deb {MIRROR} trixie-updates main",
        f"deb {MIRROR}-security trixie-security main",
    ]


def test_a_list_file_is_read_too() -> None:
    assert apt.parse_list(LIST) == [apt.Source(MIRROR, "bookworm", ("main", "contrib"))]


def test_without_debians_own_archive_the_bootstrapper_chooses() -> None:
    only_security = [apt.Source(MIRROR, "bookworm-security", ("main",))]
    assert apt.derive(only_security, "bookworm", "trixie") == []
    assert apt.derive([], "bookworm", "trixie") == []


def test_both_kinds_of_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(LIST)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert {source.suite for source in apt.machine_sources(tmp_path)} == {
        *("bookworm", "bookworm-updates", "bookworm-security")
    }
    assert "http://disabled.example/debian" not in {source.uri for source in apt.machine_sources(tmp_path)}


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("W: x\nE: Temporary failure resolving 'mirror.example'", "no Debian mirror answers; check the network"),
        ("Could not connect to 192.0.2.1:80", "no Debian mirror answers"),
        ("dpkg: write error: No space left on device", "the disk is full"),
        ("W: y\nE: Unable to locate package nonesuch\nmore", "E: Unable to locate package nonesuch"),
        ("", "no message"),
    ],
)
def test_apts_messages_become_a_sentence(output: str, sentence: str) -> None:
    told = apt.explain(output, "the image could not be built")
    assert sentence in told and "\n" not in told and told.startswith("the image could not be built")


def test_who_may_install() -> None:
    assert apt.refuse_install("docker.io", 0, "debian") is None
    assert "you are not root" in (apt.refuse_install("docker.io", 1000, "debian") or "")
    assert "on Debian only" in (apt.refuse_install("docker.io", 0, "fedora") or "")


def test_who_may_start_an_engine() -> None:
    assert engine.refusal(0, "") is None
    assert "run this as root" in (engine.refusal(1000, "") or "")
    assert "DOCKER_HOST=tcp://192.0.2.1 does not answer" in (engine.refusal(0, "tcp://192.0.2.1") or "")


def test_a_pid_file_is_stale_unless_its_process_is_an_engine(tmp_path: Path) -> None:
    pid_file, processes = tmp_path / "docker.pid", tmp_path / "proc"
    assert not engine.stale(pid_file, processes)
    pid_file.write_text("42\n")
    assert engine.stale(pid_file, processes)
    (processes / "42").mkdir(parents=True)
    (processes / "42" / "comm").write_text("dockerd\n")
    assert not engine.stale(pid_file, processes)
    (processes / "42" / "comm").write_text("bash\n")
    assert engine.stale(pid_file, processes)
    pid_file.write_text("")
    assert engine.stale(pid_file, processes)


DOCKER = '#!/bin/sh\ntest -e "{flag}" && echo 27 || {{ echo "Cannot connect to the Docker daemon" >&2; exit 1; }}\n'


def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dockerd: str) -> Path:
    """A machine with a docker command whose engine answers once a file is there."""
    for name, content in {"docker": DOCKER.format(flag=tmp_path / "up"), "dockerd": dockerd}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(engine, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(engine, "PID_FILES", (tmp_path / "docker.pid",))
    monkeypatch.setattr(engine, "_managed_by_systemd", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path / "cache" / "logs" / "dockerd.log"


def test_an_engine_is_started_beside_a_stale_pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch, f'#!/bin/sh\ntest ! -e "{tmp_path}/docker.pid" && : >"{tmp_path}/up"\nsleep 1\n')
    (tmp_path / "docker.pid").write_text("999999999")
    engine.ensure()
    assert not (tmp_path / "docker.pid").exists()


def test_an_engine_that_dies_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = machine(tmp_path, monkeypatch, '#!/bin/sh\necho "failed to start daemon: no iptables" >&2\nexit 1\n')
    with pytest.raises(LabError) as problem:
        engine.ensure()
    assert "failed to start daemon: no iptables" in str(problem.value)
    assert str(log) in str(problem.value)


def test_an_engine_that_answers_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = machine(tmp_path, monkeypatch, "#!/bin/sh\nexit 1\n")
    (tmp_path / "up").touch()
    engine.ensure()
    assert not log.exists()


def test_a_disk_nearly_full() -> None:
    assert paths.shortage("/x", 4 << 30) is None
    assert (paths.shortage("/x", (4 << 30) - 1) or "").startswith("/x has 4.0 GiB free and the lab needs 4")


def test_the_image_has_another_name_when_its_recipe_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    name = image.tag("trixie", ["deb a trixie main"])
    assert image.tag("trixie", ["deb a trixie main"]) == name
    assert image.tag("bookworm", ["deb a trixie main"]) != name
    assert image.tag("trixie", ["deb b trixie main"]) != name
    assert baked.tag(name, ("a",)) not in (name, baked.tag(name, ("b",)), baked.tag("other", ("a",)))
    monkeypatch.setattr(image, "PACKAGES", [*image.PACKAGES, "more"])
    assert image.tag("trixie", ["deb a trixie main"]) != name


def test_no_packages_no_image() -> None:
    assert baked.ensure("base:1", (), "") == "base:1"


def test_the_package_cache_listens_on_one_address_and_honours_the_machines_proxy() -> None:
    alone, behind = (
        aptproxy.configuration("172.17.0.1", proxy).splitlines() for proxy in ("", "http://p.example:8080")
    )
    assert "BindAddress: 172.17.0.1" in alone
    assert set(behind) - set(alone) == {"Proxy: http://p.example:8080"}


@pytest.mark.parametrize(
    ("version", "old"), [("go1.23.9", True), ("go1.24", False), ("go1.26.8", False), ("devel", False)]
)
def test_a_go_that_is_too_old(version: str, old: bool) -> None:
    assert minio.too_old(version) is old


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("go: x: dial tcp: lookup proxy.example: no such host", "module proxy does not answer"),
        ("write: no space left on device", "the disk is full"),
        ("a\nundefined: b", "undefined: b; try `go install"),
    ],
)
def test_gos_messages_become_a_sentence(output: str, sentence: str) -> None:
    assert sentence in minio.explain(output) and "\n" not in minio.explain(output)


def test_without_go_there_is_no_minio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minio, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="no `go` to build MinIO; install Go"):
        minio.ensure()


def test_the_recipe_survives_its_quotes() -> None:
    """It goes through a shell in single quotes."""
    assert "'" not in image.CUSTOMIZE


def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: str) -> None:
    """A tool chain that knows its version and does this to install."""
    (tmp_path / "go").write_text(f'#!/bin/sh\ntest "$1" = env && echo go1.26.8 && exit\n{install}\n')
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(minio, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


def test_minio_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, f'echo "$@" >>"{tmp_path}/calls"; echo binary >"$GOBIN/minio"')
    assert minio.ensure() == minio.ensure() == minio.path()
    assert minio.path().read_text() == "binary\n"
    assert (tmp_path / "calls").read_text().count(f"{minio.MODULE}@{minio.VERSION}") == 1
    assert list(minio.path().parent.iterdir()) == [minio.path()]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path, monkeypatch, 'echo half >"$GOBIN/minio"; echo "write: no space left on device" >&2; exit 1')
    with pytest.raises(LabError, match="the disk is full"):
        minio.ensure()
    assert list(minio.path().parent.iterdir()) == []
