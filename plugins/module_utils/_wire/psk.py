# GPL-3.0-or-later (see LICENSE)
"""Preshared keys of all pairs from one seed: nothing is stored, a limited run derives the same (wireguard-join c.5)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from .model import HostConfig, Secret

SHORTEST_SEED = 32


def pair_key(seed: Secret, interface: str, one: str, other: str, epoch: int = 0) -> Secret:
    """The preshared key of two public keys; the order does not matter. HKDF-SHA256 (RFC 5869), 32 bytes, base64.

    epoch: raise it to change every preshared key. ValueError when the seed is too short to be one, or a key is empty.
    """
    text = seed.reveal()
    if len(text) < SHORTEST_SEED:
        raise ValueError(f"the seed has {len(text)} characters, and needs {SHORTEST_SEED} or more")
    if not one or not other:
        raise ValueError("a preshared key needs the public keys of both ends")
    first, second = sorted((one, other))
    info = "|".join(("fediverse.mastodon wireguard psk", interface, first, second, str(epoch)))
    return Secret(base64.b64encode(hkdf(text.encode(), b"", info.encode(), 32)).decode())


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256 after RFC 5869: extract, then expand to `length` bytes."""
    secret = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    found, block, number = b"", b"", 1
    while len(found) < length:
        block = hmac.new(secret, block + info + bytes([number]), hashlib.sha256).digest()
        found += block
        number += 1
    return found[:length]


def with_preshared(config: HostConfig, own_key: str, seed: Secret, epoch: int = 0) -> HostConfig:
    """The host's blocks with their preshared keys. Phones and foreign blocks keep theirs."""
    return config.with_peers(
        tuple(
            peer._replace(preshared=pair_key(seed, config.interface, own_key, peer.public_key, epoch))
            if peer.kind in ("managed", "next") and peer.public_key
            else peer
            for peer in config.peers
        )
    )
