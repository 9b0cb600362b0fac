# GPL-3.0-or-later (see LICENSE)
"""Who may join or leave by a playbook of its own, who must be there for it, and which doors are concerned."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .._plan.problems import suggest
from .identity import PER_WORKER, SHARED, fits

GROUP = "sidekiq_workers"
# What role names are not: these run on every host, or serve the Sidekiq processes.
AROUND = frozenset({"common", "mastodon", "pgbouncer", "relay", "wireguard", GROUP})
Groups = Mapping[str, Sequence[str]]
Plan = Mapping[str, Any]


def named(worker: str) -> list[str]:
    """The hosts of `-e worker=one,two`."""
    return list(dict.fromkeys(part for part in re.split(r"[,\s]+", worker.strip()) if part))


def _not_a_worker(groups: Groups, name: str, playbook: str) -> list[str]:
    """What speaks against a host, from the inventory's groups alone."""
    hosts, workers = list(groups.get("mastodon", ())), list(groups.get(GROUP, ()))
    if name not in hosts:
        near = suggest(name, hosts)
        meant = f"Did you mean {near}?" if near else f"The inventory has {', '.join(hosts) or 'no host'}."
        return [f"{name}: no such host in group mastodon. {meant} A new host first goes under {GROUP}."]
    if name not in workers:
        return [f"{name}: is not in group {GROUP} ({', '.join(workers) or 'empty'}). Put it there."]
    own = (group for group, members in groups.items() if name in members and not group.startswith(("mastodon_", "__")))
    others = sorted(set(own) & {"postgres", "redis", "minio", "puma", "streaming", "nginx"})
    if others:
        return [
            f"{name}: is also in {', '.join(others)}; {playbook} is for hosts that run Sidekiq and nothing else."
            " Run site.yml for it."
        ]
    return []


def join_problems(groups: Groups, worker: str) -> list[str]:
    """Why these hosts cannot join; empty when they can."""
    names = named(worker)
    if not names:
        return ["No host is named. Pass -e worker=NAME, or several with commas; each stands under sidekiq_workers."]
    found = [text for name in names for text in _not_a_worker(groups, name, "add_worker.yml")]
    if not found and set(names) >= set(groups.get(GROUP, ())):
        found = [f"{', '.join(names)}: no other host has Sidekiq yet. The first deployment is site.yml's."]
    return found


def leave_problems(
    groups: Groups, worker: str, confirm: str, status: Mapping[str, Any] | None, *, force: bool
) -> list[str]:
    """Why this host cannot leave. status: recorded by status.yml; None: nobody recorded one."""
    names = named(worker)
    if len(names) != 1:
        return ["Pass -e worker=NAME, one host." if not names else f"{worker}: one host leaves at a time."]
    (name,) = names
    found = _not_a_worker(groups, name, "remove_worker.yml")
    if found:
        return found
    if confirm != name:
        said = f"confirm is {confirm!r}" if confirm else "nobody confirmed it"
        return [f"{name}: {said}. Pass -e confirm={name}: its access is revoked, and its processes stop."]
    if set(groups.get(GROUP, ())) == {name}:
        return [f"{name}: is the only host of {GROUP}; nobody would do the jobs."]
    left = [] if force or status is None else queues_left(status, name)
    if left:
        return [
            f"{name}: queue{'s' if len(left) > 1 else ''} {', '.join(left)} would be left without a live process, says"
            " the recorded status. Start one on another host first."
        ]
    return []


def queues_left(status: Mapping[str, Any], name: str) -> list[str]:
    """Queues that only this host's processes take from, in what status.yml wrote."""
    ours: set[str] = set()
    kept: set[str] = set()
    for one in status.get("instances", ()):
        if one.get("state") == "takes jobs":
            (ours if one["host"] == name else kept).update(one.get("queues", ()))
    return sorted(ours - kept)


