"""Which ports only the cluster's hosts may reach."""

from __future__ import annotations

from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._join.members import doors
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.network import talks
from hypothesis import HealthCheck, given, settings

from tests.unit.plan.plan_cases import four, single
from tests.unit.plan.plan_strategies import clusters
from tests.unit.plan.test_plan_reasons import tunnels

ON = {"mastodon_firewall": True}


def test_off_is_the_default_and_changes_nothing_else() -> None:
    plan, guarded = build(four()), build(four(ON))
    assert not any("firewall" in share for share in plan["hosts"].values())
    for share in guarded["hosts"].values():
        share.pop("firewall", None)
    assert guarded["hosts"] == plan["hosts"]


def test_each_service_is_open_to_who_uses_it() -> None:
    hosts = build(four(ON))["hosts"]
    main, worker = hosts["main"]["address"], hosts["worker"]["address"]
    assert hosts["db"]["firewall"] == {
        "interface": "",
        "ports": [5432],
        "clients": [
            {"host": "main", "address": main, "ports": [5432]},
            {"host": "worker", "address": worker, "ports": [5432]},
        ],
    }
    # Redis here, and its own Puma and streaming on loopback, which need no guard.
    assert hosts["main"]["firewall"]["ports"] == [6379, 6380, 6381]
    assert hosts["main"]["firewall"]["clients"] == [{"host": "worker", "address": worker, "ports": [6379, 6380, 6381]}]
    assert hosts["media"]["firewall"]["ports"] == [9000]
    assert [client["host"] for client in hosts["media"]["firewall"]["clients"]] == ["main"]
    assert "firewall" not in hosts["worker"]


def test_an_nginx_elsewhere_reaches_puma_and_streaming() -> None:
    inventory = four(ON)
    inventory["groups"]["nginx"] = ["media"]
    guard = build(inventory)["hosts"]["main"]["firewall"]
    assert guard["ports"] == [3000, 4000, 6379, 6380, 6381]
    assert {client["host"]: client["ports"] for client in guard["clients"]} == {
        "worker": [6379, 6380, 6381],
        "media": [3000, 4000],
    }


def test_a_host_alone_guards_nothing_and_one_with_an_address_lets_nobody_in() -> None:
    assert "firewall" not in build(single(ON))["hosts"]["main"]
    guard = build(single(ON, mastodon_address="10.40.0.11"))["hosts"]["main"]["firewall"]
    assert guard["ports"] == [5432, 6379, 6380, 6381] and guard["clients"] == []


def test_in_a_tunnel_clients_come_by_its_interface() -> None:
    inventory = tunnels()
    for values in inventory["hosts"].values():
        values.update(ON)
    hosts = build(inventory)["hosts"]
    assert {share["firewall"]["interface"] for share in hosts.values() if "firewall" in share} == {"wg0"}


def test_a_join_opens_what_the_plan_opens() -> None:
    """worker_access and role common must want the same of a worker, or each would undo the other."""
    plan = build(four(ON))
    opened = {one["host"]: one["ports"] for one in doors(plan, "worker")["firewall"]}
    planned = {
        server: client["ports"]
        for server, share in plan["hosts"].items()
        for client in share.get("firewall", {}).get("clients", ())
        if client["host"] == "worker"
    }
    assert opened == planned


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(clusters(most=12))
def test_nobody_who_has_to_talk_is_shut_out(inventory: dict[str, Any]) -> None:
    for values in inventory["hosts"].values():
        values.update(ON)
    hosts = build(inventory)["hosts"]
    for (client, server), services in talks(hosts).items():
        listed = {one["host"]: one for one in hosts[server].get("firewall", {}).get("clients", ())}
        if {"PostgreSQL", "Redis", "Puma", "streaming", "media"} & set(services):
            assert listed[client]["address"] == hosts[client]["address"]
    for share in hosts.values():
        guard = share.get("firewall", {"ports": [], "clients": []})
        assert not {22, 80, 443} & set(guard["ports"])
        assert all(set(one["ports"]) <= set(guard["ports"]) for one in guard["clients"])
