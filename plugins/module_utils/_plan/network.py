# GPL-3.0-or-later (see LICENSE)
"""The cluster's network: one that is there, an interface that somebody else runs, or tunnels of ours.

`_wire` reads findings from this package, so it is imported where it is used and not when this file is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .model import ClusterInput
from .names import TUNNEL_ROLE_SETTINGS
from .problems import Problems
from .read import UNSET, Reader, shown
from .resources import SURVEY
from .why import Ledger

PRIVATE, WIREGUARD, EXISTING = KINDS = ("private", "wireguard", "existing")
# The kernel's rule for names of interfaces.
INTERFACE = re.compile(r"^[^\s/:]{1,15}$")
# Pairs are listed one by one up to here; a large network is told by its counts.
MOST_PAIRS = 40
# PostgreSQL of the supported systems, where the inventory names no version. Units that are not there do no harm.
POSTGRES_VERSIONS = (15, 16, 17)


def read_interface(reader: Reader, value: Any, network: str) -> str:
    """The interface of a network that somebody else runs; empty for the other kinds."""
    setting = "mastodon_network_interface"
    if network != EXISTING:
        if value is not UNSET:
            reader.bad(setting, f"is set, and mastodon_network is {network}", "leave it out, or choose existing")
        return ""
    if value is UNSET:
        reader.bad(setting, "is not set, and mastodon_network is existing", "name the interface, such as tailscale0")
        return ""
    if not INTERFACE.match(str(value)):
        reader.bad(setting, f"{shown(value)} is no name of an interface", "write one of at most 15 characters")
        return ""
    return str(value)


def read_address(reader: Reader, values: Mapping[str, Any], alone: bool, network: str, interface: str) -> str:
    """The host's address in the cluster's network. Declared wins; `existing` takes it from cached facts otherwise.

    alone: the cluster has one host. Where an address is missing in a tunnel, Wiring proposes one.
    """
    (name,) = reader.where
    value = values.get("mastodon_address")
    if value is None and network == EXISTING:
        value = (values.get("facts") or {}).get("interface_address")
        if value is None and interface:
            reader.bad(
                "mastodon_address",
                f"not declared, and no facts of this host are cached that say which address {interface} has",
                SURVEY.format(name),
            )
    elif value is None and network == PRIVATE:
        if alone:
            return "127.0.0.1"
        reader.bad(
            "mastodon_address",
            "is not set, and the cluster has more than one host",
            f"give {name} its address in the cluster's network, such as 10.40.0.11",
        )
    if value is None:
        return ""
    address = reader.address("mastodon_address", value)
    if address and (not alone or network != PRIVATE) and ipaddress.ip_address(address).is_loopback:
        reader.bad(
            "mastodon_address", f"{address} cannot be reached from other hosts", "write one of the cluster's network"
        )
    return address


class Wiring:
    """The network as the inventory has it: findings first (the constructor), then every host's part (weave)."""

    def __init__(self, cluster: ClusterInput, problems: Problems) -> None:
        self.cluster = cluster
        if cluster.network != WIREGUARD:
            return
        from .._wire.checks import check_network, check_paths
        from .._wire.inventory import from_inventory
        from .._wire.model import LINKS
        from .._wire.read import read_network
        from .._wire.topology import Topology

        variables = {host.name: {**host.tunnel, "mastodon_address": host.address} for host in cluster.hosts}
        self.settings, self.hosts = from_inventory(variables, problems, TUNNEL_ROLE_SETTINGS)
        refused = [host.name for host in cluster.hosts if host.tunnel["mastodon_address"] is not UNSET]
        propose(self.settings, self.hosts, refused, problems)
        network = read_network(self.settings, self.hosts, problems)
        check_network(network, problems)
        self.topology = Topology(network)
        if network.topology == LINKS:
            check_paths(self.topology, problems)

    def weave(self, shares: Mapping[str, dict[str, Any]], problems: Problems, ledger: Ledger) -> dict[str, Any]:
        """The plan's `network`. Each share gets its `network`, and `wireguard` where we run tunnels.

        Two hosts that have to talk and have no path are a finding; others without a path are a warning.
        """
        for host in self.cluster.hosts:
            shares[host.name]["network"] = {
                "kind": self.cluster.network,
                "interface": host.interface or None,
                "address": host.address,
            }
        if self.cluster.network != WIREGUARD:
            names = {host.interface for host in self.cluster.hosts}
            return {"kind": self.cluster.network, "interface": names.pop() or None if len(names) == 1 else None}
        from .._wire.share import relays, share

        relaying = relays(self.topology)
        for name, one in shares.items():
            one["wireguard"] = {**share(self.topology, name, name in relaying), "before": units(one)}
            one["network"]["interface"] = self.topology.network.interface
        return {
            "kind": WIREGUARD,
            "interface": self.topology.network.interface,
            "settings": dict(self.settings),
            "hosts": {name: dict(values) for name, values in self.hosts.items()},
            **self._pairs(talks(shares), problems, ledger),
        }

    def _pairs(
        self, needed: Mapping[tuple[str, str], Iterable[str]], problems: Problems, ledger: Ledger
    ) -> dict[str, Any]:
        """What is not direct, and how many pairs are of each kind."""
        from .._wire.model import DIRECT, RELAY

        counts = {"direct": 0, "relayed": 0, "unreachable": 0}
        relayed: list[dict[str, str]] = []
        unreachable: list[dict[str, str]] = []
        for one, other, path in self.topology.pairs():
            if path.kind == DIRECT:
                counts["direct"] += 1
                continue
            if path.kind == RELAY:
                counts["relayed"] += 1
                relayed.append({"one": one, "other": other, "hub": path.hub})
                continue
            counts["unreachable"] += 1
            unreachable.append({"one": one, "other": other, "reason": path.reason})
            wants = [
                f"{client} needs {' and '.join(needed[client, server])} of {server}"
                for client, server in ((one, other), (other, one))
                if (client, server) in needed
            ]
            if wants:
                fix = "give one of them wireguard_endpoint, declare a hub that both reach, or a zone with LAN endpoints"
                problems.add((one, other), "", f"{path.reason}; {', '.join(wants)}", fix)
            elif len(unreachable) <= MOST_PAIRS // 2:
                ledger.warn(f"{path.reason}: declare a hub or a zone if they have to talk.")
        return {"counts": counts, "relayed": relayed[:MOST_PAIRS], "unreachable": unreachable[:MOST_PAIRS]}


