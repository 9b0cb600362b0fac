"""X25519 against the vectors of RFC 7748, and against what `wg pubkey` printed."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.x25519 import multiply, public_key

VECTORS = [
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
]


@pytest.mark.parametrize(("scalar", "point", "product"), VECTORS)
def test_rfc_7748_section_5_2(scalar: str, point: str, product: str) -> None:
    assert multiply(bytes.fromhex(scalar), bytes.fromhex(point)).hex() == product


def test_rfc_7748_after_a_thousand_rounds() -> None:
    scalar = point = (9).to_bytes(32, "little")
    for _ in range(1000):
        scalar, point = multiply(scalar, point), scalar
    assert scalar.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_what_wg_pubkey_printed() -> None:
    private = Secret("cPw2gO78azGNmxv/hBFkPXzTRJ85X2xWfaEmEhC9tXA=\n")
    assert public_key(private) == "kJn1Wf3409M4pBOFVOZ7AI8iH6CP7Y3E6DK8kzVt8mY="


@pytest.mark.parametrize("text", ["", "short", "c2hvcnQ=", "!" * 44])
def test_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes in base64") as caught:
        public_key(Secret(text))
    assert not text or text not in str(caught.value)
