# GPL-3.0-or-later (see LICENSE)
"""Which host gets which roles, who builds, who migrates, who has the scheduler."""

from __future__ import annotations

from dataclasses import dataclass

from .model import ClusterInput, HostInput
from .names import APP_GROUPS, SCHEDULER
from .network import WIREGUARD
from .problems import Problems
from .why import Ledger

TREES = ("public", "streaming", "app")


@dataclass(frozen=True)
class Placement:
    """Answers for the whole cluster. Hosts are named; lists follow the inventory's order."""

    roles: dict[str, tuple[str, ...]]
    trees: dict[str, str]
    builders: dict[str, str]
    migrate: str
    scheduler: str
    scheduler_wished: bool

    def build_host(self, host: HostInput) -> str | None:
        """Who builds what this host unpacks. Files of public/ are the same on every architecture."""
        if host.architecture in self.builders:
            return self.builders[host.architecture]
        return next(iter(self.builders.values()), None)

    def packed_for(self, host: HostInput) -> str:
        """The architecture that what this host unpacks was packed on."""
        return host.architecture if host.architecture in self.builders else next(iter(self.builders), host.architecture)


def place(cluster: ClusterInput, problems: Problems, ledger: Ledger) -> Placement:
    """From groups to roles."""
    roles = {host.name: _roles(host, cluster) for host in cluster.hosts}
    trees = {host.name: tree for host in cluster.hosts if (tree := _tree(host))}
    builders: dict[str, str] = {}
    for host in cluster.hosts:
        if trees.get(host.name) == "app" and cluster.source != "release":
            builders.setdefault(host.architecture, host.name)
    for host in cluster.hosts:
        if trees.get(host.name) == "streaming" and cluster.source != "release" and host.architecture not in builders:
            problems.add(
                host.name,
                "mastodon_architecture",
                f"no host with Ruby (in puma or sidekiq_workers) builds for {host.architecture}",
                f"put a host of {host.architecture} into puma or sidekiq_workers, or name a finished release",
            )
    for architecture, name in builders.items():
        ledger.because(
            f"cluster.build_hosts.{architecture}",
            name,
            "the first host of its architecture that runs Ruby builds, all others unpack",
            architecture=architecture,
        )
    app = cluster.having("puma", "sidekiq_workers")
    migrate = app[0].name if app else ""
    ledger.because("cluster.migrate_host", migrate, "the first host that runs Ruby migrates, past PgBouncer")
    scheduler, wished = _scheduler(cluster, problems)
    ledger.because(
        "cluster.scheduler_host",
        scheduler,
        "a unit that the inventory gives the queue scheduler"
        if wished
        else "the first host of sidekiq_workers; exactly one process in the cluster may listen to it",
    )
    for host in cluster.having("pgbouncer"):
        if not host.has(*APP_GROUPS):
            ledger.warn(
                f"{host.name} is in group pgbouncer and runs nothing of the application: nobody uses that pooler"
            )
    return Placement(roles, trees, builders, migrate, scheduler, wished)


def _roles(host: HostInput, cluster: ClusterInput) -> tuple[str, ...]:
    found = {"common", *host.groups}
    if host.has(*APP_GROUPS):
        found |= {"mastodon", "pgbouncer", "relay"}
    if not cluster.pooled:
        found.discard("pgbouncer")
    if host.has("nginx"):
        found.add("mastodon")
    if cluster.s3_backend != "minio":
        found.discard("minio")
    if cluster.network == WIREGUARD:
        found.add("wireguard")
    return tuple(sorted(found))


def _tree(host: HostInput) -> str:
    if host.has("puma", "sidekiq_workers"):
        return "app"
    if host.has("streaming"):
        return "streaming"
    return "public" if host.has("nginx") else ""


def _scheduler(cluster: ClusterInput, problems: Problems) -> tuple[str, bool]:
    workers = cluster.having("sidekiq_workers")
    units = [(host.name, unit.name) for host in workers for unit in host.units or () if SCHEDULER in unit.queue_names]
    if len(units) > 1:
        problems.add(
            list(dict.fromkeys(host for host, _ in units)),
            "mastodon_sidekiq_workers",
            f"{len(units)} units have the queue scheduler ({', '.join(f'{unit} on {host}' for host, unit in units)}),"
            " so that every timer would fire as often",
            "leave scheduler in one unit of one host, or in none: the plan then places it",
        )
    if units:
        return units[0][0], True
    return (workers[0].name if workers else ""), False
