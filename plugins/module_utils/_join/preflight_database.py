# GPL-3.0-or-later (see LICENSE)
"""What PostgreSQL and PgBouncer answered a worker: checks with the reason and the next step (wireguard-join c.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import Check

POSTGRES, PGBOUNCER = "postgres", "pgbouncer"
CONNECT, LOGIN, QUERY = "connect", "login", "query"
# One row. Sessions of other roles hide their address, so this host's own are counted by its own role.
QUESTION = """SELECT pg_is_in_recovery(), extract(epoch FROM clock_timestamp()),
 current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
 (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database),
 (SELECT count(*) FROM pg_stat_activity WHERE client_addr = inet_client_addr() AND usename = session_user),
 session_user"""
# The answer came from PostgreSQL, by whichever way.
RIGHTS = {
    "42501": "The role has no rights there: it must be a member of the owner and act as it (worker_access).",
    "42P01": "The database has no tables of Mastodon: set it up with site.yml, or correct DB_NAME.",
}
MIGRATIONS = "SELECT version FROM schema_migrations"


@dataclass(frozen=True)
class DatabaseSeen:
    """One login and one query. stage: where it ended when it failed; code: SQLSTATE, empty without an answer."""

    where: str
    user: str
    database: str
    stage: str = ""
    code: str = ""
    error: str = ""
    timed_out: bool = False
    row: tuple[str, ...] = ()
    ms: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether there is no answer."""
        return bool(self.stage)

    @property
    def recovery(self) -> bool:
        """Whether it is a replica."""
        return self.row[:1] == ("t",)


def free_connections(row: Sequence[str]) -> int:
    """Connections that this host may have: those of ordinary users, less those of all others."""
    most, all_of_them, own = (int(float(value or 0)) for value in row[2:5])
    return most - (all_of_them - own)


def judge(direct: DatabaseSeen | None, pooler: DatabaseSeen, needed: int, env_file: str) -> tuple[Check, Check]:
    """The two checks. direct None: nobody said where PostgreSQL itself is.

    needed: connections of this host's pool. PgBouncer's own errors are vague, and with PostgreSQL down it takes the
    login and hangs: the direct answer explains it, and then only that one counts as failed.
    """
    if direct is None:
        first = Check(POSTGRES, None, "not asked: no database_direct was given")
    elif direct.failed:
        first = _failed(direct, POSTGRES, env_file, () if direct.code else ("tunnel",))
    else:
        first = _answered(direct, POSTGRES, needed)
    if pooler.failed:
        # A word of the pooler's own is not explained by a tunnel, unless it is about its server.
        behind = not pooler.code or "server" in pooler.error
        follows = (POSTGRES, "tunnel") if behind else (POSTGRES,)
        second = _failed(pooler, PGBOUNCER, env_file, follows, direct is not None and not direct.failed)
    elif direct is None or direct.failed:
        second = _answered(pooler, PGBOUNCER, needed)
    else:
        second = Check(PGBOUNCER, True, f"{pooler.where} answers a query as {pooler.user}", ms=pooler.ms)
    return first, second


def _answered(seen: DatabaseSeen, name: str, needed: int) -> Check:
    if seen.recovery:
        return Check(
            name,
            False,
            f"{seen.where} is a replica (pg_is_in_recovery): jobs write",
            "the primary",
            "Point the pooler at the primary: the host of group postgres in the inventory.",
            seen.ms,
        )
    free = free_connections(seen.row)
    if free < needed:
        return Check(
            name,
            False,
            f"{free} connections are free at {seen.where}",
            f"{needed} for this host's pool",
            "Run plan.yml: its ledger says who holds how many; lower a pool, or raise max_connections.",
            seen.ms,
        )
    return Check(name, True, f"{seen.where} answers a query as {seen.user}, {free} connections free", ms=seen.ms)


def _failed(
    seen: DatabaseSeen, name: str, env_file: str, follows: tuple[str, ...], direct_works: bool = False
) -> Check:
    said = " ".join(part for part in (seen.code, seen.error) if part)
    if seen.timed_out and seen.stage == QUERY:
        said = f"took the login and did not answer a query in time ({seen.ms / 1000:.0f} s)"
    if seen.code in RIGHTS:
        hint = RIGHTS[seen.code]
    elif name == PGBOUNCER:
        hint = _hint_pgbouncer(seen, env_file, direct_works)
    else:
        hint = _hint_postgres(seen, env_file)
    return Check(name, False, f"{seen.where}: {said}", "", hint, seen.ms, follows)


def _hint_postgres(seen: DatabaseSeen, env_file: str) -> str:
    hints = {
        "28000": "Grant this worker access (worker_access, service postgresql) for the address that it comes from.",
        "28P01": f"DB_USER or DB_PASS in {env_file} is not what the role has: grant again, then write the environment.",
        "3D000": f"DB_NAME in {env_file} names no database there.",
        "53300": "PostgreSQL has no connection left: run plan.yml, its ledger says who holds how many.",
        "57P03": "PostgreSQL is starting or stopping: wait, then run again.",
    }
    if seen.code in hints:
        return hints[seen.code]
    if seen.stage == CONNECT:
        return "Is PostgreSQL up there, does it listen on that address, and does the firewall let this host in?"
    return "Look at PostgreSQL's log on that host."


def _hint_pgbouncer(seen: DatabaseSeen, env_file: str, direct_works: bool) -> str:
    text = seen.error.lower()
    if seen.stage == CONNECT:
        return "Is it running here? systemctl status pgbouncer"
    if seen.stage == QUERY or "server login" in text or "connect failed" in text or "server_login_retry" in text:
        return "The pooler is up, and PostgreSQL behind it does not take it: look at journalctl -u pgbouncer."
    if "no such database" in text or seen.code == "3D000":
        return f"DB_NAME in {env_file} is not among its databases: run the role pgbouncer."
    if "login rejected" in text or "no pg_hba.conf entry" in text:
        return (
            "Its auth_hba_file has no line for this user and address: grant access (worker_access, service pgbouncer)."
        )
    if "authentication failed" in text or "password" in text or seen.code in ("28P01", "08P01"):
        if direct_works:
            return (
                "PostgreSQL takes this very password, the pooler does not: its user list is older. Grant access again."
            )
        return f"Unknown user or wrong password (PgBouncer does not say which): compare DB_USER in {env_file}."
    if "max_client_conn" in text or "no more connections" in text:
        return "All its client places are taken: raise max_client_conn (mastodon_pgbouncer)."
    return "Look at journalctl -u pgbouncer here."
