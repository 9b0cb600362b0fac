# GPL-3.0-or-later (see LICENSE)
"""A worker's entry in the userlist of the PgBouncer on its own host.

Every application host has its own pooler, and the pooler logs in to PostgreSQL as the user that logged in to it: the
worker's role and password are the pooler's too. Role pgbouncer writes the same one entry when the plan names that user.
"""

from __future__ import annotations

import re

from .._pgbouncer import render_userlist
from .._wire.model import Secret

_ENTRY = re.compile(r'"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"')


def entries(text: str) -> dict[str, str]:
    """userlist.txt: {name: password}. ValueError: a line that is no entry, whose text is not repeated."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(";"):
            continue
        one = _ENTRY.match(line.strip())
        if not one:
            raise ValueError(f'userlist.txt, line {number}, is no entry of the form "name" "password"')
        found[one[1].replace('""', '"')] = one[2].replace('""', '"')
    return found


def granted(text: str, user: str, password: Secret) -> str:
    """The file with this entry; unchanged, to the letter, when it has it."""
    known = entries(text)
    if known.get(user) == password.reveal():
        return text
    return render_userlist({**known, user: password.reveal()})


def revoked(text: str, user: str) -> str:
    """The file without the entry."""
    known = entries(text)
    if user not in known:
        return text
    del known[user]
    return render_userlist(known)
