"""Environment files, addresses, Sidekiq's arguments, and what the host says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._units import compose, host, runtime
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import UnitsError
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.sandbox import sandbox
from hypothesis import given
from hypothesis import strategies as st

PLAIN: dict[str, Any] = {"jemalloc": None, "yjit": False, "version": "v1"}
RICH: dict[str, Any] = {"jemalloc": "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "yjit": True, "version": "v4.6.5"}
WEB = {"name": "3000", "address": "127.0.0.1", "port": 3000, "workers": 2, "threads": 3, "db_pool": 4}
MAIN = {"name": "main", "queues": [["default", 8], ["pull", None]], "threads": 10, "db_pool": 9}


def environment(unit: dict[str, Any]) -> dict[str, str]:
    return runtime.parse_environment(unit["files"][0]["content"])


def test_the_size_of_a_web_process_is_in_its_process_environment() -> None:
    (unit,) = compose.web_units([WEB], PLAIN, {}, "example.social")
    values = environment(unit)
    expected = {"RAILS_ENV": "production", "WEB_CONCURRENCY": "2", "MAX_THREADS": "3", "DB_POOL": "4", "PORT": "3000"}
    assert expected.items() <= values.items()
    assert values["MALLOC_ARENA_MAX"] == "2" and "LD_PRELOAD" not in values and unit["mapped"] is None
    assert unit["health_url"] == "http://127.0.0.1:3000/health"
    assert unit["health_headers"]["Host"] == "example.social"


@pytest.mark.parametrize(
    ("address", "bind"), [("10.40.0.11", "10.40.0.11"), ("fd00::1", "[fd00::1]"), ("[::1]", "[::1]")]
)
def test_bind_and_socket_say_the_very_same(address: str, bind: str) -> None:
    (unit,) = compose.web_units([{**WEB, "address": address}], PLAIN, {}, "h")
    assert environment(unit)["BIND"] == bind
    assert f"ListenStream={bind}:3000\n" in unit["files"][1]["content"]


def test_jemalloc_replaces_the_arenas_and_must_be_mapped() -> None:
    (unit,) = compose.web_units([WEB], RICH, {}, "h")
    values = environment(unit)
    assert values["LD_PRELOAD"] == unit["mapped"] == RICH["jemalloc"]
    assert "MALLOC_ARENA_MAX" not in values
    assert values["RUBY_YJIT_ENABLE"] == "1"


def test_streaming_has_no_ruby_settings() -> None:
    item = {"name": "4001", "address": "127.0.0.1", "port": 4001, "db_pool": 10}
    (unit,) = compose.streaming_units([item], {"DB_SSLMODE": "disable"}, "h")
    assert environment(unit) == {
        "NODE_ENV": "production",
        "BIND": "127.0.0.1",
        "PORT": "4001",
        "DB_POOL": "10",
        "DB_SSLMODE": "disable",
    }


def test_sidekiq_gets_queues_threads_timeout_and_a_tag_that_tells_it_apart() -> None:
    (unit,) = compose.sidekiq_units([MAIN], RICH, {}, 60)
    words = shlex.split(environment(unit)["SIDEKIQ_ARGUMENTS"])
    assert words == ["-c", "10", "-t", "60", "-g", "main@v4.6.5", "-q", "default,8", "-q", "pull"]
    assert unit["state"] == "started" and "MASTODON_BREAKER_POOL" not in environment(unit)


def test_sidekiq_on_demand_and_with_breaker_pool() -> None:
    (unit,) = compose.sidekiq_units([{**MAIN, "on_demand": True, "breaker_pool": True}], PLAIN, {}, 60)
    assert unit["state"] == "as_found"
    assert environment(unit)["MASTODON_BREAKER_POOL"] == "true"


def test_additional_environment_wins() -> None:
    (unit,) = compose.web_units([WEB], PLAIN, {"PERSISTENT_TIMEOUT": 5, "DB_POOL": 1, "X": True}, "h")
    assert {"PERSISTENT_TIMEOUT": "5", "DB_POOL": "1", "X": "true"}.items() <= environment(unit).items()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compose.web_units([WEB, {**WEB, "name": "b"}], PLAIN, {}, "h"), "3000 and b both have the port 3000"),
        (
            lambda: compose.web_units([{**WEB, "address": "main.example"}], PLAIN, {}, "h"),
            "'main.example' is no address",
        ),
        (lambda: compose.env_file("puma", {"A": "x\ny"}), "environment variable A: line breaks"),
        (lambda: compose.env_file("puma", {"A B": "x"}), "'A B' cannot name"),
        (lambda: sandbox("perl", []), "no sandbox for 'perl'"),
    ],
)
def test_refused(call: Any, words: str) -> None:
    with pytest.raises(UnitsError, match=words):
        call()


@given(st.text(st.characters(codec="utf-8"), max_size=40).filter(str.isprintable))
def test_any_value_survives_quoting(value: str) -> None:
    """systemd takes a backslash away before these four characters in double quotes (tried with systemd 257)."""
    line = compose.env_file("puma", {"A": value}).split("\n")[1]
    read = line.removeprefix("A=")
    if read.startswith('"'):
        read = re.sub(r'\\(["\\$`])', r"\1", read[1:-1])
    assert read == value


@pytest.mark.parametrize("value", ["plain", "two words", "a'b", 'a"b', "#no comment", ""])
def test_our_own_reader_understands_it(value: str) -> None:
    assert runtime.parse_environment(compose.env_file("puma", {"A": value})) == {"A": value}


def test_the_sandbox_gives_only_the_named_paths_back() -> None:
    lines = sandbox("ruby", ["-/opt/mastodon/current/tmp", "/opt/mastodon/shared"]).splitlines()
    assert [line for line in lines if line.startswith("ReadWritePaths")] == [
        "ReadWritePaths=-/opt/mastodon/current/tmp",
        "ReadWritePaths=/opt/mastodon/shared",
    ]
    assert "SystemCallFilter=pipe2" in lines and "@chown" not in sandbox("node", [])


SHOW_257 = """\
MainPID=1064
Result=success
Id=mastodon-web@3000.service
ActiveState=active
SubState=running
UnitFileState=enabled
NeedDaemonReload=no

