# GPL-3.0-or-later (see LICENSE)
"""A worker's role and its line in pg_hba.conf, on the database host."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from .._join import access_hba, access_postgres
from .._join.access import Grant
from .._postgres.database import Step, literal
from .._postgres.psql import Psql
from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_file, read_text
from .._wire.model import Secret

MISTAKES = "SELECT 'line ' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL"
RELOAD_DEADLINE = 10.0
POLL = 0.05
Decided = TypeVar("Decided")


class PostgresAccess:
    """One worker at the running server."""

    def __init__(self, module: Module, changes: Changes, grant: Grant, told: dict[str, Any], password: Secret) -> None:
        self.module, self.changes, self.grant, self.password = module, changes, grant, password
        self.database, self.owner = str(told["database"]), str(told["owner"])
        self.psql = Psql(Shell(module), str(told["port"]))
        if not self.psql.ready():
            raise Refusal(
                f"PostgreSQL does not answer on its socket, port {told['port']}: nothing can be granted or revoked"
                f" for {grant.worker} there. Start it (`systemctl status 'postgresql@*'`), then run this again."
            )
        self.path = self.psql.value("SHOW hba_file")

    def present(self) -> int:
        """Role first, then the line: at no moment is there a line without its role."""
        if self.psql.value(f"SELECT count(*) FROM pg_roles WHERE rolname = {literal(self.owner)}") != "1":
            raise Refusal(f"PostgreSQL has no role {self.owner}: run role postgres on the database host first.")
        user = self.grant.user
        after = self._edited(
            lambda text: access_hba.granted(
                text, self.database, user or self.owner, self.grant.worker, self.grant.address
            )
        )
        steps = _or_refuse(
            lambda: (
                access_postgres.present(self._role(), self.grant.worker, user, self.owner, self.password)
                if user
                else []
            )
        )
        self._run(steps)
        self._write(after)
        others = [name for name in access_hba.users(after, self.grant.worker) if name != (user or self.owner)]
        if others:
            self.changes.notes.append(
                f"{self.grant.worker} may still log in to PostgreSQL as {', '.join(others)}: the next run of role"
                " postgres takes that line away."
            )
        return 0

    def absent(self) -> int:
        """Role with its sessions, then the line: a file with a mistake in it must not keep a door open.

        Returns how many sessions were ended. Where the role is everybody's, the line goes first.
        """
        user, worker = self.grant.user, self.grant.worker
        found = self._role() if user else access_postgres.Role()
        self._run(_or_refuse(lambda: access_postgres.absent(found, worker, user, self.owner, self.database)))
        self._write(self._edited(lambda text: access_hba.revoked(text, worker)))
        return found.sessions if user else self._end_shared()

    def _end_shared(self) -> int:
        if not self.grant.address:
            return 0
        condition = access_postgres.from_address(self.owner, self.grant.address)
        count = int(self.psql.value(f"SELECT count(*) FROM pg_stat_activity WHERE {condition}"))
        if count:
            says = f"end {access_postgres.sessions(count)} of {self.owner} from {self.grant.address}"
            self._run([Step(says, access_postgres.terminate(condition))])
        self.changes.notes.append(
            f"{self.grant.worker} knew {self.owner}'s password, which others use too: whoever has it gets in from any"
            " address that pg_hba.conf names. Give workers an identity of their own, or change it."
        )
        return count

    def _role(self) -> access_postgres.Role:
        return access_postgres.read(self.psql.rows(access_postgres.query(self.grant.user, self.owner)))

    def _edited(self, edit: Callable[[str], str]) -> str:
        before = read_text(self.path)
        if before is None:
            raise Refusal(f"{self.path} is not there: run role postgres on the database host first.")
        mistakes = self.psql.column(MISTAKES)
        if mistakes:
            raise Refusal(
                f"{self.path} has mistakes, so PostgreSQL would not read it again: {'; '.join(mistakes)}."
                " Mend it (role postgres writes a good one), then run this again."
            )
        return _or_refuse(lambda: edit(before))

    def _run(self, steps: list[Step]) -> None:
        for step in steps:
            self.changes.actions.append(step.action)
            if not self.module.check_mode:
                said = self.psql.execute(step.sql + ";")
                if "f" in said.split():
                    raise Refusal(
                        f"PostgreSQL: {step.action}: a session did not end within"
                        f" {access_postgres.PATIENCE_MS / 1000:.0f} s. Look at pg_stat_activity, then run this again."
                    )

    def _write(self, after: str) -> None:
        """Write, let the server check it, take it back when it refuses, and wait until it was read."""
        before = read_text(self.path) or ""
        if not put_file(self.module, FileSpec(self.path, after, "0640", "postgres", "postgres"), self.changes):
            return
        self.changes.actions.append("reload PostgreSQL")
        if self.module.check_mode:
            return
        mistakes = self.psql.column(MISTAKES)
        if mistakes:
            put_file(self.module, FileSpec(self.path, before, "0640", "postgres", "postgres"), Changes())
            raise Refusal(f"PostgreSQL refuses its new {self.path}, the old one is back: {'; '.join(mistakes)}")
        # Answers true even when the file is not loaded, which is why it was asked first.
        read_before = self.psql.value("SELECT pg_conf_load_time()")
        self.psql.execute("SELECT pg_reload_conf();")
        deadline = time.monotonic() + RELOAD_DEADLINE
        while self.psql.value("SELECT pg_conf_load_time()") == read_before:
            if time.monotonic() > deadline:
                raise Refusal(f"PostgreSQL did not read its configuration within {RELOAD_DEADLINE:.0f} s.")
            time.sleep(POLL)


def _or_refuse(decide: Callable[[], Decided]) -> Decided:
    """What the core decides; what it refuses is the module's failure."""
    try:
        return decide()
    except ValueError as problem:
        raise Refusal(f"{problem}.") from problem
