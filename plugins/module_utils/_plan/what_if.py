# GPL-3.0-or-later (see LICENSE)
"""Another inventory made of this one: hosts added, changed or removed, settings replaced. Nothing is written
anywhere."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from . import names
from .presets import PRESETS
from .problems import PlanError, Problem, did_you_mean

PLACE = "mastodon_what_if"
UNUSED = "198.51.100.{}"  # an address for documentation, for a host that has none yet


def apply(inventory: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The inventory with these changes.

    changes: {"hosts": {NAME: {"cpus": 4, "memory_mb": 8192, "groups": [...]} or null to remove it}, "settings":
    {"monthly_active_users": 20000, …}}; names with or without mastodon_. Raises PlanError for what it cannot read.
    """
    changed = {key: copy.copy(value) for key, value in inventory.items()}
    changed["groups"] = {group: list(members) for group, members in inventory["groups"].items()}
    changed["hosts"] = {name: dict(values) for name, values in inventory["hosts"].items()}
    problems = [
        Problem(f"{PLACE}.{key}", "there is no such key", "write hosts, settings or both")
        for key in changes
        if key not in ("hosts", "settings")
    ]
    hosts = changes.get("hosts") or {}
    settings = changes.get("settings") or {}
    if not isinstance(hosts, Mapping) or not isinstance(settings, Mapping):
        raise PlanError([Problem(PLACE, "hosts and settings must be dictionaries", 'write {"hosts": {"new1": {…}}}')])
    for name, wish in hosts.items():
        problems += _host(changed, str(name), wish)
    for key, value in settings.items():
        setting = _full(str(key))
        if setting not in names.KNOWN:
            fix = did_you_mean(setting, names.KNOWN, "remove it", "mastodon_")
            problems.append(Problem(f"{PLACE}.settings.{key}", "there is no such setting", fix))
        for values in changed["hosts"].values():
            _set(values, setting, value)
    if problems:
        raise PlanError(problems)
    return changed


def with_preset(inventory: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inventory with the wishes of the preset that it names; what the admin says himself stays."""
    hosts: Mapping[str, Mapping[str, Any]] = inventory["hosts"]
    wanted = next((values["mastodon_preset"] for values in hosts.values() if values.get("mastodon_preset")), None)
    if wanted is None:
        return inventory
    if wanted not in PRESETS:
        fix = did_you_mean(str(wanted), PRESETS, f"write one of {', '.join(PRESETS)}")
        raise PlanError([Problem("mastodon_preset", f"there is no preset {wanted!r}", fix)])
    preset = PRESETS[wanted]
    missing = [name for name in preset.hosts if name not in hosts]
    if missing:
        raise PlanError(
            [
                Problem(
                    "mastodon_preset",
                    f"{wanted} is about the hosts {', '.join(preset.hosts)}, and {', '.join(missing)} is not here",
                    f"plan inventories/{wanted} with it, or give your hosts these names",
                )
            ]
        )
    changed = dict(inventory)
    changed["hosts"] = {
        name: {**copy.deepcopy(dict(preset.cluster)), **copy.deepcopy(dict(preset.hosts.get(name, {}))), **values}
        for name, values in hosts.items()
    }
    return changed


def _full(key: str) -> str:
    return key if key.startswith("mastodon_") else f"mastodon_{key}"


def _set(values: dict[str, Any], setting: str, value: Any) -> None:
    if value is None:
        values.pop(setting, None)
    else:
        values[setting] = value


def _host(changed: dict[str, Any], name: str, wish: Any) -> list[Problem]:
    groups, hosts = changed["groups"], changed["hosts"]
    if wish is None:
        if name not in hosts:
            fix = did_you_mean(name, hosts, f"there are {', '.join(hosts)}")
            return [Problem(f"{PLACE}.hosts.{name}", "there is no such host to remove", fix)]
        del hosts[name]
        for members in groups.values():
            if name in members:
                members.remove(name)
        return []
    if not isinstance(wish, Mapping):
        return [Problem(f"{PLACE}.hosts.{name}", "is neither a dictionary nor null", "write {cpus: 4}")]
    found = []
    values = hosts.setdefault(name, {})
    if not values:
        values.update(_shared(changed))
        values.setdefault("mastodon_address", _free_address(hosts))
        _into_tunnel(values, hosts)
    for group in wish.get("groups") or ():
        if group not in names.ROLE_GROUPS:
            fix = did_you_mean(str(group), names.ROLE_GROUPS, f"write some of {', '.join(names.ROLE_GROUPS)}")
            found.append(Problem(f"{PLACE}.hosts.{name}.groups", f"there is no group {group}", fix))
            continue
        for joined in ("all", "mastodon", group):
            members = groups.setdefault(joined, [])
            if name not in members:
                members.append(name)
    for key, value in wish.items():
        if key == "groups":
            continue
        setting = _full(str(key))
        if setting not in names.HOST_SETTINGS:
            fix = did_you_mean(setting, names.HOST_SETTINGS, "remove it", "mastodon_")
            found.append(Problem(f"{PLACE}.hosts.{name}.{key}", "there is no such setting of a host", fix))
        _set(values, setting, value)
    return found


def _shared(changed: Mapping[str, Any]) -> dict[str, Any]:
    """What a new host has in common with all others."""
    first: Mapping[str, Any] = next(iter(changed["hosts"].values()), {})
    shared = (*names.CLUSTER_SETTINGS, *names.KEYS_ONLY, "mastodon_network_interface")
    return {key: first[key] for key in shared if key in first}


def _free_address(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    taken = {values.get("mastodon_address") for values in hosts.values()}
    return next(address for number in range(1, 255) if (address := UNUSED.format(number)) not in taken)


def _into_tunnel(values: dict[str, Any], hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """A new host among tunnels has the next free address of theirs, and dials the others."""
    from .._wire import addresses

    tunnel = [one["wireguard"] for one in hosts.values() if one.get("wireguard", {}).get("wireguard_networks")]
    networks = tunnel[0]["wireguard_networks"] if tunnel else ()
    whole = addresses.network(str(networks if isinstance(networks, str) else next(iter(networks), "")))
    taken = [str(one["mastodon_address"]) for one in hosts.values() if one.get("mastodon_address")]
    if values.get("mastodon_network") == "wireguard" and whole:
        values["mastodon_address"] = addresses.next_free_address(str(whole), taken)