Result=success
Id=mastodon-web@3000.socket
ActiveState=active
SubState=running
UnitFileState=disabled
NeedDaemonReload=yes
"""


def test_show_of_systemd_257_on_debian_13() -> None:
    states = host.parse_show(SHOW_257)
    service, socket = states["mastodon-web@3000.service"], states["mastodon-web@3000.socket"]
    assert (service.pid, service.enabled, service.needs_reload, service.is_up) == (1064, True, False, True)
    assert (socket.pid, socket.enabled, socket.needs_reload) == (0, False, True)


def test_every_directory_from_which_systemd_adds_to_a_unit() -> None:
    assert host.drop_in_directories("mastodon-web@3000.service") == [
        "service.d",
        "mastodon-.service.d",
        "mastodon-web@.service.d",
        "mastodon-web@3000.service.d",
    ]


def test_watched_counts_a_link_by_where_it_leads_and_a_file_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    link, file = tmp_path / "current", tmp_path / "env"
    link.symlink_to(tmp_path / "v1")
    assert host.watched(str(link)) == str(tmp_path / "v1")
    assert host.watched(str(file)) == "absent"
    file.write_text("A=1\n")
    before = host.watched(str(file))
    file.write_text("A=2\n")
    assert host.watched(str(file)) not in (before, "absent")


def test_write_is_whole_and_has_its_mode_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.env"
    host.write(str(path), "A=1\n", 0o600)
    assert path.read_text() == "A=1\n" and path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["x.env"]


def test_a_drop_in_directory_goes_with_its_last_file(tmp_path: Path) -> None:
    path = tmp_path / "mastodon-web@1.socket.d" / "address.conf"
    host.write(str(path), "[Socket]\n", 0o644)
    host.remove(str(path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_missing_or_broken_release_says_what_to_do(tmp_path: Path, content: str | None) -> None:
    current = tmp_path / "current"
    with pytest.raises(UnitsError, match=r"there is no release at .* role mastodon"):
        runtime.read_release(str(current))
    current.mkdir()
    if content is not None:
        (current / ".release.json").write_text(content)
    with pytest.raises(UnitsError, match="deploy the release again with the role mastodon"):
        runtime.read_release(str(current))


def test_jemalloc_is_found_or_not(tmp_path: Path) -> None:
    pattern = f"{tmp_path}/*/libjemalloc.so.2"
    assert runtime.find_jemalloc(pattern) is None
    (tmp_path / "x86_64-linux-gnu").mkdir()
    library = tmp_path / "x86_64-linux-gnu" / "libjemalloc.so.2"
    library.touch()
    assert runtime.find_jemalloc(pattern) == str(library)


def test_a_private_queue_only_where_the_host_has_a_name_for_it() -> None:
    def arguments(unit: dict[str, Any]) -> str:
        return next(line for line in unit["files"][0]["content"].splitlines() if line.startswith("SIDEKIQ_ARGUMENTS"))

    (without,), (with_one,) = (compose.sidekiq_units([MAIN], RICH, {}, 60, name) for name in ("", "pi"))
    assert "probe_" not in arguments(without)
    assert arguments(with_one) == arguments(without)[:-1] + ' -q probe_pi_main,1"'
