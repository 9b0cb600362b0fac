"""Raw inventories for tests, as the filter hands them to the core."""

from __future__ import annotations

from typing import Any

ROLES = ("postgres", "redis", "minio", "puma", "streaming", "sidekiq_workers", "nginx")
CLUSTER = {"mastodon_domain": "social.example.org", "mastodon_admin_email": "admin@example.org"}
CHECKSUM = "sha256:" + "0" * 64
SIZE = {"mastodon_cpus": 4, "mastodon_memory_mb": 8192}
LARGE = {"mastodon_cpus": 8, "mastodon_memory_mb": 16384}  # of a host with everything


def raw(
    groups: dict[str, list[str]],
    cluster: dict[str, Any] | None = None,
    **hosts: dict[str, Any],
) -> dict[str, Any]:
    """An inventory of these groups; cluster and host variables on top of what is required. None takes one away."""
    order = list(dict.fromkeys(host for members in groups.values() for host in members))
    values: dict[str, dict[str, Any]] = {}
    for number, host in enumerate(order, 1):
        address = {"mastodon_address": f"10.40.0.{number}"} if len(order) > 1 else {}
        size = LARGE if sum(host in members for members in groups.values()) >= 6 else SIZE
        merged = {**CLUSTER, **size, **address, **(cluster or {}), **hosts.get(host, {})}
        values[host] = {name: value for name, value in merged.items() if value is not None}
    return {
        "groups": {"all": order, "ungrouped": [], "mastodon": order, **groups},
        "hosts": values,
        "names": {
            host: sorted(name for name in given if name.startswith("mastodon_")) for host, given in values.items()
        },
    }


def single(cluster: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    """Everything on one host, main."""
    return raw({role: ["main"] for role in ROLES}, cluster, main=own)


def four(cluster: dict[str, Any] | None = None, **hosts: dict[str, Any]) -> dict[str, Any]:
    """main, worker, db and media."""
    groups = {
        "postgres": ["db"],
        "redis": ["main"],
        "minio": ["media"],
        "puma": ["main"],
        "streaming": ["main"],
        "sidekiq_workers": ["main", "worker"],
        "nginx": ["main"],
    }
    return raw(groups, cluster, **hosts)


def with_worker(inventory: dict[str, Any], name: str, address: str, **own: Any) -> dict[str, Any]:
    """One more host under sidekiq_workers, last in the inventory."""
    groups = {group: list(members) for group, members in inventory["groups"].items()}
    for group in ("all", "mastodon", "sidekiq_workers"):
        groups[group].append(name)
    values = {**CLUSTER, **SIZE, "mastodon_address": address, **own}
    return {
        "groups": groups,
        "hosts": {**inventory["hosts"], name: values},
        "names": {**inventory["names"], name: sorted(values)},
    }
