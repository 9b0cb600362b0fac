# GNU General Public License v3.0 or later (see LICENSE)
"""Two statements for psql."""

from __future__ import annotations

from .report import Check


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def query(marker: str, token: str) -> str:
    """Count the post, or delete the token and count what was deleted."""
    if marker:
        return f"SELECT count(*) FROM statuses WHERE text = {literal(marker)};\n"
    gone = f"DELETE FROM oauth_access_tokens WHERE token = {literal(token)} RETURNING 1"
    return f"WITH gone AS ({gone}) SELECT count(*) FROM gone;\n"


def command(database: str, port: int) -> list[str]:
    """psql as the server's administrator; the statement comes from standard input, never from an argument."""
    psql = ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-p", str(port), "-d", database]
    return ["runuser", "-u", "postgres", "--", *psql]


def judge(where: str, looking: bool, code: int, out: str, err: str) -> Check:
    """The line about it."""
    name = "the post is in PostgreSQL" if looking else "the token is removed"
    if code != 0:
        seen = (err.strip().splitlines() or [f"psql ended with {code}"])[0]
        return Check(name, where, False, seen, "Look at journalctl -u 'postgresql@*' on that host.")
    rows = int(out.strip() or 0)
    if rows == 1:
        return Check(name, where, True, "1 row")
    fix = "Web writes into another database than the plan's." if looking else "It expires by itself in ten minutes."
    return Check(name, where, False, f"{rows} rows instead of 1", fix)
