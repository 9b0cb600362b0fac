"""A worker's role and line: what the server is told, in which order, and what a run that died leaves."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from access_fakes import Host, Postgres
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import access_hba
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.access import Grant
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres import cluster, scram
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_postgres import PostgresAccess

TOLD = {"database": "mastodon_production", "owner": "mastodon", "port": 5432}
OLD = [{"host": "web", "address": "10.0.0.1/32"}, {"host": "alpha", "address": "10.0.0.2/32"}]
NEW = {"host": "pi1", "address": "10.66.0.7/32", "role": "mastodon_pi1"}
PI1 = Grant("pi1", "10.66.0.7/32", "mastodon_pi1")
ALIKE = Grant("pi1", "10.66.0.7/32", "")


def rendered(
    clients: list[dict[str, str]], additional: tuple[str, ...] = ("host backup b 10.9.0.1/32 md5  # pi1",)
) -> str:
    return cluster.render_hba("mastodon_production", "mastodon", clients, additional)


@pytest.fixture
def server(tmp_path: Path) -> Postgres:
    hba = tmp_path / "pg_hba.conf"
    hba.write_text(rendered(OLD))
    return Postgres(hba)


def run(server: Postgres, state: str, grant: Grant = PI1, check: bool = False, password: str = "pw") -> Changes:
    changes = Changes()
    place = PostgresAccess(Host(server.run, check), changes, grant, TOLD, Secret(password))
    getattr(place, state)()
    return changes


def test_the_line_is_the_one_that_role_postgres_writes_next(server: Postgres) -> None:
    run(server, "present")
    for order in ([*OLD, NEW], [NEW, *OLD], [*OLD[::-1], NEW]):
        assert server.hba.read_text() == rendered(order)
    assert server.loaded == server.hba.read_text()


def test_a_grant_is_complete_and_a_second_one_changes_nothing(server: Postgres) -> None:
    first = run(server, "present")
    assert first.actions[0] == "create role mastodon_pi1" and first.actions[-1] == "reload PostgreSQL"
    role = server.roles["mastodon_pi1"]
    assert role["login"] and role["member"] and role["acts_as"] == "mastodon"
    assert role["comment"] == "fediverse.mastodon worker pi1"
    assert scram.matches(role["verifier"], "pw") and not any("'pw'" in one for one in server.statements)
    assert run(server, "present").actions == []


def test_check_mode_foretells_the_run_and_writes_nothing(server: Postgres) -> None:
    for state in ("present", "absent"):
        before = (server.hba.read_text(), dict(server.roles), len(server.statements))
        foretold = run(server, state, check=True).actions
        assert before == (server.hba.read_text(), dict(server.roles), len(server.statements))
        assert run(server, state).actions == foretold != []


def test_removal_leaves_nothing_and_is_done_once(server: Postgres) -> None:
    before = server.hba.read_text()
    run(server, "present")
    server.roles["mastodon_pi1"].update(sessions=3, owned=2)
    actions = run(server, "absent").actions
    assert actions[:4] == [
        "close role mastodon_pi1",
        "end 3 sessions of mastodon_pi1",
        "give what mastodon_pi1 owns in mastodon_production to mastodon",
        "drop role mastodon_pi1",
    ]
    assert "mastodon_pi1" not in server.roles and server.hba.read_text() == before == server.loaded
    assert run(server, "absent").actions == []


def test_another_address_replaces_the_line_and_another_user_is_told(server: Postgres) -> None:
    run(server, "present")
    moved = Grant("pi1", "10.66.0.9/32", "mastodon_pi1")
    run(server, "present", moved)
    assert "10.66.0.7" not in server.hba.read_text() and "10.66.0.9/32" in server.hba.read_text()
    told = run(server, "present", Grant("pi1", "10.66.0.9/32", "")).notes
    assert told == [
        "pi1 may still log in to PostgreSQL as mastodon_pi1: the next run of role postgres takes that line away."
    ]


def test_a_new_password_is_set_alone(server: Postgres) -> None:
    run(server, "present")
    assert run(server, "present", password="next").actions == ["set the password of mastodon_pi1"]


def test_a_file_with_a_mistake_is_told_before_anything_is_changed(server: Postgres) -> None:
    server.bad_line = "10.0.0.1"
    with pytest.raises(Refusal, match=r"has mistakes, so PostgreSQL would not read it again: line 6: invalid IP mask"):
        run(server, "present")
    assert server.statements == [] and server.hba.read_text() == rendered(OLD)


def test_a_file_with_a_mistake_does_not_keep_a_worker_in(server: Postgres) -> None:
    run(server, "present")
    server.bad_line = "10.0.0.1"
    with pytest.raises(Refusal, match="has mistakes"):
        run(server, "absent")
    assert "mastodon_pi1" not in server.roles


def test_a_file_that_the_server_refuses_is_taken_back_and_not_loaded(server: Postgres) -> None:
    server.bad_line = "10.66.0.7"
    with pytest.raises(Refusal, match=r"refuses its new .*, the old one is back: line .*: invalid IP mask"):
        run(server, "present")
    assert server.hba.read_text() == rendered(OLD) and server.loads == 0


@pytest.mark.parametrize("state", ["present", "absent"])
def test_somebody_elses_role_is_left_alone(server: Postgres, state: str) -> None:
    server.roles["mastodon_pi1"] = {"comment": "reports", "login": True}
    with pytest.raises(Refusal, match=r"not worker pi1's .its comment is 'reports'., and it is left alone"):
        run(server, state)
    assert server.roles["mastodon_pi1"] == {"comment": "reports", "login": True}


def test_a_file_that_is_not_ours_is_refused(server: Postgres) -> None:
    server.hba.write_text("host all all 0.0.0.0/0 md5\n")
    with pytest.raises(Refusal, match="not the one that role postgres writes"):
        run(server, "present")


def test_a_server_without_the_owner_is_refused(server: Postgres) -> None:
    server.roles.clear()
    with pytest.raises(Refusal, match="no role mastodon: run role postgres"):
        run(server, "present")


def test_the_shared_identity_has_a_line_and_sessions_from_its_address_only(server: Postgres) -> None:
    run(server, "present", ALIKE)
    assert "host mastodon_production mastodon 10.66.0.7/32 scram-sha-256  # pi1" in server.hba.read_text()
    assert server.roles.keys() == {"mastodon"}
    server.shared_sessions = 1
    gone = run(server, "absent", ALIKE)
    assert gone.actions[-1] == "end 1 session of mastodon from 10.66.0.7/32"
    assert "client_addr = '10.66.0.7'" in server.statements[-1]
    assert "pi1 knew mastodon's password" in gone.notes[0]
    assert server.hba.read_text() == rendered(OLD)


@pytest.mark.parametrize("step", range(1, 12))
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_run_that_dies_anywhere_is_finished_or_undone_by_the_next(server: Postgres, state: str, step: int) -> None:
    if state == "absent":
        run(server, "present")
        server.roles["mastodon_pi1"].update(sessions=1, owned=1)
    server.statements.clear()
    server.dies_at = step
    with contextlib.suppress(KeyboardInterrupt):
        run(server, state)
    server.dies_at = -1
    after = {"present": "absent", "absent": "present"}[state]
    for final in (state, after, state):
        run(server, final)
        assert ("mastodon_pi1" in server.roles) == (final == "present")
        assert access_hba.users(server.hba.read_text(), "pi1") == (["mastodon_pi1"] if final == "present" else [])
        assert run(server, final).actions == []