def plan_problems(plan: Plan, names: Collection[str], *, joining: bool) -> list[str]:
    """What speaks against it in the plan: tasks that exist once."""
    cluster, found = plan["cluster"], []
    for name in names:
        if cluster["migrate_host"] == name:
            found.append(
                f"{name}: migrates the database, as it is the first host with Ruby in the inventory."
                + (" Run site.yml, or list it after the others." if joining else " List it after the others first.")
            )
        if not joining and cluster["scheduler_host"] == name:
            found.append(
                f"{name}: has the scheduler. Give another host's mastodon_sidekiq_workers a unit with that queue, and"
                " run site.yml first."
            )
        served = [
            other
            for other, share in plan["hosts"].items()
            if other != name and other not in names and share.get("mastodon", {}).get("build_host") == name
        ]
        if served and not joining:
            found.append(
                f"{name}: builds for {', '.join(served)}. List it after them in the inventory, and run site.yml."
            )
    return found


def needed(plan: Plan, names: Collection[str]) -> list[str]:
    """Hosts that must answer: those that let it in, and those that build for it."""
    hosts = plan["cluster"]["hosts"]
    builders = [plan["hosts"][name].get("mastodon", {}).get("build_host") for name in names]
    stores = [hosts["minio"] for name in names if _at_store(plan, name)]
    found = dict.fromkeys([hosts["postgres"], hosts["redis"], *stores, *filter(None, builders)])
    return [name for name in found if name not in names]


def reference(plan: Plan, names: Collection[str], there: Collection[str]) -> str:
    """Whom a worker compares itself with, and who speaks for one that died; empty when nobody is there."""
    hosts, able = plan["cluster"]["hosts"], (plan["cluster"]["migrate_host"], *plan["cluster"]["hosts"][GROUP])
    candidates = [name for name in (*able, *hosts["puma"]) if name not in names and name in there]
    return str(candidates[0]) if candidates else ""


def tunnel(plan: Plan, name: str, there: Collection[str]) -> dict[str, Any]:
    """The interface, and the neighbours in it that must answer; empty without tunnels of ours."""
    share = plan["hosts"][name].get("wireguard")
    if not share:
        return {}
    members = plan["network"]["hosts"]
    peers = [{"name": one, "address": members[one]["address"]} for one in share["neighbours"] if one in there]
    return {"interface": share["interface"], "peers": peers}


def doors(plan: Plan, name: str) -> dict[str, Any]:
    """Where a worker is let in, and as whom: what the module worker_access takes, by service."""
    hosts, share = plan["cluster"]["hosts"], plan["hosts"][name]
    postgres, redis = plan["hosts"][hosts["postgres"]]["postgres"], plan["hosts"][hosts["redis"]]["redis"]
    ports: dict[str, list[int]] = {hosts["postgres"]: [postgres["port"]]}
    ports.setdefault(hosts["redis"], []).extend(one["port"] for one in redis)
    identity = share["mastodon"].get("identity")
    return {
        "worker": name,
        "address": share["address"],
        "identity": PER_WORKER if identity else SHARED,
        "epoch": (identity or {}).get("epoch", 0),
        "postgresql": {
            "host": hosts["postgres"],
            "port": postgres["port"],
            "database": postgres["database"],
            "owner": postgres["user"],
        },
        "redis": {"host": hosts["redis"], "instances": [one["name"] for one in redis]},
        "minio": [_store(plan, hosts["minio"])] if _at_store(plan, name) else [],
        "firewall": [{"host": host, "ports": sorted(numbers)} for host, numbers in ports.items()],
    }


def _store(plan: Plan, host: str) -> dict[str, Any]:
    store = plan["hosts"][host]["minio"]
    place = f"[{store['address']}]" if ":" in store["address"] else store["address"]
    return {"host": host, "endpoint": f"http://{place}:{store['port']}", "bucket": store["bucket"]}


def _at_store(plan: Plan, name: str) -> str:
    """Who it is at our object store; empty with the key that all share, or another store."""
    return str(plan["hosts"][name].get("mastodon", {}).get("s3", {}).get("user", ""))


def may_be_its_own(plan: Plan, name: str) -> str:
    """Why a host has no identity of its own; empty when it could have one."""
    return fits(plan["hosts"][name]["roles"], plan["cluster"]["migrate_host"] == name)
