# GPL-3.0-or-later (see LICENSE)
"""Puts the parts together: inventory in, plan out, both plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any

from .._join.identity import PER_WORKER, fits, user_name
from . import data, firewall, limits, ports, redis_clients, rules, web
from .connections import DATABASE, USER, Parts, PgBouncer, Server, Sum, balance, divide, pooler
from .forecast import burn_down, forecast
from .inputs import read_cluster
from .memory import Budget
from .model import ClusterInput, HostInput
from .names import APP_GROUPS, CLUSTER_SETTINGS, QUEUES
from .network import Wiring
from .placement import Placement, place
from .postgres_settings import Tuning, tune
from .problems import PlanError, Problems
from .sizing import Size, size
from .units import Units, make
from .what_if import with_preset
from .why import Ledger

SCHEMA_VERSION = 1
SCALARS = frozenset({str, int, float, bool, type(None)})


def build(inventory: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the plan of a whole cluster, or raise PlanError with everything that speaks against it.

    inventory: groups {name: [host]}, hosts {host: {setting: value, facts: {…}}}, and optionally names {host: [every
    variable called mastodon_*]}, broken {host: {setting: why it has no value}}, origins {host: {setting: "file:line"}}.
    """
    inventory = with_preset(inventory)
    problems = Problems(inventory["groups"], CLUSTER_SETTINGS, inventory.get("origins", {}))
    ledger = Ledger()
    cluster = read_cluster(inventory, problems)
    if cluster is None or not all(cluster.having(group) for group in ("postgres", "redis", "nginx")):
        raise PlanError(problems.all())
    wiring = Wiring(cluster, problems)
    placement = place(cluster, problems, ledger)
    sizes = {host.name: size(host, cluster, placement, problems, ledger) for host in cluster.hosts}
    units = make(cluster, placement, sizes, problems, ledger)
    pooled = [host for host in cluster.hosts if "pgbouncer" in placement.roles[host.name]]
    parts = divide(cluster, [host.name for host in pooled], sizes, units)
    database = cluster.having("postgres")[0]
    poolers = {
        host.name: pooler(
            host,
            units[host.name],
            Server(data.reach(database, host), database.ports.postgres),
            parts.pools[host.name],
            ledger,
        )
        for host in pooled
    }
    total = balance(cluster, poolers, parts, units, problems, ledger)
    outlook = plain(forecast(cluster, sizes, units, ledger))
    tuning = _tuned(database, sizes[database.name], cluster, total, parts, problems, ledger)
    shares = _Shares(
        cluster, placement, sizes, units, poolers, total, tuning, redis_clients.limit(cluster, units, problems), ledger
    )
    hosts = {host.name: shares.of(host) for host in cluster.hosts}
    network = wiring.weave(hosts, problems, ledger)
    if cluster.firewall:
        firewall.weave(hosts)
    for name, share in hosts.items():
        ports.check(name, share, problems)
    ledger.everywhere(hosts.values(), rules.ALL)
    plan: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "cluster": _cluster(cluster, placement),
        "network": network,
        "hosts": hosts,
        "ledger": plain(total),
        "forecast": outlook,
        "why": list(ledger.take()),
        "warnings": list(ledger.warnings),
    }
    if cluster.backlog:
        plan["forecast"]["backlog"] = burn_down(cluster, sizes, units, problems)
    if problems:
        raise PlanError(problems.all(), plan)
    return plan


def _tuned(
    host: HostInput,
    size: Size,
    cluster: ClusterInput,
    total: Sum,
    parts: Parts,
    problems: Problems,
    ledger: Ledger,
) -> Tuning:
    """PostgreSQL's settings for the memory that it gets, not for the whole host's (sizing 1.36, 1.37)."""
    pool = min(total.max_connections, max(1, parts.total + parts.reserve))
    tuning = tune(
        size.postgres_mb,
        max(1, round(size.cores)),
        host.disk,
        cluster.postgres_version,
        total.max_connections,
        pool,
        shared=host.has("puma", "sidekiq_workers"),
    )
    path = f"hosts.{host.name}.postgres"
    ledger.because(
        f"{path}.memory_mb",
        size.postgres_mb,
        "80 % of what a host of its own has left, 35 % of a shared one's, before any Ruby process (sizing 1.37a)",
        f"{host.memory_mb} MB",
        memory_mb=host.memory_mb,
    )
    for name, value in tuning.settings.items():
        ledger.because(f"{path}.settings.{name}", value, "pgtune on that memory, corrected (sizing 1.36, 1.37)")
    for note in tuning.notes:
        if note.reduced:
            ledger.warn(f"{host.name}: PostgreSQL's {note.setting} is {note.text}.")
        else:
            ledger.because(f"{path}.settings.{note.setting}", tuning.settings.get(note.setting), note.text)
    if tuning.short_mb:
        problems.add(
            host.name,
            "mastodon_postgres_max_connections",
            f"{total.max_connections} connections need {tuning.short_mb} MB more than the {size.postgres_mb} MB that"
            " PostgreSQL gets here",
            "allow fewer connections, or give the host more memory",
        )
    return tuning


