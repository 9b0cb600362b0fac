# GPL-3.0-or-later (see LICENSE)
"""The file of public keys next to the inventory: what earlier runs learned, so that a limited run drops nobody.

Only public data: keys, hashes of machine ids, and removed hosts with those that still have to hear of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._plan.problems import Problems
from .model import Tombstone
from .read import is_key

NAME = "wireguard_public_keys.yml"
_HEADER = """\
---
# Written by the role wireguard at the end of a good run. Public data: commit it with the inventory, so that a run
# limited to one host knows everybody's key. A host that left the inventory stays under wireguard_removed_hosts
# until every other host has heard of it.
"""


@dataclass(frozen=True)
class Known:
    """One host's keys. next_key: staged by a rotation. machine: hash of its machine-id."""

    public_key: str
    next_key: str = ""
    machine: str = ""


@dataclass(frozen=True)
class Registry:
    """The file's content."""

    hosts: Mapping[str, Known] = field(default_factory=dict)
    removed: tuple[Tombstone, ...] = ()

    def public_keys(self) -> dict[str, str]:
        """{host: public key}, for read_network."""
        return {name: one.public_key for name, one in self.hosts.items()}

    def next_keys(self) -> dict[str, str]:
        """{host: next public key} of hosts whose rotation is under way."""
        return {name: one.next_key for name, one in self.hosts.items() if one.next_key}

    def machines(self) -> dict[str, str]:
        """{host: hash of its machine-id}, for check_machines."""
        return {name: one.machine for name, one in self.hosts.items() if one.machine}


def read_registry(raw: Any, problems: Problems) -> Registry:
    """The parsed file (None where there is none). What cannot be read is a finding, not a host without a key."""
    if raw is None:
        return Registry()
    if not isinstance(raw, Mapping):
        problems.add((), NAME, "is no mapping", "restore it from version control, or remove it and run without --limit")
        return Registry()
    hosts = {}
    for name, given in _mapping(raw.get("wireguard_public_keys")).items():
        entry = _mapping(given)
        keys = [str(entry.get(word) or "") for word in ("public_key", "next_public_key")]
        if not is_key(keys[0]) or (keys[1] and not is_key(keys[1])):
            problems.add(name, NAME, "its entry has no proper public key", "remove the entry and run for this host")
            continue
        hosts[str(name)] = Known(keys[0], keys[1], str(entry.get("machine") or ""))
    removed = []
    for name, given in _mapping(raw.get("wireguard_removed_hosts")).items():
        entry = _mapping(given)
        dead = tuple(str(key) for key in entry.get("public_keys") or () if is_key(key))
        removed.append(Tombstone(str(name), dead, tuple(map(str, entry.get("pending") or ()))))
    return Registry(dict(sorted(hosts.items())), tuple(sorted(removed, key=lambda one: one.name)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def merge(known: Registry, seen: Mapping[str, Known], inventory: Collection[str]) -> Registry:
    """Earlier runs and this one. seen: hosts of this run; inventory: every host that should be in the tunnel.

    A host that left the inventory becomes a tombstone for all who are left. A key that a host had before this run, and
    has no more, is dropped: its peers replace it by its new one.
    """
    hosts = {**known.hosts, **seen}
    removed = {one.name: one for one in known.removed}
    for name in sorted(set(hosts) - set(inventory)):
        gone = hosts.pop(name)
        before = removed.get(name)
        keys = {gone.public_key, gone.next_key, *(before.public_keys if before else ())} - {""}
        removed[name] = Tombstone(name, tuple(sorted(keys)), tuple(sorted(inventory)))
    for name in set(removed) & set(hosts):
        # It came back. Its old keys stay dead, unless it still has one of them, which check_network refuses.
        if not removed[name].public_keys:
            del removed[name]
    stones = [
        replace(one, pending=tuple(host for host in one.pending if host in inventory)) for one in removed.values()
    ]
    return Registry(dict(sorted(hosts.items())), tuple(sorted(stones, key=lambda one: one.name)))


def revoked_on(registry: Registry, hosts: Collection[str]) -> Registry:
    """After a run that reached these hosts: a tombstone that nobody is pending for has done its work and goes."""
    left = [replace(one, pending=tuple(host for host in one.pending if host not in hosts)) for one in registry.removed]
    return replace(registry, removed=tuple(one for one in left if one.pending))


def render(registry: Registry) -> str:
    """The file's text, the same for the same content."""
    lines = ["wireguard_public_keys:" if registry.hosts else "wireguard_public_keys: {}"]
    for name, one in sorted(registry.hosts.items()):
        values = {"public_key": one.public_key, "next_public_key": one.next_key, "machine": one.machine}
        lines.append(f"  {json.dumps(name)}: {_flow(values)}")
    lines.append("wireguard_removed_hosts:" if registry.removed else "wireguard_removed_hosts: {}")
    for stone in registry.removed:
        values_of = {"public_keys": list(stone.public_keys), "pending": list(stone.pending)}
        lines.append(f"  {json.dumps(stone.name)}: {_flow(values_of)}")
    return _HEADER + "\n".join(lines) + "\n"


def _flow(values: Mapping[str, Any]) -> str:
    # JSON's texts and lists are YAML's as well.
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in values.items() if value) + "}"
