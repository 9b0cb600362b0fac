# GPL-3.0-or-later (see LICENSE)
"""Who a worker host is to PostgreSQL, Redis and MinIO: names and passwords of its own, derived on the controller.

Derived, not stored: the secrets file may be vaulted, and then no run can add to it; a limited run, a second controller
and a rebuilt database server all come to the same passwords. Derived from a seed of their own, not from the shared
passwords: an imported installation may have short ones, and whoever takes a worker could guess those from what was
derived from them. What is derived cannot be taken back by itself, so each host has an epoch: raise it before a host of
the same name joins again after its disk was lost or stolen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .._wire.model import Secret
from .._wire.psk import hkdf

PER_WORKER, SHARED = "per_worker", "shared"
KINDS = (PER_WORKER, SHARED)
POSTGRES, REDIS, STORE = "postgres", "redis", "store"
SHORTEST_SEED = 32
PREFIX = "mastodon_"
# PostgreSQL cuts identifiers at 63 bytes (NAMEDATALEN - 1).
LONGEST = 63
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 43 digits to base 62 hold 256 bits.
_DIGITS = 43
# A host that does any of this holds the shared passwords anyway, or needs the owner's rights.
_MORE_THAN_A_WORKER = ("postgres", "redis", "minio", "puma", "streaming", "nginx")


@dataclass(frozen=True)
class Identity:
    """A worker as the servers know it. user: at PostgreSQL, PgBouncer, Redis, MinIO; empty: shared."""

    worker: str
    kind: str
    user: str


def identity(worker: str, kind: str = PER_WORKER) -> Identity:
    """The identity of a host. ValueError: not a host's name, or no such kind."""
    if kind not in KINDS:
        raise ValueError(f"identity of {worker} is {kind!r}: give {' or '.join(KINDS)}")
    return Identity(worker, kind, user_name(worker) if kind == PER_WORKER else "")


def user_name(worker: str) -> str:
    """`mastodon_<host>`, the same at every server. A long name is cut and told apart by a hash.

    ValueError: characters that pg_hba.conf, userlist.txt or an ACL file would read as something else.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", worker):
        raise ValueError(
            f"{worker!r} cannot name a worker at PostgreSQL and Redis: letters, digits, dot, dash and underscore only"
        )
    name = PREFIX + worker
    if len(name) <= LONGEST:
        return name
    mark = hashlib.sha256(worker.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - len(mark) - 1]}_{mark}"


def password(seed: Secret, worker: str, service: str, epoch: int = 0) -> Secret:
    """One worker's password at one service: HKDF-SHA256 (RFC 5869) of the seed, as 43 letters and digits.

    epoch: raise it to change this host's passwords. ValueError: a seed too short to be one.
    """
    text = seed.reveal()
    if len(text) < SHORTEST_SEED:
        raise ValueError(
            f"mastodon_secrets.worker_seed has {len(text)} characters, and needs {SHORTEST_SEED} or more:"
            " run the entry `secrets` of role mastodon, which makes it"
        )
    info = "|".join(("fediverse.mastodon worker", service, worker, str(epoch)))
    number = int.from_bytes(hkdf(text.encode(), b"", info.encode(), 32), "big")
    digits = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return Secret("".join(digits))


def own_secrets(
    secrets: Mapping[str, str], worker: str, kind: str = PER_WORKER, epoch: int = 0, store_user: str = ""
) -> dict[str, str]:
    """`mastodon_secrets` as this host shall see it: its own passwords in place of the shared ones.

    Everything that reads `postgres_password` and `redis_password` on the host (pooler, environment) then needs no
    other name for them. store_user: who it is at our object store; empty: it uses the shared key, as at every store
    that is not ours. The seed is not in it.
    """
    seed = Secret(str(secrets.get("worker_seed") or ""))
    found = {name: value for name, value in secrets.items() if name != "worker_seed"}
    if identity(worker, kind).kind == PER_WORKER:
        for service in (POSTGRES, REDIS):
            found[f"{service}_password"] = password(seed, worker, service, epoch).reveal()
        if store_user:
            found["s3_access_key"] = store_user
            found["s3_secret_key"] = password(seed, worker, STORE, epoch).reveal()
    return found


def fits(roles: Collection[str], migrates: bool) -> str:
    """Why a host cannot have an identity of its own; empty when it can.

    roles: of its share of the plan. The owner's password is on a host that migrates or serves the web.
    """
    if "sidekiq_workers" not in roles:
        return "it runs no Sidekiq"
    more = [role for role in _MORE_THAN_A_WORKER if role in roles]
    if more:
        return f"it also runs {', '.join(more)}"
    return "it migrates the database" if migrates else ""
