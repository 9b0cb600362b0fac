# GPL-3.0-or-later (see LICENSE)
"""PgBouncer's configuration: rendered, and compared with what the running pooler says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEADER = "Managed by fediverse.mastodon (role pgbouncer); local changes are overwritten."
PREPARED_SINCE = (1, 21)


@dataclass(frozen=True)
class Pool:
    """One database behind the pooler."""

    database: str
    host: str
    port: int
    pool_size: int
    reserve: int


def version(output: str) -> tuple[int, int]:
    """The version in `pgbouncer --version`: `PgBouncer 1.24.1`. (0, 0) when there is none."""
    found = re.search(r"PgBouncer (\d+)\.(\d+)", output)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def text(value: object) -> str:
    """A value as PgBouncer writes it in SHOW CONFIG."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def effective(settings: Mapping[str, object], installed: tuple[int, int]) -> tuple[dict[str, str], str]:
    """The settings that this version knows, and why it cannot do what is asked."""
    known = {name: text(value) for name, value in settings.items()}
    if installed >= PREPARED_SINCE or "max_prepared_statements" not in known:
        return known, ""
    asked = known.pop("max_prepared_statements")
    if asked == "0":
        return known, ""
    return known, (
        f"max_prepared_statements={asked} needs PgBouncer 1.21, this host has {installed[0]}.{installed[1]}: "
        "set pgbouncer_max_prepared_statements to 0 and leave PREPARED_STATEMENTS=false."
    )


def render_ini(settings: Mapping[str, str], pools: Sequence[Pool]) -> str:
    """pgbouncer.ini."""
    lines = [f"; {HEADER}", "[databases]"]
    lines += [
        f"{pool.database} = host={pool.host} port={pool.port} pool_size={pool.pool_size} reserve_pool={pool.reserve}"
        for pool in pools
    ]
    lines += ["", "[pgbouncer]", *(f"{name} = {settings[name]}" for name in sorted(settings)), ""]
    return "\n".join(lines)


def render_userlist(users: Mapping[str, str]) -> str:
    """userlist.txt. Passwords in clear: PgBouncer has to log in to PostgreSQL with them."""
    quoted = ((name.replace('"', '""'), password.replace('"', '""')) for name, password in sorted(users.items()))
    return "".join(f'"{name}" "{password}"\n' for name, password in quoted)


def setting(ini: str, name: str, default: str) -> str:
    """One setting of an existing pgbouncer.ini."""
    found = re.search(rf"^{re.escape(name)}\s*=\s*(\S+)", ini, re.MULTILINE)
    return found.group(1) if found else default


def complaints(journal: str) -> str:
    """What PgBouncer's journal says about a configuration that it does not take.

    After the first mistake it drops all settings that follow to their defaults, so what differs does not tell.
    """
    return "; ".join(line for line in journal.splitlines() if re.search(r"invalid|unknown|syntax error", line))


def open_files(limits: str) -> tuple[int, int]:
    """Soft and hard limit in /proc/PID/limits; without a process nothing has to be raised."""
    found = re.search(r"^Max open files\s+(\d+)\s+(\d+)", limits, re.MULTILINE)
    return (int(found.group(1)), int(found.group(2))) if found else (2**31, 2**31)


def table(output: str) -> list[dict[str, str]]:
    """Rows of psql's unaligned output with `|` and a header line."""
    lines = [line.split("|") for line in output.splitlines() if "|" in line]
    return [dict(zip(lines[0], row)) for row in lines[1:]] if lines else []


@dataclass(frozen=True)
class Stale:
    """What the running pooler has otherwise than its files say."""

    reload: tuple[str, ...]
    restart: tuple[str, ...]


def stale(
    settings: Mapping[str, str],
    pools: Sequence[Pool],
    shown: Sequence[Mapping[str, str]],
    databases: Sequence[Mapping[str, str]],
) -> Stale:
    """Compare with SHOW CONFIG (which says itself what a reload can change) and SHOW DATABASES."""
    running = {row["key"]: row for row in shown}
    differing = [name for name in sorted(settings) if name in running and running[name]["value"] != settings[name]]
    restart = tuple(name for name in differing if running[name]["changeable"] == "no")
    reload = [name for name in differing if name not in restart]
    served = {row["name"]: row for row in databases}
    for pool in pools:
        row = served.get(pool.database, {})
        reserve = row.get("reserve_pool_size", row.get("reserve_pool"))
        has = (row.get("host"), row.get("port"), row.get("pool_size"), reserve)
        if has != (pool.host, str(pool.port), str(pool.pool_size), str(pool.reserve)):
            reload.append(f"database {pool.database}")
    return Stale(tuple(reload), restart)
