# GPL-3.0-or-later (see LICENSE)
"""One worker's line in the pg_hba.conf that role postgres writes, where that role would write it.

The role renders the whole file from the plan, which names the same clients. A line added here in the same place and in
the same words is no difference to the next run of the role, and a worker that left the plan is gone with it.
"""

from __future__ import annotations

import re

from .._postgres.cluster import HBA_ADDITIONAL, HBA_CLIENTS, HEADER, hba_key, hba_line

_LINE = re.compile(r"host (?P<database>\S+) (?P<user>\S+) (?P<address>\S+) scram-sha-256  # (?P<host>.+)")


def granted(text: str, database: str, user: str, worker: str, address: str) -> str:
    """The file with the worker's line. A line of its with another address goes; one with another user stays.

    user: who it logs in as. ValueError: the file is not the role's.
    """
    head, lines, tail = _parts(text)
    wanted = hba_line(database, user, address, worker)
    kept = [line for line in lines if line != wanted and not _same(line, worker, user)]
    return _joined(head, sorted([*kept, wanted], key=_key), tail)


def revoked(text: str, worker: str) -> str:
    """The file without any line of the worker. ValueError: the file is not the role's."""
    head, lines, tail = _parts(text)
    return _joined(head, [line for line in lines if _read(line).get("host") != worker], tail)


def users(text: str, worker: str) -> list[str]:
    """Who the worker may log in as now."""
    return [one["user"] for one in map(_read, _parts(text)[1]) if one.get("host") == worker]


def _read(line: str) -> dict[str, str]:
    found = _LINE.fullmatch(line)
    return found.groupdict() if found else {}


def _same(line: str, worker: str, user: str) -> bool:
    read = _read(line)
    return read.get("host") == worker and read.get("user") == user


def _key(line: str) -> tuple[str, str]:
    read = _read(line)
    return hba_key(read.get("host", ""), read.get("user", ""))


def _parts(text: str) -> tuple[list[str], list[str], list[str]]:
    """Before the clients, the clients, and what the admin added. An admin's line is never taken for a worker's."""
    lines = text.splitlines()
    if HEADER not in lines or HBA_CLIENTS not in lines:
        raise ValueError(
            "pg_hba.conf is not the one that role postgres writes: run that role on the database host first, or add"
            " the worker's line by hand"
        )
    start = lines.index(HBA_CLIENTS) + 1
    end = lines.index(HBA_ADDITIONAL, start) if HBA_ADDITIONAL in lines[start:] else len(lines)
    return lines[:start], lines[start:end], lines[end:]


def _joined(head: list[str], lines: list[str], tail: list[str]) -> str:
    return "\n".join([*head, *lines, *tail, ""])
