# GPL-3.0-or-later (see LICENSE)
"""The application's role and database: what is missing, as SQL."""

from __future__ import annotations

from dataclasses import dataclass

from . import scram


@dataclass(frozen=True)
class Wanted:
    """What the application needs. An empty password leaves the stored one alone."""

    database: str
    user: str
    password: str


@dataclass(frozen=True)
class Found:
    """What the server has. `collation` is `encoding/collate/ctype`; None: no such database."""

    role: bool
    verifier: str | None
    owner: str | None
    collation: str | None


@dataclass(frozen=True)
class Step:
    """One statement and how we speak about it."""

    action: str
    sql: str


COLLATION = "UTF8/C/C.UTF-8"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted literal (standard_conforming_strings is on since 9.1)."""
    return "'" + text.replace("'", "''") + "'"


def steps(found: Found, wanted: Wanted) -> list[Step]:
    """The statements that are missing, in order. An existing database is never changed."""
    todo = []
    user, database = identifier(wanted.user), identifier(wanted.database)
    if not found.role:
        todo.append(Step(f"create role {wanted.user}", f"CREATE ROLE {user} LOGIN"))
    if wanted.password and not scram.matches(found.verifier, wanted.password):
        verifier = literal(scram.fresh(wanted.password))
        todo.append(Step(f"set the password of {wanted.user}", f"ALTER ROLE {user} PASSWORD {verifier}"))
    if found.collation is None:
        todo.append(
            Step(
                f"create database {wanted.database}",
                f"CREATE DATABASE {database} OWNER {user} TEMPLATE template0 "
                "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
            )
        )
    return todo


def notes(found: Found, wanted: Wanted) -> list[str]:
    """What the admin should know about what is there."""
    said = []
    if found.collation not in (None, COLLATION):
        said.append(
            f"Database {wanted.database} has {found.collation} instead of {COLLATION} and is left so: "
            "its text indexes depend on the C library's collation (REINDEX after such an update)."
        )
    if found.owner not in (None, wanted.user):
        said.append(f"Database {wanted.database} belongs to {found.owner}, not to {wanted.user}: migrations may fail.")
    if not wanted.password and scram.PREFIX not in (found.verifier or ""):
        said.append(
            f"{wanted.user} has no password and so cannot log in over the network: set postgres_password "
            "(site.yml takes it from mastodon_secrets)."
        )
    return said
