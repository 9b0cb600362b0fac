# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VAPID's key pair, by the library that ansible-core always brings to the controller."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def make_pair() -> tuple[str, str]:
    """(private, public): the scalar and the uncompressed point, URL-safe base64 with padding."""
    key = ec.generate_private_key(ec.SECP256R1())
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    return base64.urlsafe_b64encode(scalar).decode(), base64.urlsafe_b64encode(_public(key)).decode()


def public_of(scalar: bytes) -> bytes | None:
    """The public point of a private scalar; None when it is not one of the curve."""
    try:
        return _public(ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()))
    except ValueError:
        return None
