# GNU General Public License v3.0 or later (see LICENSE)
"""What must run, listen, be reachable and be closed: all derived from the plan, nothing asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Plan = Mapping[str, Any]
Share = Mapping[str, Any]

# What a probe expects at an address and port of another host.
CLOSED = "closed"  # no connection
OPEN = "open"  # a connection
ADMITTED = "admitted"  # PostgreSQL asks for a password
REJECTED = "rejected"  # PostgreSQL has no pg_hba line for us, or there is no connection
LOCKED = "locked"  # Redis refuses commands without a password, or there is no connection
ANSWERING = "answering"  # Redis is there and refuses commands without a password


@dataclass(frozen=True)
class Listener:
    """A service of ours and the addresses that it may bind besides loopback."""

    service: str
    port: int
    addresses: frozenset[str]


@dataclass(frozen=True)
class Probe:
    """One connection to try."""

    host: str
    service: str
    address: str
    port: int
    expect: str
    user: str = "mastodon"  # who asks PostgreSQL


def units(share: Share) -> list[str]:
    """Units that must be active on this host. A pattern stands for at least one unit."""
    roles = set(share.get("roles", []))
    wanted = [
        unit
        for role, unit in (
            ("postgres", "postgresql@*.service"),
            ("pgbouncer", "pgbouncer.service"),
            ("relay", "mastodon-relay.service"),
            ("minio", "mastodon-minio.service"),
            ("nginx", "nginx.service"),
        )
        if role in roles
    ]
    wanted += [f"mastodon-redis@{instance['name']}.service" for instance in share.get("redis", [])]
    wanted += [f"mastodon-web@{instance['port']}.service" for instance in share.get("puma", [])]
    wanted += [f"mastodon-streaming@{instance['port']}.service" for instance in share.get("streaming", [])]
    wanted += [
        f"mastodon-sidekiq@{worker['name']}.service"
        for worker in share.get("sidekiq_workers", [])
        if not worker.get("on_demand")
    ]
    if "wireguard" in share:
        wanted.append(f"wg-quick@{share['wireguard']['interface']}.service")
    return wanted


def _outside(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(text for text in map(str, addresses) if not ipaddress.ip_address(text).is_loopback)


def listeners(share: Share) -> list[Listener]:
    """Every port of ours on this host. nginx is missing: it serves the public on all addresses."""
    found = []
    if "postgres" in share:
        postgres = share["postgres"]
        found.append(Listener("PostgreSQL", int(postgres["port"]), _outside(postgres["listen_addresses"])))
    if "pgbouncer" in share:
        pooler = share["pgbouncer"]
        found.append(Listener("PgBouncer", int(pooler["port"]), _outside([pooler["listen_address"]])))
    for listener in share.get("relay", {}).get("listeners", []):
        found.append(
            Listener(
                f"relay {listener['name']}", int(listener["port"]), _outside([listener.get("address", "127.0.0.1")])
            )
        )
    for redis in share.get("redis", []):
        found.append(Listener(f"Redis {redis['name']}", int(redis["port"]), _outside(redis["bind"])))
    if "minio" in share:
        found.append(Listener("MinIO", int(share["minio"]["port"]), _outside([share["minio"]["address"]])))
    for kind, instances in (("Puma", share.get("puma", [])), ("streaming", share.get("streaming", []))):
        for one in instances:
            found.append(Listener(f"{kind} {one['port']}", int(one["port"]), _outside([one["address"]])))
    return found


def misplaced(share: Share, bound: Iterable[tuple[str, int]]) -> tuple[list[str], list[str]]:
    """(services that nobody listens for, sockets that are open wider than planned)."""
    places: dict[int, set[str]] = {}
    for address, port in bound:
        places.setdefault(port, set()).add(address)
    absent, wide = [], []
    for listener in listeners(share):
        here = places.get(listener.port, set())
        if not here:
            absent.append(f"{listener.service} (port {listener.port})")
        lacking = listener.addresses - here
        anywhere = {"0.0.0.0", "::"} & here
        if here and lacking and not anywhere:
            absent.append(f"{listener.service} ({', '.join(sorted(lacking))} port {listener.port})")
        for address in sorted(_outside(here) - listener.addresses):
            wide.append(f"{listener.service} at {address}:{listener.port}")
    return absent, wide


def _needed(plan: Plan, source: str) -> set[tuple[str, int]]:
    """(address, port) that `source` must reach to do its work."""
    share = plan["hosts"][source]
    needed = set()
    if "pgbouncer" in share:
        server = share["pgbouncer"]["server"]
        needed.add((str(server["host"]), int(server["port"])))
    for listener in share.get("relay", {}).get("listeners", []):
        needed.add((str(listener["server"]["host"]), int(listener["server"]["port"])))
    for upstreams in (share.get("nginx") or {}).values():
        for upstream in upstreams if isinstance(upstreams, list) else []:
            if isinstance(upstream, Mapping):
                needed.add((str(upstream["address"]), int(upstream["port"])))
    return needed


def _shut_out(listener: Listener, target: Share, source: Share) -> bool:
    """Whether the target's firewall of ours lets this host not come to the port."""
    guard = target.get("firewall", {"ports": (), "clients": ()})
    let_in = {one["host"] for one in guard["clients"] if listener.port in one["ports"]}
    return listener.port in guard["ports"] and source["name"] not in let_in


def _expectation(listener: Listener, target: Share, source: Share, needed: bool) -> str:
    if _shut_out(listener, target, source):
        return CLOSED
    if listener.service == "PostgreSQL":
        clients = {str(client["address"]).split("/")[0] for client in target["postgres"]["clients"]}
        return ADMITTED if str(source["address"]) in clients else REJECTED
    if listener.service.startswith("Redis "):
        return ANSWERING if needed else LOCKED
    return OPEN if needed else ""


def _postgres_user(target: Share, source: Share) -> str:
    """Who the host logs in as there: a worker may have a role of its own."""
    postgres = target.get("postgres", {})
    for client in postgres.get("clients", ()):
        if str(client["address"]).split("/")[0] == str(source["address"]) and client.get("role"):
            return str(client["role"])
    return str(postgres.get("user", "mastodon"))


def probes(plan: Plan, source: str, addresses: Mapping[str, Iterable[str]]) -> list[Probe]:
    """Connections that `source` tries. `addresses` are all that each host has, as the hosts said themselves.

    A host asks every other one; alone, it asks itself, which still shows what is bound to loopback only. Addresses that
    source has itself (a container bridge's, say) would lead nowhere else and are left out.
    """
    hosts = plan["hosts"]
    share = hosts[source]
    own = set(map(str, addresses.get(source, [])))
    needed = _needed(plan, source)
    found = []
    for name, target in sorted(hosts.items()):
        if name == source and len(hosts) > 1:
            continue
        cluster = str(target["address"])
        shared = own if name != source else set()
        others = _outside(set(map(str, addresses.get(name, []))) - {cluster} - shared)
        for listener in listeners(target):
            for address in sorted(others | _outside([cluster])):
                if address not in listener.addresses:
                    expect = CLOSED
                elif name == source:
                    continue
                else:
                    expect = _expectation(listener, target, share, (address, listener.port) in needed)
                if expect:
                    found.append(
                        Probe(name, listener.service, address, listener.port, expect, _postgres_user(target, share))
                    )
    return found
