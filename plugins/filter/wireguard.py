# GPL-3.0-or-later (see LICENSE)
"""Thin shell around module_utils/_wire: what the role wireguard needs of the whole network, on the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire import psk, registry
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.checks import check_machines
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.inventory import alone, from_inventory
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import (
    HOST_KEYS,
    NETWORK_KEYS,
    read_network,
    variable,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.share import relays, share, visits
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.words import left_behind
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.tunnel import PEERS, mesh

KNOWN = frozenset(variable(key) for key in (*NETWORK_KEYS, *HOST_KEYS))
# What the role registers, on every host of a run.
KEY = "__wireguard_key"


def _stop(problems: Problems) -> None:
    if problems:
        raise AnsibleFilterError("\n".join(map(str, problems.all())))


def _topology(settings: Any, hosts: Any) -> Topology:
    problems = Problems()
    network = read_network(plain(settings), plain(hosts), problems)
    _stop(problems)
    return Topology(network)


def network(hostvars: Mapping[str, Any], members: Sequence[str]) -> dict[str, Any]:
    """Settings and hosts, from the inventory's variables."""
    problems = Problems()
    found = {
        plain(name): {plain(word): plain(hostvars[name][word]) for word in hostvars[name] if word in KNOWN}
        for name in members
    }
    settings, hosts = from_inventory(alone(found), problems)
    _stop(problems)
    return {"settings": settings, "hosts": hosts}


def host_share(settings: Mapping[str, Any], hosts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One host's part, as the plan computes it."""
    topology = _topology(settings, hosts)
    return share(topology, plain(name), plain(name) in relays(topology))


def _merged(known: Any, hostvars: Mapping[str, Any], members: Sequence[str]) -> registry.Registry:
    problems = Problems()
    before = registry.read_registry(plain(known) or None, problems)
    seen = {}
    for name in members:
        answer = hostvars[name].get(KEY, {})
        if answer.get("public_key"):
            values = (plain(answer.get(word, "")) for word in ("public_key", "next_public_key", "machine"))
            seen[plain(name)] = registry.Known(*values)
    found = registry.merge(before, seen, plain(list(members)))
    check_machines(found.machines(), problems)
    _stop(problems)
    return found


def known_keys(known: Any, hostvars: Mapping[str, Any], members: Sequence[str]) -> dict[str, Any]:
    """Public keys of all hosts, and hosts that left."""
    found = _merged(known, hostvars, members)
    removed = [{"name": one.name, "public_keys": list(one.public_keys)} for one in found.removed]
    return {"public_keys": found.public_keys(), "removed": removed}


def _after(known: Any, hostvars: Mapping[str, Any], members: Sequence[str], hosts: Sequence[str]) -> registry.Registry:
    reached = set()
    for name in hosts:
        if "public_key" in mesh(hostvars[name]):
            reached.add(plain(name))
        for one in hostvars[name].get(PEERS, {}).get("results", ()):
            if "public_key" in one:
                reached.add(plain(one["item"]))
    return registry.revoked_on(_merged(known, hostvars, members), reached)


def registry_text(known: Any, hostvars: Mapping[str, Any], members: Sequence[str], hosts: Sequence[str]) -> str:
    """The registry's file after a run."""
    return registry.render(_after(known, hostvars, members, hosts))


def left(known: Any, hostvars: Mapping[str, Any], members: Sequence[str], hosts: Sequence[str]) -> list[str]:
    """A sentence for each removed host that some others still accept."""
    removed = _after(known, hostvars, members, hosts).removed
    return [left_behind(one.name, len(members) - len(one.pending), one.pending) for one in removed]


def preshared_keys(
    public_keys: Mapping[str, str],
    settings: Mapping[str, Any],
    hosts: Mapping[str, Any],
    name: str,
    wanted: bool,
    seed: str,
    epoch: int = 0,
) -> dict[str, str]:
    """Preshared keys of one host's own links, by the public key of the other end."""
    own = public_keys.get(name)
    if not wanted or not own:
        return {}
    topology = _topology(settings, hosts)
    others = [public_keys[other] for other in topology.neighbours(plain(name)) if public_keys.get(other)]
    try:
        return {
            plain(other): psk.pair_key(
                Secret(plain(seed)), topology.network.interface, plain(own), plain(other), int(epoch)
            ).reveal()
            for other in others
        }
    except ValueError as error:
        raise AnsibleFilterError(
            f"{name}, wireguard_preshared_seed: {error}. Fix: let the run make mastodon_secrets.wireguard_seed,"
            " give a seed of your own from a vault, or set wireguard_preshared to false."
        ) from None


def to_visit(
    settings: Mapping[str, Any], hosts: Mapping[str, Any], running: Sequence[str], name: str, public_keys: Any
) -> list[str]:
    """This host's part of the neighbours outside of the run."""
    return visits(_topology(settings, hosts), plain(list(running)), plain(name), plain(public_keys))


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "wireguard_network": network,
            "wireguard_share": host_share,
            "wireguard_known": known_keys,
            "wireguard_registry": registry_text,
            "wireguard_left": left,
            "wireguard_preshared_keys": preshared_keys,
            "wireguard_visits": to_visit,
        }
