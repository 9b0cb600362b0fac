"""Every number of a plan has its reason, and the reason has the plan's number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain, rules, why
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from hypothesis import HealthCheck, given, settings
from plan_strategies import clusters

from tests import golden

# Maps which one reason explains: numbers by queue, and the kernel's settings for a tunnel.
MAPS = re.compile(r"(\.capacity|forecast\.(?:jobs_per_second|most|expected)|\.wireguard\.sysctl)\..*")
# Computed elsewhere, with a sentence for each queue.
TOLD = ("forecast.backlog.",)


def numbers(value: Any, path: str) -> Iterator[str]:
    """Paths of all numbers, entries of lists by name or index."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = item.get("name", index) if isinstance(item, dict) else index
            yield from numbers(item, f"{path}[{name}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path


def spellings(path: str, hosts: list[str]) -> Iterator[str]:
    """How a reason may write this path: with the entry, its kind, its index 0 or without; of this host or of all."""
    path = MAPS.sub(r"\1", path)
    kinds = re.sub(r"-\d+\]", "]", path)
    for each in (path, kinds, re.sub(r"\[[^]]*\]", "", path)):
        yield each
        name = next((name for name in hosts if each.startswith(f"hosts.{name}.")), None)
        if name:
            yield each.replace(f"hosts.{name}.", "hosts.*.", 1)


def unexplained(plan: dict[str, Any]) -> set[str]:
    """Numbers without a reason. Longest names of hosts first, since they may hold dots."""
    hosts = sorted(plan["hosts"], key=len, reverse=True)
    known = {reason["path"] for reason in plan["why"]}
    parts = {key: plan[key] for key in ("hosts", "ledger", "forecast")}
    found = [path[1:] for path in numbers(parts, "")]
    return {
        path
        for path in found
        if not path.startswith(TOLD) and not any(each in known for each in spellings(path, hosts))
    }


def tunnels() -> dict[str, Any]:
    """Four hosts behind one hub."""
    inventory = cases.four({"mastodon_network": "wireguard"})
    for name, values in inventory["hosts"].items():
        values["wireguard"] = {"wireguard_networks": ["10.40.0.0/24"], "wireguard_topology": "hub_spoke"}
        if name == "main":
            values["wireguard"] |= {"wireguard_endpoint": "192.0.2.1", "wireguard_hub": True}
    return inventory


def inventories() -> dict[str, dict[str, Any]]:
    """Beside the shipped ones: what they do not have."""
    small = cases.four(main={"mastodon_memory_mb": 2000})
    small["groups"] |= {"sidekiq_workers": ["worker"], "puma": ["worker"]}
    unit = {"name": "all", "queues": ["default", "ingress", "mailers", "push", "pull", "fasp"], "threads": 25}
    return {
        "four": cases.four(),
        "one Redis": small,
        "no pooler": cases.four({"mastodon_pgbouncer": {"enabled": False}}),
        "replica": cases.four({"mastodon_replica": True}),
        "wishes": cases.four(
            main={"mastodon_puma": {"workers": 3, "threads": 4, "instances": 2}},
            worker={"mastodon_sidekiq_workers": [{**unit, "processes": 2}], "mastodon_pgbouncer": {"pool_size": 9}},
            media={"mastodon_unit_memory_mb": {"minio": 700}},
        ),
        "tunnels": tunnels(),
        "firewall": cases.four({"mastodon_firewall": True}),
        "backlog": cases.four({"mastodon_backlog": {"push": {"queued": 5000, "arrivals": 20}}}),
    }


PLANS = {layout: golden.plan(layout) for layout in golden.layouts()}
PLANS |= {name: build(inventory) for name, inventory in inventories().items()}
each_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


@each_plan
def test_every_number_has_its_reason(plan: dict[str, Any]) -> None:
    assert not unexplained(plan)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(clusters(most=12))
def test_every_number_of_any_cluster_has_its_reason(inventory: dict[str, Any]) -> None:
    assert not unexplained(build(inventory))


@each_plan
def test_a_reason_says_the_number_that_the_plan_has(plan: dict[str, Any]) -> None:
    for reason in plan["why"]:
        values = list(why.at({"hosts": _expanded(plan, reason["path"]), **_rest(plan)}, reason["path"]))
        if reason["path"].endswith(".processes"):
            values = [len(_units(plan, reason["path"]))]
        assert values, reason["path"]
        if reason["path"].endswith((".redis", ".streaming", ".clients")) and isinstance(values[0], list):
            values = [len(values[0])]
        if reason["value"] is not None or "*" not in reason["path"]:
            assert all(value == reason["value"] for value in values), (reason["path"], reason["value"], values)


def _expanded(plan: dict[str, Any], path: str) -> dict[str, Any]:
    """Hosts by name; behind `*` those that have the path, all of which must agree."""
    if not path.startswith("hosts.*."):
        return plan["hosts"]
    rest = path.removeprefix("hosts.*.")
    having = [host for host in plan["hosts"].values() if list(why.at(host, rest))]
    return {"*": having}


def _rest(plan: dict[str, Any]) -> dict[str, Any]:
    return {key: plan[key] for key in ("cluster", "ledger", "forecast")}


def _units(plan: dict[str, Any], path: str) -> list[Any]:
    return list(why.at(plan, path.removesuffix(".processes")))


def test_rules_are_listed_once_and_only_where_a_host_has_the_number() -> None:
    paths = [rule.path for rule in rules.ALL]
    assert len(paths) == len(set(paths))
    told = [reason["path"] for reason in PLANS["tooting"]["why"]]
    assert "hosts.*.puma.port" in told and "hosts.*.minio.port" not in told


def test_no_rule_is_left_over() -> None:
    """Each has a number in one of the plans, so that none explains what is no longer there."""
    told = {reason["path"] for plan in PLANS.values() for reason in plan["why"]}
    assert {f"hosts.*.{rule.path}" for rule in rules.ALL} <= told


@each_plan
def test_reasons_fit_a_terminal(plan: dict[str, Any]) -> None:
    assert all(len(line) <= explain.WIDTH for line in explain.text(plan, why=True))


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("fs.file-max", [7]),
        ("list", [[{"name": "a-1", "n": 1}, {"name": "a-2", "n": 2}, {"name": "b", "n": 3}]]),
        ("list.n", [1, 2, 3]),
        ("list[a].n", [1, 2]),
        ("list[a-2].n", [2]),
        ("list[2].n", [3]),
        ("list[c].n", []),
        ("none.n", []),
    ],
)
def test_a_path_finds_its_values(path: str, values: list[Any]) -> None:
    plan = {"fs.file-max": 7, "list": [{"name": "a-1", "n": 1}, {"name": "a-2", "n": 2}, {"name": "b", "n": 3}]}
    assert list(why.at(plan, path)) == values
