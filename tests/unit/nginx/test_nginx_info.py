"""What is read from nginx and resolv.conf."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx.info import (
    has_http2_directive,
    parse_resolvers,
    parse_version,
)


@pytest.mark.parametrize(
    "output, version, directive",
    [
        ("nginx version: nginx/1.22.1\n", (1, 22, 1), False),  # Debian 12
        ("nginx version: nginx/1.24.0 (Ubuntu)\n", (1, 24, 0), False),  # Ubuntu 24.04
        ("nginx version: nginx/1.25.0\n", (1, 25, 0), False),
        ("nginx version: nginx/1.25.1\n", (1, 25, 1), True),
        ("nginx version: nginx/1.26.3\n", (1, 26, 3), True),  # Debian 13
        ("bash: nginx: command not found\n", None, False),
    ],
)
def test_http2_form_follows_the_version(output, version, directive):
    assert parse_version(output) == version
    assert has_http2_directive(version) is directive


def test_resolvers_in_the_form_of_nginx():
    text = "# by hand\nsearch example.com\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver\noptions edns0\n"
    assert parse_resolvers(text) == ["192.0.2.53", "[fe80::1]"]
