# GPL-3.0-or-later (see LICENSE)
"""Where the code comes from, and where media go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import names
from .read import UNSET, Reader, shown

KINDS = ("git", "archive", "release")
S3_KEYS = ("bucket", "region", "endpoint", "alias_host", *names.S3_SECRETS)


def read_source(reader: Reader, value: Any, architectures: Sequence[str]) -> str:
    """git, archive or release; exactly one of them, with what it needs."""
    setting = "mastodon_source"
    if value is UNSET:
        return "git"
    given = reader.mapping(setting, value, (*KINDS, "checksum"))
    if not isinstance(value, Mapping):
        return "git"
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "is neither git, nor archive, nor release"
        reader.bad(
            setting,
            what,
            "write exactly one: {git: URL}, {archive: PATH or URL, checksum: sha256:…} or"
            " {release: PATH or URL, checksum: sha256:…}",
        )
        return "git"
    kind = kinds[0]
    if kind == "git":
        reader.text(f"{setting}.git", given["git"])
    elif isinstance(given[kind], Mapping) and kind == "release":
        _per_architecture(reader, setting, given, architectures)
    else:
        reader.text(f"{setting}.{kind}", given[kind])
        reader.checksum(f"{setting}.checksum", given.get("checksum", UNSET))
        if kind == "release" and len(architectures) > 1:
            reader.bad(
                f"{setting}.release",
                f"one release for hosts of {' and '.join(architectures)}",
                "write one per architecture: {amd64: …, arm64: …}, and checksum likewise",
            )
    return kind


def _per_architecture(reader: Reader, setting: str, given: Mapping[str, Any], architectures: Sequence[str]) -> None:
    checksums = given.get("checksum")
    for architecture in architectures:
        if architecture not in given["release"]:
            reader.bad(
                f"{setting}.release",
                f"has none for {architecture}, which a host's mastodon_architecture asks for",
                f"add {architecture}: PATH or URL",
            )
        else:
            known = checksums.get(architecture, UNSET) if isinstance(checksums, Mapping) else UNSET
            reader.checksum(f"{setting}.checksum.{architecture}", known)


def read_s3(reader: Reader, value: Any, backend: str) -> Mapping[str, Any]:
    """The object store's place; its keys are only checked to be there."""
    setting = "mastodon_s3"
    given = dict(reader.mapping(setting, value, S3_KEYS))
    if backend == "external":
        for key in ("bucket", "endpoint", *names.S3_SECRETS):
            if not given.get(key):
                reader.bad(
                    f"{setting}.{key}",
                    "is required with mastodon_s3_backend: external, and not set",
                    f"add {key} to mastodon_s3" + (" (it may be vaulted)" if key in names.S3_SECRETS else ""),
                )
        endpoint = given.get("endpoint")
        if endpoint and not re.match(r"^https?://[^/\s]+/?$", str(endpoint)):
            reader.bad(
                f"{setting}.endpoint", f"{shown(endpoint)} is not a URL of a host", "write it as https://s3.example.org"
            )
    for key in ("bucket", "region", "alias_host"):
        if key in given:
            reader.text(f"{setting}.{key}", given[key])
    return {key: given[key] for key in given if key not in names.S3_SECRETS}
