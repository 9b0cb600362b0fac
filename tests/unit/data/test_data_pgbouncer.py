"""PgBouncer's decisions: its files, and what the running pooler has otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils import _pgbouncer as core

POOL = core.Pool("mastodon_production", "10.40.0.13", 5432, 20, 5)
SETTINGS = {"listen_port": "6432", "pool_mode": "transaction"}
# psql -XAq -F'|' on PgBouncer 1.24.1, Debian 13.
CONFIG = "key|value|default|changeable\nlisten_port|6432|6432|no\npool_mode|transaction|session|yes\n(2 rows)\n"
DATABASES = (
    "name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool_size\n"
    "mastodon_production|10.40.0.13|5432|mastodon_production||20|0|5\n(1 row)\n"
)


def compare(settings: dict[str, str] = SETTINGS, pool: core.Pool = POOL) -> core.Stale:
    return core.stale(settings, [pool], core.table(CONFIG), core.table(DATABASES))


def test_what_runs_as_written_is_left_alone() -> None:
    assert compare() == core.Stale((), ())


def test_pools_and_modes_are_reloaded_and_the_port_needs_a_restart() -> None:
    assert compare(pool=core.Pool("mastodon_production", "10.40.0.13", 5432, 7, 5)).reload == (
        "database mastodon_production",
    )
    assert compare({**SETTINGS, "pool_mode": "session"}) == core.Stale(("pool_mode",), ())
    assert compare({**SETTINGS, "listen_port": "6433"}) == core.Stale((), ("listen_port",))


def test_an_older_pooler_has_another_word_for_the_reserve() -> None:
    old = DATABASES.replace("reserve_pool_size", "reserve_pool")
    assert core.stale(SETTINGS, [POOL], core.table(CONFIG), core.table(old)) == core.Stale((), ())


@pytest.mark.parametrize(
    ("output", "version"),
    [("PgBouncer 1.24.1\nlibevent 2.1.13", (1, 24)), ("PgBouncer 1.18.0\n", (1, 18)), ("", (0, 0))],
)
def test_the_version(output: str, version: tuple[int, int]) -> None:
    assert core.version(output) == version


@pytest.mark.parametrize(
    ("installed", "asked", "written", "refused"),
    [
        ((1, 24), 0, "0", False),
        ((1, 24), 200, "200", False),
        ((1, 18), 0, None, False),
        ((1, 18), 200, None, True),
    ],
)
def test_prepared_statements_only_where_they_exist(
    installed: tuple[int, int], asked: int, written: str | None, refused: bool
) -> None:
    settings, refusal = core.effective({"max_prepared_statements": asked}, installed)
    assert (settings.get("max_prepared_statements"), bool(refusal)) == (written, refused)


def test_the_files() -> None:
    ini = core.render_ini(SETTINGS, [POOL])
    assert "mastodon_production = host=10.40.0.13 port=5432 pool_size=20 reserve_pool=5" in ini.splitlines()
    assert core.setting(ini, "listen_port", "1") == "6432" and core.setting("", "listen_port", "1") == "1"
    assert core.render_userlist({"a": 'x"y', "b": "z"}) == '"a" "x""y"\n"b" "z"\n'


def test_the_first_mistake_is_found_in_the_journal() -> None:
    """journalctl -o cat of PgBouncer 1.24.1 on Debian 13."""
    journal = (
        "got SIGHUP, re-reading config\n"
        'invalid value "sometimes" for parameter pool_mode in configuration (/etc/pgbouncer/pgbouncer.ini:17)\n'
        "config file loading failed\n"
    )
    assert core.complaints(journal).startswith('invalid value "sometimes" for parameter pool_mode')
    assert core.complaints("stats: 0 xacts/s") == ""


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("Max processes  1 2 processes\nMax open files       1024           20000        files\n", (1024, 20000)),
        ("", (2**31, 2**31)),
    ],
)
def test_open_files(limits: str, expected: Any) -> None:
    assert core.open_files(limits) == expected
