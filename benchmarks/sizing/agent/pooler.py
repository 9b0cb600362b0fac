# GPL-3.0-or-later (see LICENSE)
"""The benchmark's own PgBouncer: configured as the deployed one, with another server, port and pool. Pure."""

from __future__ import annotations

import re

SERVER = re.compile(r"\bhost=(\S+) port=(\d+) pool_size=\d+ reserve_pool=\d+")
OURS = ("listen_port", "listen_addr", "unix_socket_dir", "logfile", "pidfile", "max_client_conn")
BOUNDS = ("default_pool_size", "max_db_connections", "max_user_connections")


def server_of(deployed: str) -> tuple[str, int]:
    """The database server in a pgbouncer.ini."""
    found = SERVER.search(deployed)
    if found is None:
        raise ValueError("the deployed pgbouncer.ini names no server")
    return found.group(1), int(found.group(2))


def ini(deployed: str, server: tuple[str, int], pool: int, listen: int) -> str:
    """The deployed pgbouncer.ini with this server, this many connections to it, and this port."""
    changed = SERVER.sub(f"host={server[0]} port={server[1]} pool_size={pool} reserve_pool=0", deployed)
    own = "|".join((*OURS, *BOUNDS))
    kept = [line for line in changed.splitlines() if not re.match(rf"({own})\s*=", line)]
    added = {"listen_port": listen, "listen_addr": "127.0.0.1", "unix_socket_dir": "", "max_client_conn": 1000}
    return "\n".join([*kept, *(f"{key} = {value}" for key, value in added.items()), ""])
