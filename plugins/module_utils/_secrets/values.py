# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of the secrets, how they are made, and how they get into a YAML file that also belongs to the admin."""

from __future__ import annotations

import base64
import re
import secrets as randomness
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Callable

KEY = "mastodon_secrets"
VAULT_HEADER = "$ANSIBLE_VAULT;"
LETTERS_AND_DIGITS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Format:
    """`make` is how many letters and digits we make; `at_least` what is accepted from elsewhere."""

    make: int
    at_least: int
    at_most: int = 512


# An imported instance brings its own values, so what is accepted is wider than what is made.
FORMATS: dict[str, Format] = {
    "secret_key_base": Format(128, 64),
    "active_record_encryption_primary_key": Format(32, 12),
    "active_record_encryption_deterministic_key": Format(32, 12),
    "active_record_encryption_key_derivation_salt": Format(32, 12),
    "postgres_password": Format(40, 8),
    "redis_password": Format(40, 8),
    "minio_root_user": Format(20, 3, 64),
    "minio_root_password": Format(40, 8, 64),
    "s3_access_key": Format(20, 3, 128),
    "s3_secret_key": Format(40, 8, 128),
    # The preshared keys of all tunnels are derived from it.
    "wireguard_seed": Format(64, 32),
    # So are the passwords of worker hosts that have their own.
    "worker_seed": Format(64, 32),
}
VAPID = ("vapid_private_key", "vapid_public_key")
NAMES = (*FORMATS, *VAPID)
# Not made here: the application makes it when it creates the first admin.
OPTIONAL = ("admin_password",)
# Losing one of these after accounts exist loses data, logins or subscriptions.
IRREPLACEABLE = (*(name for name in FORMATS if name.startswith(("secret_key_base", "active_record"))), *VAPID)


def missing(current: Mapping[str, str]) -> list[str]:
    """The names without a value, in a stable order."""
    return [name for name in NAMES if not current.get(name)]


def random_text(length: int) -> str:
    return "".join(randomness.choice(LETTERS_AND_DIGITS) for _ in range(length))


def make(names: Iterable[str], vapid: Callable[[], tuple[str, str]]) -> dict[str, str]:
    """New values. `vapid` returns (private, public)."""
    wanted = list(names)
    made = {name: random_text(FORMATS[name].make) for name in wanted if name in FORMATS}
    if "secret_key_base" in made:
        made["secret_key_base"] = randomness.token_hex(64)
    if any(name in VAPID for name in wanted):
        made.update(zip(VAPID, vapid()))
    return made


def _decoded(value: str) -> bytes | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+=*", value):
        return None
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return None


def problems(current: Mapping[str, str], public_of: Callable[[bytes], bytes | None]) -> list[str]:
    """What is wrong with the values that are there, never the values themselves.

    `public_of` computes the public point of a P-256 private scalar, None when it is none.
    """
    found: list[str] = []
    for name, value in current.items():
        if not isinstance(value, str):
            found.append(f"{name} is not text: put it in quotes")
        elif not value:
            continue
        elif re.search(r"['\\\s]|[^\x21-\x7e]", value):
            found.append(f"{name} has a quote, a backslash, a blank or a character outside of ASCII")
        elif name in FORMATS and not FORMATS[name].at_least <= len(value) <= FORMATS[name].at_most:
            found.append(f"{name} has {len(value)} characters, not {FORMATS[name].at_least} to {FORMATS[name].at_most}")
        elif value.endswith("DO_NOT_USE_IN_PRODUCTION"):
            found.append(f"{name} is the example value of the development environment")
    pair = [current.get(name, "") for name in VAPID]
    if bool(pair[0]) != bool(pair[1]):
        found.append("vapid_private_key and vapid_public_key belong together: give both or none")
    elif all(pair) and all(isinstance(value, str) for value in pair):
        private, public = _decoded(pair[0]), _decoded(pair[1])
        if private is None or not 31 <= len(private) <= 32:
            found.append("vapid_private_key is not the URL-safe base64 of 32 bytes")
        elif public is None or len(public) != 65 or public[0] != 4:
            found.append("vapid_public_key is not the URL-safe base64 of 65 bytes that start with 4")
        elif public_of(private) != public:
            found.append("vapid_public_key does not belong to vapid_private_key")
    return found


def is_vaulted(text: str) -> bool:
    return text.startswith(VAULT_HEADER)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The YAML text with these values under `mastodon_secrets`; every other line stays as it is.

    The file is edited, not rendered: comments and values encrypted one by one (`!vault`) survive.
    """
    lines = text.splitlines()
    head = next(
        (number for number, line in enumerate(lines) if re.match(rf"^{KEY}:\s*(#.*|\{{\s*\}}\s*)?$", line)), None
    )
    if head is None:
        if re.search(rf"^{KEY}\s*:", text, re.MULTILINE):
            raise ValueError(f"{KEY} is not written as a block, one key per line")
        lines = [*lines, f"{KEY}:"] if lines else ["---", f"{KEY}:"]
        head = len(lines) - 1
    lines[head] = re.sub(r"\s*\{\s*\}\s*$", "", lines[head])
    children = [line for line in lines[head + 1 :] if line.strip() and not line.lstrip().startswith("#")]
    first = re.match(r"^( +)", children[0]) if children else None
    indent = first[1] if first else "  "
    fresh: list[str] = []
    for name, value in values.items():
        entry = f'{indent}{name}: "{value}"'
        found = next((n for n in range(head + 1, len(lines)) if re.match(rf"^{indent}{name}:", lines[n])), None)
        if found is None:
            fresh.append(entry)
        elif re.search(r":\s*([|>].*|!vault.*)$", lines[found]):
            raise ValueError(f"{name} is written over several lines; change it by hand")
        else:
            lines[found] = entry
    # Behind the last entry of the block, so that a diff shows additions at its end.
    end = head + 1
    for number in range(head + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "#")):
            break
        if line.strip():
            end = number + 1
    lines[end:end] = fresh
    return "\n".join(lines) + "\n"
