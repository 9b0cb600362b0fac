# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted and what was found, as plain values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._shell import Refusal

SYSTEMD = "/etc/systemd/system"
ABSENT = "absent"

_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:]*(-[A-Za-z0-9_.:]+)*\Z")
_FAMILY = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]\Z")

# path (or unit-specific key) -> digest of what it held
Parts = Mapping[str, str]


class UnitsError(Refusal):
    """A wish that cannot be fulfilled, or a unit that did not become healthy: the text is for the admin."""


def digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class File:
    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True)
class Health:
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Instance:
    name: str
    files: tuple[File, ...] = ()
    state: str = "started"  # started, stopped, as_found (an admin starts it on demand)
    health: Health | None = None
    mapped: str | None = None  # a library that the running process must have mapped


@dataclass(frozen=True)
class Desired:
    family: str  # `mastodon-web`: its units are mastodon-web@<instance>.service
    instances: tuple[Instance, ...] = ()
    socket: bool = False
    shared_files: tuple[File, ...] = ()
    instance_files: tuple[str, ...] = ()  # patterns with %i, to find what a removed instance left
    watch: tuple[str, ...] = ()
    timeout: int = 60

    def service(self, instance: str) -> str:
        return f"{self.family}@{instance}.service"

    def units(self, instance: str) -> tuple[str, ...]:
        """The socket first: it is started before and enabled with the service."""
        service = self.service(instance)
        return (f"{self.family}@{instance}.socket", service) if self.socket else (service,)


@dataclass(frozen=True)
class UnitState:
    """What `systemctl show` says of one unit."""

    active: str = "inactive"
    sub: str = "dead"
    enabled: bool = False
    pid: int = 0
    needs_reload: bool = False
    result: str = ""

    @property
    def is_up(self) -> bool:
        return self.active in ("active", "reloading")

    @property
    def is_down(self) -> bool:
        """Not running and not about to: an automatic restart counts as running."""
        return self.active in ("inactive", "failed")


@dataclass(frozen=True)
class Observed:
    units: Mapping[str, UnitState] = field(default_factory=dict)
    files: Mapping[str, tuple[str, int] | None] = field(default_factory=dict)  # path -> (content, mode)
    watched: Parts = field(default_factory=dict)
    drop_ins: Mapping[str, Parts] = field(default_factory=dict)  # unit -> somebody else's drop-ins
    records: Mapping[str, Parts] = field(default_factory=dict)  # service -> parts of its last healthy start
    instances: frozenset[str] = frozenset()  # every instance of the family that left any trace
    leftovers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # instance -> its files


@dataclass(frozen=True)
class Action:
    verb: str
    target: str
    why: str = ""
    instance: str | None = None

    def __str__(self) -> str:
        said = f"{self.verb} {self.target}".rstrip()
        return f"{said} ({self.why})" if self.why else said


def _file(raw: Mapping[str, Any]) -> File:
    content = str(raw["content"])
    path = str(raw["path"])
    if not path.startswith("/"):
        raise UnitsError(f"{path!r} must be an absolute path")
    return File(path=path, content=content if content.endswith("\n") else content + "\n", mode=int(str(raw["mode"]), 8))


def _instance(raw: Mapping[str, Any]) -> Instance:
    name = str(raw["name"])
    if not _INSTANCE.match(name):
        raise UnitsError(f"{name!r} cannot name an instance: use letters, digits, '_', '.', ':' and single '-' inside")
    url = raw.get("health_url")
    return Instance(
        name=name,
        files=tuple(_file(item) for item in raw.get("files") or ()),
        state=str(raw.get("state") or "started"),
        health=Health(str(url), {str(k): str(v) for k, v in (raw.get("health_headers") or {}).items()})
        if url
        else None,
        mapped=raw.get("mapped") or None,
    )


def desired_from(params: Mapping[str, Any]) -> Desired:
    family = str(params["family"])
    if not _FAMILY.match(family):
        raise UnitsError(f"family {family!r} must look like 'mastodon-web': lower case letters, digits and dashes")
    instances = tuple(_instance(item) for item in params["instances"])
    names = [item.name for item in instances]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnitsError(f"{family}: instance named twice: {', '.join(twice)}; give each its own name")
    patterns = tuple(str(item) for item in params.get("instance_files") or ())
    for pattern in patterns:
        if pattern.count("%i") != 1 or not pattern.startswith("/"):
            raise UnitsError(f"{family}: instance_files {pattern!r} must be an absolute path with one %i in it")
    for item in instances:
        expected = {pattern.replace("%i", item.name) for pattern in patterns}
        unknown = sorted(file.path for file in item.files if file.path not in expected)
        if unknown:
            raise UnitsError(
                f"{family}@{item.name}: {', '.join(unknown)} fits no pattern of instance_files, so that nobody "
                "would remove it later"
            )
    return Desired(
        family=family,
        instances=instances,
        socket=bool(params.get("socket")),
        shared_files=tuple(_file(item) for item in params.get("shared_files") or ()),
        instance_files=patterns,
        watch=tuple(str(item) for item in params.get("watch") or ()),
        timeout=int(params.get("timeout") or 60),
    )
