# GPL-3.0-or-later (see LICENSE)
"""From raw inventory values to ClusterInput. Which keys are read is listed in names.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from .._join.identity import KINDS as KINDS_OF_IDENTITY
from .._join.identity import PER_WORKER, SHARED, user_name
from . import names
from .cluster_settings import (
    read_deadline,
    read_max_connections,
    read_postgres_version,
    read_proxies,
    read_username,
    read_version,
)
from .hosts import check_groups
from .model import ClusterInput, HostInput, PoolWish, Ports, PumaWish, StreamingWish
from .names import MEASURED
from .network import KINDS, PRIVATE, WIREGUARD, read_address, read_interface
from .problems import Problems, did_you_mean
from .profile_wish import read_profile
from .read import UNSET, Reader, shown
from .resources import UNIT_MEMORY, read_queues, read_round_trip, read_size, read_steal
from .source import read_s3, read_source
from .wishes import read_units

Raw = Mapping[str, Any]
RUNTIMES = ("mastodon_ruby", "mastodon_node")


def read_cluster(raw: Raw, problems: Problems) -> ClusterInput | None:
    """Read and check everything. None when there are no hosts to plan; other findings still give an answer."""
    groups: Mapping[str, Sequence[str]] = raw["groups"]
    values: Mapping[str, Raw] = raw["hosts"]
    preset = str(next((given["mastodon_preset"] for given in values.values() if given.get("mastodon_preset")), ""))
    order = tuple(groups.get("mastodon", ()))
    check_groups(groups, order, problems)
    if not order:
        return None
    for host in order:
        _check_names(host, raw.get("names", {}).get(host, ()), values[host], problems)
        for setting, message in raw.get("broken", {}).get(host, {}).items():
            problems.add(host, setting, f"its value cannot be evaluated: {message}", "correct the expression")
    cluster = _Cluster(order, values, problems)
    domain = _required(cluster.reader, "mastodon_domain", cluster.value("mastodon_domain"), "social.example.org")
    domain = cluster.reader.domain("mastodon_domain", domain or UNSET)
    email = _required(
        cluster.reader, "mastodon_admin_email", cluster.value("mastodon_admin_email"), "admin@example.org"
    )
    cluster.reader.mail("mastodon_admin_email", email or UNSET)
    web_domain = cluster.reader.domain("mastodon_web_domain", cluster.value("mastodon_web_domain"), domain)
    media_default = f"media.{web_domain}" if web_domain else ""
    media_domain = cluster.reader.domain("mastodon_media_domain", cluster.value("mastodon_media_domain"), media_default)
    if media_domain and media_domain == web_domain:
        cluster.reader.bad(
            "mastodon_media_domain",
            f"{media_domain} is the site's own name",
            "give media a name of its own, or leave it out",
        )
    network = cluster.reader.choice("mastodon_network", cluster.value("mastodon_network"), PRIVATE, KINDS)
    members = {group: frozenset(groups.get(group, ())) for group in names.ROLE_GROUPS}
    hosts = tuple(
        _read_host(
            name,
            tuple(group for group in names.ROLE_GROUPS if name in members[group]),
            values[name],
            len(order) == 1,
            network,
            raw.get("broken", {}).get(name, ()),
            problems,
        )
        for name in order
    )
    _check_runtimes(values, hosts, problems)
    if network != WIREGUARD:  # the tunnel's own checks know more
        _check_addresses(hosts, problems)
    backend_default = "minio" if groups.get("minio") else "none"
    backend = cluster.reader.choice(
        "mastodon_s3_backend", cluster.value("mastodon_s3_backend"), backend_default, ("minio", "external", "none")
    )
    _check_backend(backend, groups, problems, cluster.reader)
    postgres = _owner(groups, "postgres", order)
    return ClusterInput(
        domain=domain,
        web_domain=web_domain,
        media_domain=media_domain,
        admin_email=email,
        admin_username=read_username(cluster.reader, cluster.value("mastodon_admin_username")),
        version=read_version(cluster.reader, cluster.value("mastodon_version")),
        source=read_source(
            cluster.reader, cluster.value("mastodon_source"), sorted({host.architecture for host in hosts})
        ),
        tls=cluster.reader.choice(
            "mastodon_tls", cluster.value("mastodon_tls"), "certbot", ("certbot", "files", "test_ca")
        ),
        s3_backend=backend,
        s3=read_s3(cluster.reader, cluster.value("mastodon_s3"), backend),
        trusted_proxies=read_proxies(cluster.reader, cluster.value("mastodon_trusted_proxies")),
        max_connections=read_max_connections(
            Reader(problems, (postgres,)), values[postgres].get("mastodon_postgres_max_connections")
        ),
        postgres_version=read_postgres_version(
            Reader(problems, (postgres,)), values[postgres].get("mastodon_postgres_version")
        ),
        monthly_active_users=cluster.reader.integer(
            "mastodon_monthly_active_users", cluster.value("mastodon_monthly_active_users"), 500, 1, 100_000_000
        ),
        active_share=cluster.reader.number(
            "mastodon_active_share", cluster.value("mastodon_active_share"), 0.6, 0.0, 1.0
        ),
        profile=read_profile(
            cluster.reader, cluster.value("mastodon_job_profile"), cluster.value("mastodon_slow_share")
        ),
        breaker_pool=cluster.reader.flag("mastodon_breaker_pool", cluster.value("mastodon_breaker_pool"), True),
        pooled=_pooled(values, order, problems),
        replica=cluster.reader.flag("mastodon_replica", cluster.value("mastodon_replica")),
        preset=preset,
        backlog=cluster.reader.mapping("mastodon_backlog", cluster.value("mastodon_backlog"), names.QUEUES),
        deadline_s=read_deadline(cluster.reader, cluster.value("mastodon_backlog_deadline_s")),
        network=network,
        worker_identity=_read_identity(cluster, hosts, problems),
        firewall=cluster.reader.flag("mastodon_firewall", cluster.value("mastodon_firewall")),
        hosts=hosts,
    )


class _Cluster:
    """Settings with one value for all hosts."""

    def __init__(self, order: tuple[str, ...], values: Mapping[str, Raw], problems: Problems) -> None:
        self.order, self.values = order, values
        self.reader = Reader(problems, order)

    def value(self, setting: str) -> Any:
        """The value that all hosts agree on."""
        having = [host for host in self.order if self.values[host].get(setting) is not None]
        if not having:
            return UNSET
        first = self.values[having[0]][setting]
        others = [host for host in having if self.values[host][setting] != first]
        missing = [host for host in self.order if host not in having]
        if others:
            self.reader.problems.add(
                others,
                setting,
                f"{shown(self.values[others[0]][setting])} here, {shown(first)} on {having[0]}; the cluster has one",
                "set it once, in group_vars/mastodon.yml",
            )
        elif missing:
            self.reader.problems.add(
                having,
                setting,
                f"not set on {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; it is the whole cluster's",
                "move it to group_vars/mastodon.yml",
            )
        return first


def _read_identity(cluster: _Cluster, hosts: tuple[HostInput, ...], problems: Problems) -> str:
    """Whether worker hosts have a role and a user of their own; their names must be fit for it."""
    setting = "mastodon_worker_identity"
    found = cluster.reader.choice(setting, cluster.value(setting), PER_WORKER, KINDS_OF_IDENTITY)
    for host in [host for host in hosts if found == PER_WORKER and host.has("sidekiq_workers")]:
        try:
            user_name(host.name)
        except ValueError as error:
            problems.add(host.name, setting, str(error), "rename the host, or set mastodon_worker_identity: shared")
            found = SHARED
    return found


def _owner(groups: Mapping[str, Sequence[str]], group: str, order: tuple[str, ...]) -> str:
    members = [host for host in order if host in groups.get(group, ())]
    return members[0] if members else order[0]


def _required(reader: Reader, setting: str, value: Any, example: str) -> str:
    if value is UNSET or value == "":
        reader.bad(setting, "is required and not set", f"set it in group_vars/mastodon.yml, for example to {example}")
        return ""
    return reader.text(setting, value)


def _pooled(values: Mapping[str, Raw], order: tuple[str, ...], problems: Problems) -> bool:
    """Whether processes connect through PgBouncer; one host without it is enough to count all of them directly."""
    found = True
    for host in order:
        given = values[host].get("mastodon_pgbouncer")
        if isinstance(given, Mapping) and given.get("enabled") is not None:
            found &= Reader(problems, (host,)).flag("mastodon_pgbouncer.enabled", given["enabled"], True)
    return found


def _check_names(host: str, present: Sequence[str], values: Raw, problems: Problems) -> None:
    """Misspelt settings, and settings that would reach the wrong processes."""
    reader = Reader(problems, (host,))
    for name in present:
        if name not in names.KNOWN:
            reader.bad(name, "there is no such setting", did_you_mean(name, names.KNOWN, "remove it", "mastodon_"))
    for key in values.get("mastodon_environment") or ():
        if key in names.PER_PROCESS:
            reader.bad(f"mastodon_environment.{key}", names.PER_PROCESS[key], "remove it there")
    for key in values.get("mastodon_smtp") or ():
        reader.key("mastodon_smtp", str(key), names.SMTP_KEYS)


def _read_host(
    name: str,
    groups: tuple[str, ...],
    values: Raw,
    alone: bool,
    network: str,
    broken: Collection[str],
    problems: Problems,
) -> HostInput:
    reader = Reader(problems, (name,))

    def value(setting: str) -> Any:
        given = values.get(setting)
        return UNSET if given is None else given

    def ports(limits: Mapping[str, int]) -> dict[str, int]:
        given = reader.mapping("mastodon_ports", value("mastodon_ports"), tuple(limits))
        return {
            key: reader.integer(f"mastodon_ports.{key}", given.get(key, UNSET), default, 1, 65_535)
            for key, default in limits.items()
        }

    def wishes(setting: str, limits: Mapping[str, tuple[int, int]], more: tuple[str, ...] = ()) -> dict[str, int]:
        given = reader.mapping(setting, value(setting), (*limits, *more))
        return {
            key: reader.integer(f"{setting}.{key}", given[key], lowest, lowest, highest)
            for key, (lowest, highest) in limits.items()
            if given.get(key) is not None
        }

    for setting in RUNTIMES:
        methods = ("distribution", "directory", "archive", *(["ruby_build"] if setting == "mastodon_ruby" else []))
        given = value(setting)
        if given is not UNSET:
            known = ("method", "path", "url", "checksum", "version")
            reader.choice(
                f"{setting}.method", reader.mapping(setting, given, known).get("method", UNSET), "distribution", methods
            )
    cores, memory_mb = read_size(reader, name, values, broken)
    interface = read_interface(reader, value("mastodon_network_interface"), network)
    # A declared database wins over both that were measured: undeclared, Redis is as far as the database.
    measured = {} if value(MEASURED[0]) is not UNSET else values.get("measured") or {}
    db_rtt_ms, redis_rtt_ms = (
        read_round_trip(reader, name, measured.get(name, UNSET) if value(name) is UNSET else value(name))
        for name in MEASURED
    )
    return HostInput(
        name=name,
        groups=groups,
        address=read_address(reader, values, alone, network, interface),
        architecture=reader.choice(
            "mastodon_architecture", value("mastodon_architecture"), "amd64", names.ARCHITECTURES
        ),
        cores=cores,
        memory_mb=memory_mb,
        steal=read_steal(reader, value("mastodon_cpu_steal"), value("mastodon_shared_cpu")),
        disk=reader.choice("mastodon_disk", value("mastodon_disk"), "ssd", ("hdd", "ssd", "san", "nvme")),
        db_rtt_ms=db_rtt_ms,
        redis_rtt_ms=db_rtt_ms if redis_rtt_ms is None else redis_rtt_ms,
        queues=read_queues(reader, value("mastodon_sidekiq_queues")),
        unit_memory_mb={
            **UNIT_MEMORY,
            **wishes("mastodon_unit_memory_mb", dict.fromkeys(UNIT_MEMORY, (16, 100000))),
        },
        ports=Ports(**ports({f.name: _port(f.name) for f in fields(Ports)})),
        puma=PumaWish(**wishes("mastodon_puma", {"workers": (1, 128), "threads": (1, 128), "instances": (1, 32)})),
        streaming=StreamingWish(**wishes("mastodon_streaming", {"processes": (1, 128), "db_pool": (1, 500)})),
        pool=PoolWish(**wishes("mastodon_pgbouncer", {"pool_size": (1, 1000), "reserve": (0, 500)}, ("enabled",))),
        units=read_units(reader, value("mastodon_sidekiq_workers")),
        interface=interface,
        tunnel={**(values.get("wireguard") or {}), "mastodon_address": value("mastodon_address")},
        worker_epoch=reader.integer("mastodon_worker_epoch", value("mastodon_worker_epoch"), 0, 0, 1_000_000),
    )


def _check_runtimes(values: Mapping[str, Raw], hosts: tuple[HostInput, ...], problems: Problems) -> None:
    """A program that is brought from elsewhere runs on one architecture only."""
    for setting in RUNTIMES:
        having: dict[str, list[HostInput]] = {}
        for host in hosts:
            given = values[host.name].get(setting)
            if host.has(*names.APP_GROUPS) and isinstance(given, Mapping) and given.get("method") == "archive":
                having.setdefault(str(given.get("url")), []).append(host)
        for url, users in having.items():
            others = [host for host in users if host.architecture != users[0].architecture]
            if others:
                problems.add(
                    [host.name for host in others],
                    f"{setting}.url",
                    f"{url} for {others[0].architecture} here, for {users[0].architecture} on {users[0].name}; a"
                    " program is built for one",
                    f"give these hosts a {setting} with an archive of their own",
                )


def _port(name: str) -> int:
    default: int = getattr(Ports(), name)
    return default


def _check_addresses(hosts: tuple[HostInput, ...], problems: Problems) -> None:
    owners: dict[str, list[str]] = {}
    for host in hosts:
        if host.address:
            owners.setdefault(host.address, []).append(host.name)
    for address, having in owners.items():
        if len(having) > 1:
            problems.add(
                having, "mastodon_address", f"{address} is the address of {len(having)} hosts", "give each its own"
            )


def _check_backend(backend: str, groups: Mapping[str, Sequence[str]], problems: Problems, reader: Reader) -> None:
    members = groups.get("minio", ())
    if backend == "minio" and not members:
        reader.bad(
            "mastodon_s3_backend", "is minio, and group minio has no host", "put one host into minio, or choose another"
        )
    if backend != "minio" and members:
        problems.add(
            "group minio",
            "",
            f"has a host, and mastodon_s3_backend is {backend}",
            "take the host out of minio, or set mastodon_s3_backend: minio",
        )
