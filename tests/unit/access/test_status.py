"""The status: each fault gives exactly its own finding, with host, figure and next step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.filter import status as filters
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import status, status_text
from status_cases import healthy, plan

PLANS = ["chaos_social", "freeradical", "single_host", "tooting", "wandering_shop"]
Break = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], None]


@pytest.mark.parametrize("name", PLANS)
def test_a_healthy_cluster_is_ok_and_fits_the_screen(name: str) -> None:
    told = plan(name)
    found = status.assess(told, *healthy(told)).plain()
    assert (found["problems"], found["strains"], found["verdict"]) == ([], [], "ok")
    lines = status_text.lines(found)
    assert max(map(len, lines)) <= 100 and lines[-1] == "ok"
    text = "\n".join(lines)
    assert all(host in text for host in told["hosts"]) and all(queue in text for queue in told["cluster"]["queues"])
    assert json.loads(json.dumps(found)) == found


def first(told: dict[str, Any]) -> tuple[str, str]:
    """A host with Sidekiq, and one of its instances that has no queue alone."""
    for name, share in told["hosts"].items():
        for worker in share.get("sidekiq_workers", ()):
            if "scheduler" not in [queue for queue, _ in worker["queues"]]:
                return name, worker["name"]
    raise AssertionError("no host with Sidekiq")


def heartbeat_lost(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    host, name = first(told)
    data["processes"] = [one for one in data["processes"] if (one["hostname"], one["tag"]) != (host, f"{name}@v4.6.5")]


def unit_failed(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    hosts[next(iter(hosts))]["units"]["nginx.service"] = {"active": False, "state": "failed", "pid": 0, "wanted": True}


def second_scheduler(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    extra = dict(data["processes"][0], identity="pi:1:x", hostname="pi", pid=1, queues=["scheduler"])
    data["processes"].append(extra)


def nobody_pulls(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    for one in data["processes"]:
        one["queues"] = [queue for queue in one["queues"] if queue != "pull"]


def replica(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    data["redis"][0]["role"] = "slave"


def redis_full(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    data["redis"][0]["memory_mb"] = 1020


def log_not_written(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    data["redis"][0]["log_written"] = False


def connections_gone(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    data["database"]["connections"] = data["database"]["connections_limit"] - 3


def database_silent(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    data["database"] = {}
    data["errors"] = ["PostgreSQL at 10.40.0.13:5432: connection refused"]


def tunnel_silent(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    next(iter(hosts.values()))["tunnels"][0]["handshake_age_s"] = 400


def old_release(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    name = next(name for name, share in told["hosts"].items() if share.get("mastodon", {}).get("tree") == "app")
    hosts[name]["release"] = "v4.5.0"


def disk_full(told: dict[str, Any], hosts: dict[str, Any], data: dict[str, Any]) -> None:
    next(iter(hosts.values()))["disks"][0].update(free_percent=1, free_mb=300)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (heartbeat_lost, r"Sidekiq \S+ runs as process \d+, but has no heartbeat in Redis"),
        (unit_failed, "nginx.service is failed: journalctl"),
        (second_scheduler, r"2 processes have the scheduler \(.*pi:1:x\): stop all but one"),
        (nobody_pulls, "queue pull: no live process takes its jobs"),
        (replica, "Redis sidekiq is a slave and takes no writes"),
        (redis_full, "Redis sidekiq: 1020 of 1024 MB are used; when full it refuses writes"),
        (log_not_written, "cannot write its append-only file"),
        (connections_gone, r"PostgreSQL: \d+ of \d+ connections are in use: nobody new gets in"),
        (database_silent, "PostgreSQL at 10.40.0.13:5432: connection refused"),
        (tunnel_silent, "tunnel wg0 to hub: last handshake 400 s ago: playbooks/network.yml"),
        (old_release, "different releases run .v4.5.0 on .*; v4.6.5 on .*: run site.yml"),
        (disk_full, r"/ has 1 % left \(300 MB\): make room"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_fault_is_one_problem(fault: Break, said: str) -> None:
    told = plan()
    hosts, data = healthy(told)
    fault(told, hosts, data)
    found = status.assess(told, hosts, data)
    assert found.verdict == "broken"
    assert len(found.problems) == 1, found.problems
    assert re.search(said, found.problems[0])
    lines = status_text.lines(found.plain())
    assert lines[-1].startswith("broken: 1 problem") and max(map(len, lines)) <= 100


def test_a_host_that_is_off_is_named_with_what_it_takes_along() -> None:
    told = plan("freeradical")
    hosts, data = healthy(told)
    name, _ = first(told)
    hosts[name] = {"unreachable": "ssh: No route to host\nand more"}
    data["processes"] = [one for one in data["processes"] if one["hostname"] != name]
    found = status.assess(told, hosts, data)
    assert f"{name}: not reached: ssh: No route to host" in found.problems
    assert not any("heartbeat" in one for one in found.problems)  # nobody knows the process ids of a host that is off


@pytest.mark.parametrize(
    ("where", "change", "said"),
    [
        (("queues", "push"), {"latency_s": 900.0, "size": 5000}, "the oldest of 5000 jobs waits for 900 s, 10 s"),
        (("redis", 0), {"memory_mb": 950}, "950 of 1024 MB"),
        (("redis", 0), {"users": ["mastodon_stolen"]}, "mastodon_stolen may still come in at Redis, and is no host"),
        (("database",), {"workers": {"mastodon_stolen": "stolen"}}, "may still come in at PostgreSQL"),
        (("processes", 0), {"beat_age_s": 45.0}, "last heartbeat 45 s ago, instead of 10"),
    ],
)
def test_what_is_short_or_late_is_a_strain(where: tuple[Any, ...], change: dict[str, Any], said: str) -> None:
    told = plan()
    hosts, data = healthy(told)
    at: Any = data
    for step in where:
        at = at[step]
    at.update(change)
    found = status.assess(told, hosts, data)
    assert found.problems == [] and found.verdict == "strained"
    assert (found.plain()["failure"], found.plain(strict=True)["failure"]) == (
        "",
        "The cluster is strained; see above.",
    )
    assert len(found.strains) == 1 and said in found.strains[0]


def test_jobs_that_a_cut_tunnel_cost_are_a_strain() -> None:
    told = plan()
    hosts, data = healthy(told)
    name, seen = next(iter(hosts.items()))
    seen.update(now=5000, lost={"count": 3, "classes": {"ActivityPub::DeliveryWorker": 3}, "last": 4700})
    found = status.assess(told, hosts, data)
    assert found.problems == [] and len(found.strains) == 1
    assert f"{name}: 3 jobs were lost within 24 h, the last one 5 min ago" in found.strains[0]
    assert [one["jobs_lost"] for one in found.hosts if one["name"] == name] == [3]


def test_a_quiet_process_is_a_strain_while_others_take_its_queues() -> None:
    told = plan()
    hosts, data = healthy(told)
    push = [one for one in data["processes"] if "push" in one["queues"] and "scheduler" not in one["queues"]]
    assert len(push) > 1
    push[0]["quiet"] = True
    found = status.assess(told, hosts, data)
    assert [("is quiet" in one) for one in found.strains] == [True]
    for one in data["processes"]:
        one["quiet"] = True
    broken = status.assess(told, hosts, data).problems
    assert len(broken) == len(told["cluster"]["queues"])


def test_a_host_that_was_left_out_is_no_fault() -> None:
    told = plan("freeradical")
    hosts, data = healthy(told)
    name = first(told)[0]
    del hosts[name]
    found = status.assess(told, hosts, data)
    assert found.verdict == "ok" and f"{name} was left out of this run" in found.notes


def test_nobody_to_ask_is_told() -> None:
    told = plan()
    hosts, _ = healthy(told)
    assert "no host with the application was reached" in status.assess(told, hosts, {}).problems[0]


def test_the_filters_take_what_the_playbook_registers() -> None:
    told = plan()
    hosts, data = healthy(told)
    migrates = told["cluster"]["migrate_host"]
    hostvars: dict[str, Any] = {name: {"__status_host": {"seen": seen}} for name, seen in hosts.items()}
    names = list(hosts)
    assert filters.status_source(told, hostvars, names) == migrates
    hostvars[migrates] = {"__status_host": {"unreachable": True, "msg": "ssh: timed out"}}
    other = filters.status_source(told, hostvars, names)
    assert other != migrates and told["hosts"][other]["mastodon"]["tree"] == "app"
    for name in names:
        hostvars[name]["__status_shared"] = {"seen": data} if name == other else {"skipped": True}
    found = filters.status(told, hostvars, names)
    assert f"{migrates}: not reached: ssh: timed out" in found["problems"] and found["queues"]
    assert filters.status_source(told, {name: {} for name in names}, names) == ""
