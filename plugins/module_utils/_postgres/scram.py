# GPL-3.0-or-later (see LICENSE)
"""SCRAM-SHA-256 verifiers as PostgreSQL stores them (RFC 5802, RFC 7677).

`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in base64. We compute them here, so that no
password in clear text reaches the server's log, and an unchanged password is recognised without setting it again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

ITERATIONS = 4096
PREFIX = "SCRAM-SHA-256"


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """The verifier of a password. Ours are ASCII, for which SASLprep changes nothing."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    return f"{PREFIX}${iterations}:{_encode(salt)}${_encode(stored_key)}:{_encode(server_key)}"


def fresh(password: str) -> str:
    """A verifier with a new salt, as PostgreSQL would make it."""
    return verifier(password, os.urandom(16))


def matches(stored: str | None, password: str) -> bool:
    """Whether a stored verifier is this password's."""
    if not stored or not stored.startswith(PREFIX + "$"):
        return False
    try:
        iterations, salt = stored.split("$")[1].split(":")
        expected = verifier(password, base64.b64decode(salt, validate=True), int(iterations))
    except (ValueError, IndexError):
        return False
    return hmac.compare_digest(expected, stored)
