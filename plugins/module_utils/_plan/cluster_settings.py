# GPL-3.0-or-later (see LICENSE)
"""Reads settings that the whole cluster has one of."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .read import UNSET, Reader, shown

DEFAULT_VERSION = "v4.6.5"


def read_username(reader: Reader, value: Any) -> str:
    """The first admin's name."""
    text = reader.text("mastodon_admin_username", value, "admin")
    if not re.fullmatch(r"[A-Za-z0-9_]{1,30}", text):
        reader.bad(
            "mastodon_admin_username",
            f"{shown(text)} is not a name that Mastodon takes",
            "use 1 to 30 letters, digits and underscores",
        )
    return text


def read_version(reader: Reader, value: Any) -> str:
    """The release; it names a directory."""
    text = reader.text("mastodon_version", value, DEFAULT_VERSION)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", text):
        reader.bad(
            "mastodon_version",
            f"{shown(text)} cannot be the name of a directory",
            f"write a tag such as {DEFAULT_VERSION} (letters, digits, . _ + -)",
        )
    return text


def read_deadline(reader: Reader, value: Any) -> float | None:
    """Seconds until a backlog shall be clear; None where nobody asks."""
    return None if value is UNSET else reader.number("mastodon_backlog_deadline_s", value, 3600, 1, 10_000_000)


def read_max_connections(reader: Reader, value: Any) -> int | None:
    """As wished; None where the plan counts."""
    return None if value is None else reader.integer("mastodon_postgres_max_connections", value, 100, 20, 10_000)


def read_postgres_version(reader: Reader, value: Any) -> int | None:
    """Major version; None means the distribution's."""
    if value is None or value == "":
        return None
    return reader.integer("mastodon_postgres_version", value, 17, 14, 30)


def read_proxies(reader: Reader, value: Any) -> tuple[str, ...]:
    """Addresses and networks of what stands in front of nginx."""
    if value is UNSET:
        return ()
    if not isinstance(value, list):
        reader.bad("mastodon_trusted_proxies", f"{shown(value)} is not a list", "write a list of addresses or networks")
        return ()
    found = []
    for index, entry in enumerate(value):
        try:
            network = ipaddress.ip_network(str(entry))
        except ValueError:
            reader.bad(
                f"mastodon_trusted_proxies[{index}]",
                f"{shown(entry)} is neither an address nor a network",
                "write one such as 192.0.2.10 or 192.0.2.0/24",
            )
            continue
        single = network.num_addresses == 1
        found.append(str(network.network_address if single else network))
    return tuple(found)