def plain(value: Any) -> Any:
    """Dictionaries, lists, text and numbers only. Half of a large plan's time is spent here: exact types come first."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind in (tuple, list):
        return [item if type(item) in SCALARS else plain(item) for item in value]
    if is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in kind.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value


class _Shares:
    """Each host's share; a key is there only when the host has that role."""

    def __init__(
        self,
        cluster: ClusterInput,
        placement: Placement,
        sizes: dict[str, Size],
        units: dict[str, Units],
        poolers: dict[str, PgBouncer],
        total: Sum,
        tuning: Tuning,
        clients: int,
        ledger: Ledger,
    ) -> None:
        self.cluster, self.placement, self.units, self.poolers = cluster, placement, units, poolers
        self.sizes, self.total, self.tuning, self.ledger = sizes, total, tuning, ledger
        self.database = cluster.having("postgres")[0]
        self.store = cluster.having("redis")[0]
        self.instances = data.redis(self.store, sizes[self.store.name], clients, ledger)
        self.nginx = web.nginx(cluster, units, ledger)
        self.identities = _identities(cluster, placement)

    def of(self, host: HostInput) -> dict[str, Any]:
        """One host's share."""
        cluster, units = self.cluster, self.units[host.name]
        roles = self.placement.roles[host.name]
        share: dict[str, Any] = {
            "name": host.name,
            "address": host.address,
            "architecture": host.architecture,
            "groups": sorted(host.groups),
            "roles": list(roles),
            "cores": host.cores,
            "memory_mb": _memory(self.sizes[host.name].budget),
            "names": web.names(host, cluster),
        }
        parts: dict[str, Callable[[], object]] = {
            "postgres": lambda: data.postgres(
                host,
                cluster,
                self.sizes[host.name],
                self.tuning,
                self.total.max_connections,
                self.identities,
                self.ledger,
            ),
            "pgbouncer": lambda: self.poolers[host.name],
            "relay": lambda: data.relay(host, self.store, self.instances, self.units[host.name]),
            "redis": lambda: self.instances,
            "minio": lambda: data.minio(host, cluster),
            "mastodon": lambda: self._mastodon(host),
            "puma": lambda: units.puma,
            "streaming": lambda: units.streaming,
            "sidekiq_workers": lambda: units.sidekiq_workers,
            "nginx": lambda: self.nginx,
        }
        share.update({role: plain(part()) for role, part in parts.items() if role in roles})
        share["limits"] = limits.of(share)
        return share

    def _mastodon(self, host: HostInput) -> dict[str, Any]:
        cluster, placement = self.cluster, self.placement
        build_host = placement.build_host(host)
        share: dict[str, Any] = {
            "tree": placement.trees[host.name],
            "node": host.has("streaming"),
            "build": build_host == host.name,
            "build_host": build_host,
            "migrate": host.name == placement.migrate,
            "s3": data.s3(cluster),
            "trusted_proxies": web.trusted_proxies(cluster),
        }
        packed_for = placement.packed_for(host)
        if packed_for != host.architecture:
            share["packed_for"] = packed_for
        if host.has(*APP_GROUPS):
            direct = Server(data.reach(self.database, host), self.database.ports.postgres)
            listeners = data.relay(host, self.store, self.instances, self.units[host.name]).listeners
            pooled = Server(data.LOOPBACK, host.ports.pgbouncer)
            share["database"] = {**plain(pooled if cluster.pooled else direct), "name": DATABASE, "user": USER}
            share["database_direct"] = plain(direct)
            user = self.identities.get(host.name, "")
            own = {"user": user} if user else {}
            share["redis"] = {each.name: {"host": each.address, "port": each.port, **own} for each in listeners}
            if user:
                share["database"]["user"] = user
                share["s3"].update({"user": user} if cluster.s3_backend == "minio" else {})
                share["identity"] = {"user": user, "epoch": host.worker_epoch}
        return share


def _identities(cluster: ClusterInput, placement: Placement) -> dict[str, str]:
    """{host: role and user of its own} of the hosts that work and do nothing else; empty where all share one."""
    if cluster.worker_identity != PER_WORKER:
        return {}
    return {
        host.name: user_name(host.name)
        for host in cluster.having("sidekiq_workers")
        if not fits(placement.roles[host.name], host.name == placement.migrate)
    }


def _memory(budget: Budget) -> dict[str, Any]:
    return {
        "total": budget.total,
        "reserve": budget.reserve,
        "claims": dict(budget.claims),
        "free": budget.free,
    }


def _cluster(cluster: ClusterInput, placement: Placement) -> dict[str, Any]:
    lists = {
        group: [host.name for host in cluster.having(group)]
        for group in ("puma", "streaming", "sidekiq_workers", "nginx")
    }
    media = [host.name for host in cluster.having("minio")]
    return {
        "domain": cluster.domain,
        "web_domain": cluster.web_domain,
        "media_domain": cluster.media_domain,
        "version": cluster.version,
        "admin": {"username": cluster.admin_username, "email": cluster.admin_email},
        "tls": cluster.tls,
        "source": cluster.source,
        "s3_backend": cluster.s3_backend,
        "queues": list(QUEUES),
        "migrate_host": placement.migrate,
        "scheduler_host": placement.scheduler,
        "build_hosts": dict(placement.builders),
        "hosts": {
            "postgres": cluster.having("postgres")[0].name,
            "redis": cluster.having("redis")[0].name,
            "minio": media[0] if media and cluster.s3_backend == "minio" else None,
            **lists,
        },
    }
