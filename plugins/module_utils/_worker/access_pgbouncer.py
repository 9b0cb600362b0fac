# GPL-3.0-or-later (see LICENSE)
"""A worker's entry in the userlist of this host's pooler. Reloaded, never restarted."""

from __future__ import annotations

import time
from collections.abc import Callable

from .. import _pgbouncer as pooler
from .._join import access_pgbouncer
from .._join.access import Grant
from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_file, read_text
from .._wire.model import Secret

INI = "/etc/pgbouncer/pgbouncer.ini"
USERLIST = "/etc/pgbouncer/userlist.txt"
SOCKETS = "/var/run/postgresql"
UNIT = "pgbouncer.service"
TAKEN_DEADLINE = 5.0


class PgbouncerAccess:
    """The pooler of this host."""

    def __init__(self, module: Module, changes: Changes, grant: Grant, password: Secret) -> None:
        self.module, self.changes, self.grant, self.password = module, changes, grant, password
        self.shell = Shell(module)
        self.before = read_text(USERLIST)

    def present(self) -> int:
        """Write the entry, reload, see that the pooler knows the user."""
        if not self.grant.user:
            self.changes.notes.append(f"{self.grant.worker} uses the owner's entry, which role pgbouncer writes.")
            return 0
        if self.before is None:
            raise Refusal(f"{USERLIST} is not there: run role pgbouncer on {self.grant.worker} first.")
        if self._write(lambda text: access_pgbouncer.granted(text, self.grant.user, self.password)):
            self._see_user()
        return 0

    def absent(self) -> int:
        """Take the entry away. Sessions that the pooler holds end at PostgreSQL, with the role."""
        if self.grant.user and self.before is not None:
            self._write(lambda text: access_pgbouncer.revoked(text, self.grant.user))
        return 0

    def _write(self, edit: Callable[[str], str]) -> bool:
        try:
            after = edit(self.before or "")
        except ValueError as problem:
            raise Refusal(f"{problem}. Run role pgbouncer, which writes the whole file.") from problem
        if after == self.before:
            return False
        put_file(self.module, FileSpec(USERLIST, after, "0640", "postgres", "postgres"), self.changes, secret=True)
        active = self.shell.run(["systemctl", "is-active", UNIT], check=False).out.strip() == "active"
        if not active:
            self.changes.notes.append("PgBouncer does not run here: the entry counts when it starts.")
            return False
        self.changes.actions.append(f"reload {UNIT}")
        if not self.module.check_mode:
            self.shell.run(["systemctl", "reload", UNIT])
        return not self.module.check_mode

    def _see_user(self) -> None:
        port = pooler.setting(read_text(INI) or "", "listen_port", "6432")
        argv = ["psql", "-XAq", "-F|", "-h", SOCKETS, "-p", port, "-U", "pgbouncer", "-d", "pgbouncer"]
        deadline = time.monotonic() + TAKEN_DEADLINE
        while True:
            shown = pooler.table(self.shell.run([*argv, "-c", "SHOW USERS"], user="postgres").out)
            if any(row.get("name") == self.grant.user for row in shown):
                return
            if time.monotonic() > deadline:
                raise Refusal(
                    f"PgBouncer was reloaded, but does not know {self.grant.user} after {TAKEN_DEADLINE:.0f} s:"
                    f" see `journalctl -u {UNIT}`."
                )
            time.sleep(0.1)
