"""What psql and tootctl print."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import database
from ansible_collections.fediverse.mastodon.plugins.module_utils._release.commands import Failed, Runner

# tootctl accounts create, Mastodon 4.6.5, 2026-11-22
CREATED = "I, [2026-11-22T07:00:00]  INFO -- : [ActiveJob] Enqueued\nOK\nNew password: 1f5c8f3e9a\nW, more log\n"
REFUSED = "Failure/Error: email\n    is unreachable\n"
AT = {"host": "127.0.0.1", "port": 5432, "name": "m", "user": "m", "password": "p"}


class Answers(Runner):
    """Instead of psql."""

    def __init__(self, answer: tuple[int, str]) -> None:
        super().__init__()
        object.__setattr__(self, "answer", answer)

    def run(self, argv, **_):  # type: ignore[no-untyped-def]
        return self.answer  # type: ignore[attr-defined]


def test_the_password_is_found_among_log_lines_and_stays_out_of_messages() -> None:
    assert database.new_password(CREATED) == "1f5c8f3e9a"
    assert database.new_password(REFUSED) == ""
    assert "1f5c8f3e9a" not in database.said(CREATED)
    assert "unreachable" in database.said(REFUSED)


def test_migrations_of_both_phases(tmp_path: Path) -> None:
    for name in ("migrate/2026010100_a.rb", "post_migrate/2026010200_b.rb", "migrate/notes.txt"):
        (tmp_path / "db" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "db" / name).write_text("")
    assert database.shipped_migrations(str(tmp_path)) == {"2026010100", "2026010200"}


def test_a_release_without_migrations_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no migration"):
        database.shipped_migrations(str(tmp_path))


def test_a_silent_database_is_an_error_not_an_empty_answer() -> None:
    with pytest.raises(Failed, match=r"127\.0\.0\.1:5432"):
        database.Psql(AT, Answers((2, "connection refused"))).applied_migrations()
