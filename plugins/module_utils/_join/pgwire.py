# GPL-3.0-or-later (see LICENSE)
"""PostgreSQL's protocol 3.0 as far as a login and one query need it. Bytes in, bytes out; sockets are elsewhere.

Sources: PostgreSQL's manual, "Frontend/Backend Protocol"; SCRAM-SHA-256 is RFC 5802 and RFC 7677.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

SSL_REQUEST = struct.pack("!II", 8, 80877103)
VERSION_3 = 196608
# Authentication requests ("R").
OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
SCRAM = "SCRAM-SHA-256"
FEWEST_ROUNDS = 1


class PgError(Exception):
    """What the server said no with. code: SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}".strip())
        self.code = code
        self.message = message


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message of ours."""
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(user: str, database: str) -> bytes:
    """The first message, which has no kind."""
    pairs = {"user": user, "database": database, "application_name": "fediverse.mastodon check"}
    body = struct.pack("!I", VERSION_3)
    body += b"".join(f"{name}\0{value}\0".encode() for name, value in pairs.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def query(sql: str) -> bytes:
    """A simple query, which a pooler in transaction mode takes as well."""
    return message(b"Q", sql.encode() + b"\0")


TERMINATE = message(b"X")


def authentication(body: bytes) -> tuple[int, bytes]:
    """Kind and rest of an authentication request."""
    if len(body) < 4:
        raise PgError("08P01", "the server's authentication request is cut short")
    return struct.unpack("!I", body[:4])[0], body[4:]


def cleartext(password: str) -> bytes:
    """The answer to CLEARTEXT."""
    return message(b"p", password.encode() + b"\0")


def md5(user: str, password: str, salt: bytes) -> bytes:
    """The answer to MD5: md5 of (md5 of password and user) and the salt."""
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    outer = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return message(b"p", f"md5{outer}\0".encode())


def mechanisms(rest: bytes) -> list[str]:
    """What a SASL request offers."""
    return [name.decode("ascii", "replace") for name in rest.split(b"\0") if name]


class Scram:
    """One SCRAM-SHA-256 exchange without channel binding. Passwords of ours are ASCII: SASLprep changes nothing."""

    def __init__(self, password: str, nonce: str, user: str = "") -> None:
        self._password = password
        self._nonce = nonce
        # PostgreSQL takes the user of the start-up message and ignores this one.
        self._bare = f"n={user},r={nonce}"
        self._server_signature = b""

    def first(self) -> bytes:
        """The first answer: the mechanism, and what the client begins with."""
        data = b"n,," + self._bare.encode()
        return message(b"p", SCRAM.encode() + b"\0" + struct.pack("!I", len(data)) + data)

    def final(self, server_first: bytes) -> bytes:
        """The proof, from the server's salt and rounds. PgError: the server does not keep to the protocol."""
        text = server_first.decode("ascii", "replace")
        fields = _fields(text)
        try:
            salt, rounds = base64.b64decode(fields["s"], validate=True), int(fields["i"])
            nonce = fields["r"]
        except (KeyError, ValueError, binascii.Error) as error:
            raise PgError("08P01", f"the server's SCRAM message cannot be read ({error})") from error
        if not nonce.startswith(self._nonce) or nonce == self._nonce or rounds < FEWEST_ROUNDS:
            raise PgError("08P01", "the server's SCRAM message does not answer ours")
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), salt, rounds)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={nonce}"
        said = f"{self._bare},{text},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), said, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode("ascii")
        self._server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        return message(b"p", f"{without_proof},p={proof}".encode())

    def verify(self, server_final: bytes) -> None:
        """PgError unless the server has the password's verifier as well: nobody stands in for it."""
        given = _fields(server_final.decode("ascii", "replace")).get("v", "")
        try:
            matches = hmac.compare_digest(base64.b64decode(given), self._server_signature)
        except binascii.Error:
            matches = False
        if not matches:
            raise PgError("28P01", "the server does not know the password either: another machine answers here")


def _fields(text: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in text.split(",") if part[1:2] == "="}


def error(body: bytes) -> PgError:
    """An error response ("E")."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return PgError(fields.get(b"C", ""), fields.get(b"M", "error without a text"))


def row(body: bytes) -> tuple[str, ...]:
    """A data row ("D"); NULL is the empty string. PgError when it is cut short."""
    try:
        (count,) = struct.unpack_from("!H", body)
        values, place = [], 2
        for _ in range(count):
            (size,) = struct.unpack_from("!i", body, place)
            place += 4
            values.append(body[place : place + max(size, 0)].decode("utf-8", "replace"))
            place += max(size, 0)
    except struct.error as problem:
        raise PgError("08P01", f"a row of the answer is cut short ({problem})") from problem
    return tuple(values)
