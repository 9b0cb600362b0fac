# GPL-3.0-or-later (see LICENSE)
"""A worker's own role in PostgreSQL, as SQL: made as a member of the owner, and taken away with all it holds.

`ALTER ROLE … SET role` makes every session of it the owner from the first statement on, so what a job writes belongs
to the owner, and the application notices nothing. A role that carries our comment is ours; no other is ever dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._postgres import scram
from .._postgres.database import Step, identifier, literal
from .._wire.model import Secret

MARK = "fediverse.mastodon worker "
# A session that does not end within this time is told as a finding.
PATIENCE_MS = 5_000


@dataclass(frozen=True)
class Role:
    """What the server has. exists False: no such role, the rest is empty. owned: objects that belong to it."""

    exists: bool = False
    comment: str = ""
    login: bool = False
    verifier: str = ""
    member: bool = False
    acts_as: str = ""
    owned: int = 0
    sessions: int = 0


def query(user: str, owner: str) -> str:
    """One row per role of that name: the fields of Role behind `exists`, in their order."""
    return (
        "SELECT coalesce(shobj_description(r.oid, 'pg_authid'), ''), r.rolcanlogin, coalesce(r.rolpassword, ''),"
        f" EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid AND o.rolname = {literal(owner)}"
        " WHERE m.member = r.oid),"
        " coalesce((SELECT substr(setting, 6) FROM pg_db_role_setting s, unnest(s.setconfig) setting"
        " WHERE s.setrole = r.oid AND s.setdatabase = 0 AND setting LIKE 'role=%'), ''),"
        " (SELECT count(*) FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid"
        " AND d.deptype IN ('o', 'a')),"
        " (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid)"
        f" FROM pg_authid r WHERE r.rolname = {literal(user)}"
    )


def read(rows: list[list[str]]) -> Role:
    """The answer to `query`."""
    if not rows:
        return Role()
    comment, login, verifier, member, acts_as, owned, sessions = rows[0]
    return Role(True, comment, login == "t", verifier, member == "t", acts_as, int(owned), int(sessions))


def present(found: Role, worker: str, user: str, owner: str, password: Secret) -> list[Step]:
    """What is missing until the worker can log in. ValueError: the name is somebody else's role.

    A role that was closed by a removal that did not end is opened again, with the password of now.
    """
    _refuse_foreign(found, worker, user)
    name, mark = identifier(user), literal(MARK + worker)
    todo = []
    if not found.exists:
        # In one transaction: a role without the comment would be taken for somebody else's.
        todo.append(
            Step(f"create role {user}", f"BEGIN; CREATE ROLE {name} LOGIN; COMMENT ON ROLE {name} IS {mark}; COMMIT")
        )
    elif not found.login:
        todo.append(Step(f"let {user} log in", f"ALTER ROLE {name} LOGIN"))
    if not scram.matches(found.verifier, password.reveal()):
        verifier = literal(scram.fresh(password.reveal()))
        todo.append(Step(f"set the password of {user}", f"ALTER ROLE {name} PASSWORD {verifier}"))
    if not found.member:
        todo.append(Step(f"make {user} a member of {owner}", f"GRANT {identifier(owner)} TO {name}"))
    if found.acts_as != owner:
        todo.append(Step(f"let {user} act as {owner}", f"ALTER ROLE {name} SET role TO {literal(owner)}"))
    return todo


def absent(found: Role, worker: str, user: str, owner: str, database: str) -> list[Step]:
    """Close, end the sessions, give what it owns to the owner, drop. ValueError: the name is somebody else's role."""
    if not found.exists:
        return []
    _refuse_foreign(found, worker, user)
    name = identifier(user)
    todo = []
    if found.login:
        todo.append(Step(f"close role {user}", f"ALTER ROLE {name} NOLOGIN"))
    if found.sessions:
        todo.append(Step(f"end {sessions(found.sessions)} of {user}", terminate(f"usename = {literal(user)}")))
    if found.owned:
        todo.append(
            Step(
                f"give what {user} owns in {database} to {owner}",
                # psql's own command: the statements are about objects of one database.
                f"\\connect {identifier(database)}\n"
                f"REASSIGN OWNED BY {name} TO {identifier(owner)}; DROP OWNED BY {name}",
            )
        )
    todo.append(Step(f"drop role {user}", f"DROP ROLE {name}"))
    return todo


def terminate(condition: str) -> str:
    """End sessions and wait until they are gone; a row with false is one that is not."""
    return f"SELECT pg_terminate_backend(pid, {PATIENCE_MS}) FROM pg_stat_activity WHERE {condition}"


def from_address(user: str, address: str) -> str:
    """The sessions of a role that come from one host: all that can be ended where hosts share a role."""
    return f"usename = {literal(user)} AND client_addr = {literal(address.split('/')[0])}"


def sessions(count: int) -> str:
    """In words."""
    return "1 session" if count == 1 else f"{count} sessions"


def _refuse_foreign(found: Role, worker: str, user: str) -> None:
    if found.exists and found.comment != MARK + worker:
        whose = f"its comment is {found.comment!r}" if found.comment else "it has no comment of ours"
        raise ValueError(
            f"PostgreSQL has a role {user} that is not worker {worker}'s ({whose}), and it is left alone:"
            f" rename or drop it, or give the host another name"
        )