def propose(
    settings: Mapping[str, Any], hosts: Mapping[str, dict[str, Any]], told: Collection[str], problems: Problems
) -> None:
    """A finding for each host without an address, with one that nobody has; it is filled in, so that reading goes on.

    told: hosts whose address is a finding already.
    """
    from .._wire import addresses

    given = settings.get("networks")
    whole = addresses.network(str(given[0] if isinstance(given, (list, tuple)) and given else given))
    taken = {str(values["address"]) for values in hosts.values() if values.get("address")}
    for peer in settings.get("unmanaged_peers") or ():
        own = peer.get("addresses") if isinstance(peer, Mapping) else ()
        taken |= {str(text).split("/")[0] for text in ([own] if isinstance(own, str) else own or ())}
    for name, values in hosts.items():
        if values.get("address"):
            continue
        free = addresses.next_free_address(str(whole), taken) if whole else ""
        fix = f"write mastodon_address: {free}, the next free one" if free else "write one of wireguard_networks"
        if name not in told:
            problems.add(name, "mastodon_address", "has no address in the tunnel", fix)
        values["address"] = free or "192.0.2.1"
        taken.add(free)


def talks(shares: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """{(client, server): [service]} of all pairs of different hosts that have to reach each other.

    shares: the plan's hosts.
    """
    found: dict[tuple[str, str], list[str]] = {}
    owners = {share["address"]: name for name, share in shares.items()}
    databases = [name for name, share in shares.items() if "postgres" in share]
    stores = [name for name, share in shares.items() if "redis" in share]

    def add(client: str, server: str, what: str) -> None:
        known = found.setdefault((client, server), []) if client != server else []
        if what not in known:
            known.append(what)

    for name, share in shares.items():
        nginx = share.get("nginx", {})
        for server in databases if "pgbouncer" in share or "database_direct" in share.get("mastodon", {}) else ():
            add(name, server, "PostgreSQL")
        for server in stores if "relay" in share else ():
            add(name, server, "Redis")
        for key, what in (("web", "Puma"), ("streaming", "streaming"), ("media", "media")):
            for upstream in nginx.get(key, ()):
                add(name, upstream["host"], what)
        for pin in share.get("names", {}).values():
            if pin in owners:
                add(name, owners[pin], "the media host")
    return found


def units(share: Mapping[str, Any]) -> list[str]:
    """The units of a host that talk through the tunnel: they stop before it goes, and start after it came."""
    found = [f"mastodon-sidekiq@{one['name']}.service" for one in share.get("sidekiq_workers", ())]
    found += [f"mastodon-web@{one['name']}.service" for one in share.get("puma", ())]
    found += [f"mastodon-streaming@{one['name']}.service" for one in share.get("streaming", ())]
    found += [f"mastodon-redis@{one['name']}.service" for one in share.get("redis", ())]
    if "postgres" in share:
        version = share["postgres"]["version"]
        found += [f"postgresql@{one}-main.service" for one in ((version,) if version else POSTGRES_VERSIONS)]
    single = {"pgbouncer": "pgbouncer", "relay": "mastodon-relay", "minio": "mastodon-minio", "nginx": "nginx"}
    return [*found, *(f"{unit}.service" for role, unit in single.items() if role in share)]
