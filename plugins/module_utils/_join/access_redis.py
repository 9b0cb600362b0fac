# GPL-3.0-or-later (see LICENSE)
"""A worker's own user at Redis: its rights, its file, and whether the running server agrees.

A file per user, included by the instance's configuration (role redis), because `CONFIG REWRITE` would rewrite the
role's file, and `aclfile` cannot be turned on without a restart. The file counts at the next start, `ACL SETUSER` now.
Rights: everything on all keys and channels but what administrates or can harm the whole server. Sidekiq asks INFO
before it starts, Mastodon's delivery tracker asks KEYS (wireguard-join c.8, S6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .._wire.model import Secret

RIGHTS = ("~*", "&*", "+@all", "-@admin", "-@dangerous", "+info", "+keys")
# The words that the server uses for rights differ between its versions (7.0 lists every command that 8.0 calls
# @dangerous), so it is asked about commands: these must be allowed, and those refused.
ALLOWED = (("INFO",), ("KEYS", "*"), ("LPUSH", "k", "v"), ("SUBSCRIBE", "c"), ("EVAL", "return 1", "0"))
REFUSED = (("CONFIG", "GET", "*"), ("FLUSHALL",), ("ACL", "LIST"), ("SHUTDOWN",), ("CLIENT", "LIST"), ("DEBUG", "HELP"))
HEADER = "# Managed by fediverse.mastodon (module worker_access); local changes are overwritten."


def hashed(password: Secret) -> str:
    """What Redis keeps of a password: SHA-256, hexadecimal."""
    return hashlib.sha256(password.reveal().encode()).hexdigest()


def rules(digest: str) -> list[str]:
    """The words of `ACL SETUSER` behind the name. reset: nothing of an earlier grant stays."""
    return ["reset", "on", f"#{digest}", *RIGHTS]


def content(user: str, worker: str, digest: str) -> str:
    """The user's file. Redis reads a user's line once, so there is nothing to reset."""
    return f"{HEADER}\n# {worker}\nuser {user} on #{digest} {' '.join(RIGHTS)}\n"


def path(users: str, user: str) -> str:
    """Where it lies. users: the instance's directory of users."""
    return f"{users}/{user}.conf"


def account(reply: Any) -> dict[str, Any]:
    """`ACL GETUSER` as a dict; empty: no such user."""
    if not isinstance(reply, Sequence) or isinstance(reply, str):
        return {}
    return dict(zip(map(str, reply[::2]), reply[1::2]))


def agrees(found: Mapping[str, Any], digest: str) -> bool:
    """Whether the user has this password alone, is on, and sees all keys and channels."""
    flags = found.get("flags") or []
    return (
        "on" in flags
        and "nopass" not in flags
        and found.get("passwords") == [digest]
        and found.get("keys") == "~*"
        and found.get("channels") == "&*"
    )


def included(config: str, users: str) -> bool:
    """Whether the instance's configuration reads the users' directory at its next start."""
    return f"include {users}/*.conf" in config.splitlines()
