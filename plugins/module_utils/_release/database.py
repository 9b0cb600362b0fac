# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database says about migrations and accounts, asked with psql: booting Rails for it would take seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .commands import Failed, Runner

SPEC: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "host": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "name": {"type": "str", "required": True},
        "user": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
    },
}


def shipped_migrations(current: str) -> set[str]:
    """Versions of the release's migrations, pre- and post-deployment."""
    found: set[str] = set()
    for directory in ("db/migrate", "db/post_migrate"):
        path = os.path.join(current, directory)
        if os.path.isdir(path):
            found.update(match[1] for name in os.listdir(path) if (match := re.match(r"^(\d+)_\w+\.rb$", name)))
    if not found:
        raise Failed(f"{current}/db/migrate holds no migration: there is no release, or it is not whole")
    return found


def new_password(output: str) -> str:
    """From `tootctl accounts create`, whose output has log lines around it."""
    found = re.search(r"^New password: (\S+)\s*$", output, re.MULTILINE)
    return found[1] if found else ""


def said(output: str) -> str:
    """The lines that carry an error, or the last ones; never the password."""
    lines = [line for line in output.splitlines() if line.strip() and "New password" not in line]
    telling = [line for line in lines if re.search(r"error|fail|abort|unreachable|invalid", line, re.IGNORECASE)]
    return "\n".join((telling or lines)[-10:])


class Psql:
    """One database. Every question is one short-lived connection."""

    def __init__(self, database: Mapping[str, Any], runner: Runner | None = None) -> None:
        self._runner = runner or Runner()
        self._where = f"{database['host']}:{database['port']}, database {database['name']}, user {database['user']}"
        self._environment = {
            "PGHOST": str(database["host"]),
            "PGPORT": str(database["port"]),
            "PGDATABASE": str(database["name"]),
            "PGUSER": str(database["user"]),
            "PGPASSWORD": str(database["password"]),
            "PGCONNECT_TIMEOUT": "10",
        }

    def ask(self, sql: str, **variables: str) -> list[str]:
        """The lines of the answer. Variables are used as :'name', quoted by psql."""
        argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        argv += [f"--set={name}={value}" for name, value in variables.items()]
        # psql replaces variables in what it reads, not in --command.
        code, output = self._runner.run(
            ["sh", "-c", 'printf "%s\\n" "$1" | { shift; "$@"; }', "psql", sql, *argv],
            environment=self._environment,
            check=False,
        )
        if code != 0:
            raise Failed(f"PostgreSQL at {self._where} does not answer: {output}")
        return output.splitlines()

    def _has_table(self, name: str) -> bool:
        return bool(self.ask("SELECT 1 WHERE to_regclass(:'name') IS NOT NULL;", name=name))

    def applied_migrations(self) -> set[str]:
        """Empty for a database that no release has touched."""
        return (
            set(self.ask("SELECT version FROM schema_migrations;")) if self._has_table("schema_migrations") else set()
        )

    def has_account(self, username: str) -> bool:
        """A local account with a login."""
        question = (
            "SELECT 1 FROM accounts JOIN users ON users.account_id = accounts.id "
            "WHERE lower(accounts.username) = lower(:'username') AND accounts.domain IS NULL;"
        )
        return bool(self.ask(question, username=username))
