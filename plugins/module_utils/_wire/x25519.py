# GPL-3.0-or-later (see LICENSE)
"""A private key's public key without any tool (RFC 7748): check mode knows it before `wg` is installed."""

from __future__ import annotations

import base64

from .model import Secret

_PRIME = 2**255 - 19


def public_key(private: Secret) -> str:
    """What `wg pubkey` prints. ValueError, without the text, when it is no key."""
    try:
        raw = base64.b64decode(private.reveal().strip(), validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise ValueError("this is no private key: it needs 32 bytes in base64")
    return base64.b64encode(multiply(raw, (9).to_bytes(32, "little"))).decode()


def multiply(scalar: bytes, point: bytes) -> bytes:
    """The function X25519 of RFC 7748, section 5: Montgomery's ladder. 32 bytes each, little-endian."""
    number = (int.from_bytes(scalar, "little") & ((1 << 254) - 8)) | (1 << 254)
    base = int.from_bytes(point, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3, swapped = 1, 0, base, 1, 0
    for position in range(254, -1, -1):
        bit = (number >> position) & 1
        if swapped ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        plus, minus = (x2 + z2) % _PRIME, (x2 - z2) % _PRIME
        plus_2, minus_2 = plus * plus % _PRIME, minus * minus % _PRIME
        rest = (plus_2 - minus_2) % _PRIME
        cross, other = (x3 - z3) * plus % _PRIME, (x3 + z3) * minus % _PRIME
        x3, z3 = (cross + other) ** 2 % _PRIME, base * (cross - other) ** 2 % _PRIME
        x2, z2 = plus_2 * minus_2 % _PRIME, rest * (plus_2 + 121_665 * rest) % _PRIME
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _PRIME - 2, _PRIME) % _PRIME).to_bytes(32, "little")
