# GPL-3.0-or-later (see LICENSE)
"""A cluster in Debian's sense: which version, which files, and what must be reloaded or restarted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SETTING = re.compile(r"^(\w+) = (.*)$", re.MULTILINE)
HEADER = "# Managed by fediverse.mastodon (role postgres); local changes are overwritten."
HBA_CLIENTS = "# One line per host of the plan."
HBA_ADDITIONAL = "# postgres_hba_additional"


@dataclass(frozen=True)
class DataDirectory:
    """A data directory found on the host."""

    version: str
    path: str


def candidate_version(policy: str) -> str:
    """The major version behind `apt-cache policy postgresql`: `Candidate: 17+278`. Empty when there is none."""
    found = re.search(r"Candidate: (?:\d+:)?(\d+)\+", policy)
    return found.group(1) if found else ""


def other_version(found: Iterable[DataDirectory], version: str, host: str) -> str:
    """Why this host is refused: somebody's data of another version. Empty when there is none."""
    other = sorted({(item.version, item.path) for item in found if item.version != version})
    if not other:
        return ""
    named = ", ".join(f"{path} (PostgreSQL {their})" for their, path in other)
    keep = other[-1][0]
    return (
        f"{host}: PostgreSQL {version} is wanted, but there is data of another version: {named}. "
        f"It is not touched. Keep it with `mastodon_postgres_version: {keep}`, or move it yourself "
        f"(`pg_upgradecluster {keep} main`, then `pg_dropcluster {keep} main` when {version} has been checked)."
    )


def quote(value: object) -> str:
    """A value in postgresql.conf. Everything may be quoted there; a quote is doubled."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("'", "''") + "'"


def render_conf(settings: Mapping[str, object]) -> str:
    """Our file in conf.d."""
    return "\n".join([HEADER, *(f"{name} = {quote(settings[name])}" for name in sorted(settings)), ""])


def hba_line(database: str, user: str, address: str, host: str) -> str:
    """One host's line."""
    return f"host {database} {user} {address} scram-sha-256  # {host}"


def hba_key(host: str, user: str) -> tuple[str, str]:
    """By what the lines are sorted: a worker's, which comes between two runs, stands where the next run puts it."""
    return host, user


def render_hba(database: str, user: str, clients: Sequence[Mapping[str, str]], additional: Sequence[str]) -> str:
    """The whole pg_hba.conf: who is not named here is refused. A client's `role` is who it logs in as, else `user`."""
    named = sorted(
        ((client, client.get("role") or user) for client in clients), key=lambda one: hba_key(one[0]["host"], one[1])
    )
    lines = [
        HEADER,
        "# The administrator, by the socket.",
        "local all postgres peer",
        HBA_CLIENTS,
    ]
    lines += [hba_line(database, role, client["address"], client["host"]) for client, role in named]
    if additional:
        lines += [HBA_ADDITIONAL, *additional]
    return "\n".join([*lines, ""])


def changed(before: str, after: str) -> list[str]:
    """Settings that two texts of our file do not have alike, in order of their names."""
    found = [dict(SETTING.findall(text)) for text in (before, after)]
    return sorted(name for name in {*found[0], *found[1]} if found[0].get(name) != found[1].get(name))


def restarting(names: Sequence[str], *, now: bool) -> str:
    """A note on a restart. now: it is done, else it is what a run would do."""
    which = "that" if len(names) == 1 else "those"
    return f"PostgreSQL {'was' if now else 'would be'} restarted for {', '.join(names)}: it reads {which} at its start."


def reaction(files_changed: bool, running: bool, pending: Sequence[str]) -> str:
    """What the server needs: start, restart, reload or nothing. `pending` is asked after a reload."""
    if not running:
        return "start"
    if pending:
        return "restart"
    return "reload" if files_changed else ""
