"""PostgreSQL's decisions: verifiers, versions, files, statements."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres import cluster, database, scram
from hypothesis import given, settings
from hypothesis import strategies as st

# RFC 7677, section 3: user "user", password "pencil".
RFC = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
# Made by PostgreSQL 17.12 on Debian 13 for the password "pencil".
SERVER = (
    "SCRAM-SHA-256$4096:raM95+ZPwb8Udeg7yzHXew==$D2glaFd/voniK3GVy2xF847Z9avdo3gs5IWcqJrEKY8="
    ":y121q2VzlbgMkWq+DFpvxNwqw8wfG4we3xeYoTljTNA="
)
WANTED = database.Wanted("mastodon_production", "mastodon", "pencil")
NOTHING = database.Found(role=False, verifier=None, owner=None, collation=None)
DONE = database.Found(role=True, verifier=SERVER, owner="mastodon", collation=database.COLLATION)


def test_the_rfcs_verifier() -> None:
    assert scram.verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")) == RFC


@pytest.mark.parametrize("stored", [RFC, SERVER])
def test_a_stored_verifier_is_recognised(stored: str) -> None:
    assert scram.matches(stored, "pencil")
    assert not scram.matches(stored, "Pencil")


@pytest.mark.parametrize("stored", [None, "", "md5a", "SCRAM-SHA-256$", "SCRAM-SHA-256$x:y$z:w", "SCRAM-SHA-256$1:!$:"])
def test_anything_else_matches_no_password(stored: str | None) -> None:
    assert not scram.matches(stored, "pencil")


@settings(max_examples=10)
@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_a_fresh_verifier_is_its_passwords_and_never_the_same(password: str) -> None:
    first, second = scram.fresh(password), scram.fresh(password)
    assert first != second
    assert scram.matches(first, password) and not scram.matches(first, password + "x")


@pytest.mark.parametrize(
    ("policy", "version"),
    [
        ("postgresql:\n  Installed: (none)\n  Candidate: 17+278\n", "17"),
        ("postgresql:\n  Candidate: 15+248+deb12u1\n", "15"),
        ("postgresql:\n  Candidate: 16+257build1.1\n", "16"),
        ("postgresql:\n  Candidate: (none)\n", ""),
        ("", ""),
    ],
)
def test_the_distributions_version(policy: str, version: str) -> None:
    assert cluster.candidate_version(policy) == version


def test_data_of_another_version_is_named_with_the_way_out() -> None:
    found = [cluster.DataDirectory("15", "/var/lib/postgresql/15/main"), cluster.DataDirectory("17", "/x")]
    said = cluster.other_version(found, "17", "db")
    assert "db: PostgreSQL 17 is wanted" in said
    assert "/var/lib/postgresql/15/main (PostgreSQL 15)" in said and "/x" not in said
    assert "mastodon_postgres_version: 15" in said and "pg_upgradecluster 15 main" in said
    assert cluster.other_version(found, "15", "db") != ""
    assert cluster.other_version(found[:1], "15", "db") == ""


def test_the_files() -> None:
    conf = cluster.render_conf({"port": 5432, "listen_addresses": "127.0.0.1, 10.0.0.1", "jit": False, "x": "it's"})
    assert conf.splitlines()[1:] == [
        "jit = off",
        "listen_addresses = '127.0.0.1, 10.0.0.1'",
        "port = '5432'",
        "x = 'it''s'",
    ]
    hba = cluster.render_hba("d", "u", [{"host": "a", "address": "10.0.0.1/32"}], ["host x y z reject"]).splitlines()
    rules = [line for line in hba if not line.startswith("#")]
    assert rules == ["local all postgres peer", "host d u 10.0.0.1/32 scram-sha-256  # a", "host x y z reject"]


def test_what_changes_in_the_file_is_named() -> None:
    before = cluster.render_conf({"jit": False, "port": 5432, "shared_buffers": "1GB", "work_mem": "4MB"})
    after = cluster.render_conf({"jit": False, "port": 5433, "shared_buffers": "2GB", "io_method": "worker"})
    assert cluster.changed(before, after) == ["io_method", "port", "shared_buffers", "work_mem"]
    assert cluster.changed(after, after) == []
    assert cluster.changed("", after) == ["io_method", "jit", "port", "shared_buffers"]


def test_a_restart_names_its_settings() -> None:
    assert cluster.restarting(["port"], now=True) == "PostgreSQL was restarted for port: it reads that at its start."
    foretold = cluster.restarting(["port", "shared_buffers"], now=False)
    assert foretold == "PostgreSQL would be restarted for port, shared_buffers: it reads those at its start."


@pytest.mark.parametrize(
    ("changed", "running", "pending", "expected"),
    [
        (False, True, [], ""),
        (True, True, [], "reload"),
        (True, True, ["max_connections"], "restart"),
        (False, True, ["port"], "restart"),  # an earlier run died before its restart
        (False, False, [], "start"),
        (True, False, ["port"], "start"),
    ],
)
def test_the_servers_reaction(changed: bool, running: bool, pending: list[str], expected: str) -> None:
    assert cluster.reaction(changed, running, pending) == expected


def test_an_empty_server_gets_everything_in_order() -> None:
    steps = database.steps(NOTHING, WANTED)
    assert [step.action.split()[0] for step in steps] == ["create", "set", "create"]
    assert "ENCODING 'UTF8' LC_COLLATE 'C'" in steps[-1].sql and 'OWNER "mastodon"' in steps[-1].sql
    assert all("pencil" not in step.sql + step.action for step in steps)


def test_what_is_right_is_left_alone() -> None:
    assert database.steps(DONE, WANTED) == [] and database.notes(DONE, WANTED) == []


def test_another_password_is_set_and_none_leaves_the_stored_one() -> None:
    assert [s.action for s in database.steps(DONE, database.Wanted("mastodon_production", "mastodon", "new"))] == [
        "set the password of mastodon"
    ]
    assert database.steps(DONE, database.Wanted("mastodon_production", "mastodon", "")) == []


def test_a_foreign_database_is_kept_and_spoken_of() -> None:
    found = database.Found(role=True, verifier=SERVER, owner="postgres", collation="UTF8/de_DE.UTF-8/de_DE.UTF-8")
    assert database.steps(found, WANTED) == []
    assert len(database.notes(found, WANTED)) == 2
    assert "no password" in database.notes(NOTHING, database.Wanted("d", "u", ""))[0]


def test_names_are_quoted() -> None:
    (step, *_) = database.steps(NOTHING, database.Wanted("d", 'a"b', ""))
    assert step.sql == 'CREATE ROLE "a""b" LOGIN'
    assert database.literal("o'hara") == "'o''hara'"
