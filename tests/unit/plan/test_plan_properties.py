"""What holds for every cluster, not only for those we ship."""

from __future__ import annotations

import copy
import json
from typing import Any

import plan_cases as cases
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40)


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Any]:
    """One to eight hosts, any of them in any group, some with wishes."""
    names = [f"h{number}" for number in range(draw(st.integers(1, 8)))]
    some = st.lists(st.sampled_from(names), min_size=1, unique=True)
    groups = {role: draw(some) for role in ("puma", "streaming", "sidekiq_workers", "nginx")}
    groups |= {role: [draw(st.sampled_from(names))] for role in ("postgres", "redis")}
    if draw(st.booleans()):
        groups["minio"] = [draw(st.sampled_from(names))]
    wishes: dict[str, dict[str, Any]] = {}
    for name in sorted({host for members in groups.values() for host in members}):
        wishes[name] = draw(
            st.fixed_dictionaries(
                {"mastodon_cpus": st.integers(1, 32), "mastodon_memory_mb": st.integers(49152, 262144)},
                optional={
                    "mastodon_puma": st.fixed_dictionaries(
                        {"workers": st.integers(1, 12), "threads": st.integers(1, 20), "instances": st.integers(1, 4)}
                    ),
                    "mastodon_streaming": st.fixed_dictionaries({"processes": st.integers(1, 20)}),
                    "mastodon_pgbouncer": st.fixed_dictionaries(
                        {"pool_size": st.integers(1, 60), "reserve": st.integers(0, 10)}
                    ),
                },
            )
        )
    return cases.raw(groups, {}, **wishes)


def walk(value: Any) -> list[Any]:
    """Every scalar of a plan."""
    if isinstance(value, dict):
        return [scalar for item in value.values() for scalar in walk(item)]
    if isinstance(value, list):
        return [scalar for item in value for scalar in walk(item)]
    return [value]


@QUICK
@given(clusters())
def test_a_plan_keeps_its_promises(inventory: dict[str, Any]) -> None:
    before = copy.deepcopy(inventory)
    plan = build(inventory)
    assert inventory == before, "the input was changed"
    hosts = plan["hosts"]
    units = [(name, unit) for name, host in hosts.items() for unit in host.get("sidekiq_workers", ())]
    assert sum(any(queue == "scheduler" for queue, _ in unit["queues"]) for _, unit in units) == 1
    assert {queue for _, unit in units for queue, _ in unit["queues"]} == set(plan["cluster"]["queues"])
    assert all(unit["db_pool"] >= unit["threads"] for _, unit in units)
    ledger = plan["ledger"]
    promised = sum(ledger[key] for key in ("server_pool", "reserve", "direct", "reserved"))
    assert (
        promised
        <= ledger["max_connections"]
        == hosts[plan["cluster"]["hosts"]["postgres"]]["postgres"]["max_connections"]
    )
    for host in hosts.values():
        if "pgbouncer" in host:
            pooler = host["pgbouncer"]
            clients = sum(each["workers"] * each["db_pool"] for each in host.get("puma", ()))
            clients += sum(each["db_pool"] for kind in ("streaming", "sidekiq_workers") for each in host.get(kind, ()))
            assert clients <= pooler["max_client_conn"]
            size = sum(pool["pool_size"] + pool["reserve"] for pool in pooler["pools"])
            assert pooler["nofile"] >= pooler["max_client_conn"] + size + 128
    assert sum(host.get("mastodon", {}).get("migrate", False) for host in hosts.values()) == 1
    assert not {"0.0.0.0", "::", "*"} & {scalar for scalar in walk(plan) if isinstance(scalar, str)}


@QUICK
@given(clusters())
def test_nginx_reaches_every_process_where_it_listens(inventory: dict[str, Any]) -> None:
    plan = build(inventory)
    entries = plan["cluster"]["hosts"]["nginx"]
    for entry in entries:
        nginx = plan["hosts"][entry]["nginx"]
        for kind, upstreams in (("puma", nginx["web"]), ("streaming", nginx["streaming"])):
            listening = {
                (name, each["address"], each["port"])
                for name, host in plan["hosts"].items()
                for each in host.get(kind, ())
            }
            assert {(each["host"], each["address"], each["port"]) for each in upstreams} == listening
            assert all(host == entry for host, address, _ in listening if address == "127.0.0.1") or entries == [entry]
            if len(entries) > 1 and len(plan["hosts"]) > 1:
                assert "127.0.0.1" not in {address for _, address, _ in listening}


@QUICK
@given(clusters(), st.randoms(use_true_random=False))
def test_the_same_inventory_gives_the_same_bytes(inventory: dict[str, Any], random: Any) -> None:
    shuffled = {key: list(value.items()) for key, value in inventory.items()}
    for items in shuffled.values():
        random.shuffle(items)
    again = {key: dict(items) for key, items in shuffled.items()}
    assert json.dumps(build(again)) == json.dumps(build(inventory))


@QUICK
@given(clusters())
def test_the_table_fits_a_terminal(inventory: dict[str, Any]) -> None:
    lines = explain.text(build(inventory), why=True)
    assert max(map(len, lines)) <= explain.WIDTH
    assert not any(explain.HARD in line for line in lines)
    for name in inventory["hosts"]:
        assert any(line.startswith(f"{name}  (") for line in lines)
