# GPL-3.0-or-later (see LICENSE)
"""psql on the local socket as the administrator."""

from __future__ import annotations

from .._shell import Shell


class Psql:
    """Statements as `postgres`. By standard input: a password must not show in the process list."""

    def __init__(self, shell: Shell, port: str) -> None:
        self._shell = shell
        self._argv = ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "/var/run/postgresql", "-p", port]

    def ready(self) -> bool:
        """Whether the server answers queries."""
        argv = [*self._argv, "-d", "postgres", "-c", "SELECT 1"]
        return self._shell.run(argv, user="postgres", check=False).code == 0

    def execute(self, sql: str) -> str:
        """Run statements, return what they print."""
        return self._shell.run([*self._argv, "-d", "postgres"], user="postgres", text=sql + "\n").out.strip("\n")

    def rows(self, sql: str) -> list[list[str]]:
        """The rows of a query; NULL is the empty string."""
        return [line.split("\t") for line in self.execute(sql + ";").splitlines()]

    def column(self, sql: str) -> list[str]:
        """The first column of a query."""
        return [row[0] for row in self.rows(sql)]

    def value(self, sql: str) -> str:
        """The one value of a query."""
        return self.execute(sql + ";")
