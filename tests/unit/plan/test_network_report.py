"""The network as its hosts told it: what works is a row, what does not is a sentence with both ends in it."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.filter import network_report as shim
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.network_report import partners, report
from test_plan_network import ENDPOINTS, tunnels

HUB = {"main": {**ENDPOINTS["main"], "wireguard_hub": True}, "db": ENDPOINTS["db"]}
GOOD = {"rtt_ms": 1.5, "full_mtu": True, "passes": 1420, "sent": 300, "received": 300, "handshake_age": 2}
DEAD = {"rtt_ms": None, "full_mtu": None, "passes": 0, "sent": 148, "received": 0, "handshake_age": None}


def answers(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What wireguard_mesh answers on every host of a network that works."""
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
    from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import read_network
    from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology

    topology = Topology(read_network(plan["network"]["settings"], plan["network"]["hosts"], Problems()))
    found: dict[str, dict[str, Any]] = {}
    for host in plan["hosts"]:
        rows = []
        for other in plan["hosts"]:
            if other != host:
                path = topology.path(host, other)
                key = f"{path.hub or other}-key"
                state = DEAD if path.kind == "unreachable" else {"allowed": True, "routed": True, **GOOD}
                rows.append({"name": other, "path": str(path), "public_key": key, **state})
        found[host] = {"peers": rows, "public_key": f"{host}-key", "mtu": 1420, "backend": "kernel", "notes": []}
    return found


def row(results: dict[str, dict[str, Any]], host: str, other: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in results[host]["peers"] if one["name"] == other)
    return found


@pytest.fixture
def plan() -> dict[str, Any]:
    return build(tunnels(HUB))


def test_what_works_is_a_table_without_failures(plan: dict[str, Any]) -> None:
    found = report(plan, answers(plan), list(plan["hosts"]))
    assert found.failures == [] and found.pending == []
    assert max(map(len, found.lines)) <= 100
    assert any(
        line.split() == ["db", "10.40.0.1", "kernel", "1420", "3", "of", "3", "1.5", "ms", "db-key…"]
        for line in found.lines
    )


def test_a_dead_link_is_told_once_from_both_ends(plan: dict[str, Any]) -> None:
    results = answers(plan)
    row(results, "worker", "db").update(DEAD)
    row(results, "db", "worker").update(DEAD)
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "db" in said and "worker" in said and "sent 148 bytes, received 0" in said and "UDP 51820 on db" in said


def test_another_key_is_named(plan: dict[str, Any]) -> None:
    results = answers(plan)
    row(results, "worker", "db").update(DEAD)
    row(results, "db", "worker").update({**DEAD, "public_key": "old-key"})
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "another key for worker" in said and "Run the play for db" in said


def test_a_hub_that_does_not_forward_is_named_for_pairs_that_it_relays(plan: dict[str, Any]) -> None:
    results = answers(plan)
    for one, other in (("media", "worker"), ("worker", "media")):
        row(results, one, other)["rtt_ms"] = None
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "media does not reach worker through main" in said and "ip_forward" in said


def test_a_broken_leg_is_told_and_not_every_pair_behind_it(plan: dict[str, Any]) -> None:
    results = answers(plan)
    for other in ("main", "media"):
        row(results, "worker", other).update(DEAD)
        row(results, other, "worker").update(DEAD)
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "main" in said and "worker" in said and "media" not in said


def test_small_packets_are_not_enough(plan: dict[str, Any]) -> None:
    results = answers(plan)
    row(results, "worker", "db").update(full_mtu=False, passes=1340)
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert said.startswith("path MTU too small from worker to db: 1340 bytes pass, tunnel uses 1420")


def test_a_host_that_is_off_is_pending_and_its_links_are_not_judged(plan: dict[str, Any]) -> None:
    results = answers(plan)
    del results["worker"]
    for other in ("db", "main"):
        row(results, other, "worker").update(DEAD)
    found = report(plan, results, list(plan["hosts"]))
    assert found.failures == [] and found.pending == ["worker"]
    assert any("worker: no answer" in line for line in found.lines)


def test_drift_is_a_failure_of_a_check_and_not_of_a_run(plan: dict[str, Any]) -> None:
    results = answers(plan)
    hostvars = {name: {"__wireguard_mesh": {**results[name], "actions": ["write the file"]}} for name in results}
    assert shim.network_report(plan, hostvars, list(hostvars))["failures"] == []
    hostvars["db"]["__wireguard_proof"] = {**results["db"], "actions": ["route 10.9.0.0/24 added"]}
    hostvars["main"]["__wireguard_proof"] = {"skipped": True}
    (said,) = shim.network_report(plan, hostvars, list(hostvars))["failures"]
    assert said == "db: drift, which the next run repairs: route 10.9.0.0/24 added."


def test_a_limited_run_judges_its_links_by_the_neighbours_that_it_visited(plan: dict[str, Any]) -> None:
    results = answers(plan)
    row(results, "worker", "db").update(DEAD)
    row(results, "db", "worker").update(DEAD)
    visits = [{"item": name, **results[name]} for name in ("db", "main")] + [{"item": "media", "unreachable": True}]
    hostvars = {"worker": {"__wireguard_mesh": results["worker"], "__wireguard_peers": {"results": visits}}}
    found = shim.network_report(plan, hostvars, ["worker"])
    assert found["pending"] == [] and len(found["failures"]) == 1
    assert "worker" in found["failures"][0] and "db" in found["failures"][0]


def test_what_both_ends_saw_of_a_handshake_tells_where_it_ended(plan: dict[str, Any]) -> None:
    """In a run of one host as well, whose neighbour listened for it."""
    results = answers(plan)
    for one, other in (("worker", "db"), ("db", "worker")):
        row(results, one, other).update(DEAD)
        results[one]["listens"] = 51820
    where = "192.0.2.1:51820"
    row(results, "worker", "db")["endpoint"] = where
    left = {"kind": "initiation", "way": "left", "number": "01", "to": where}
    came = [{**left, "way": way} for way in ("reached", "passed")]
    visit = {"item": "db", **results["db"]}

    def said(there: list[dict[str, Any]], **more: float) -> str:
        heard = {"worker": [left], "db": there}
        rows = [{"item": {"item": name}, "handshakes": heard[name], "clock": more.get(name, 0.5)} for name in heard]
        worker = {"__wireguard_mesh": results["worker"], "__wireguard_peers": {"results": [visit]}}
        hostvars = {"worker": {**worker, "__wireguard_heard": {"results": [*rows, {"item": {"item": "media"}}]}}}
        (found,) = shim.network_report(plan, hostvars, ["worker"])["failures"]
        return str(found)

    assert "packets do not arrive (worker sent 1 handshake, none reached db)" in said([])
    assert "db's own firewall drops what worker sends" in said(came[:1])
    assert "db receives but rejects" in said(came) and "clock went back" in said(came)
    assert "worker's clock went back (300 s behind)" in said(came, db=300.5)
    row(results, "db", "worker")["public_key"] = "old-key"
    assert "db receives but rejects" in said(came) and "expects old-key…, got worker-k…" in said(came)


def test_who_answered_when_asked_again_is_no_failure(plan: dict[str, Any]) -> None:
    results = answers(plan)
    first = {**results["db"], "peers": [{**one, **DEAD} for one in results["db"]["peers"]]}
    hostvars = {name: {"__wireguard_mesh": results[name]} for name in results}
    hostvars["db"] = {"__wireguard_mesh": first, "__wireguard_again": results["db"]}
    assert shim.network_report(plan, hostvars, list(hostvars))["failures"] == []


def links(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What network_links answers on every host."""
    return {
        name: {
            "device": "eth1",
            "addresses": {"eth1": [share["address"]]},
            "links": [
                {**one, "device": "eth1", "mtu": 1500, "rtt_ms": 0.4, "full_mtu": True, "passes": 1500}
                for one in partners(plan, name)
            ],
        }
        for name, share in plan["hosts"].items()
    }


def test_partners_are_those_that_must_talk() -> None:
    plan = build(cases.four())
    assert partners(plan, "db") == [
        {"name": "main", "address": "10.40.0.2"},
        {"name": "worker", "address": "10.40.0.4"},
    ]
    assert [one["name"] for one in partners(plan, "media")] == ["main"]


def test_a_private_network_is_proven_the_same_way() -> None:
    plan = build(cases.four())
    found = report(plan, links(plan), list(plan["hosts"]))
    assert found.failures == [] and any("eth1" in line and "2 of 2" in line for line in found.lines)


def test_an_address_that_the_host_does_not_have_is_named_with_what_it_has() -> None:
    plan = build(cases.four())
    results = links(plan)
    results["db"].update(device="", addresses={"eth0": ["192.0.2.9"]})
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "host db, mastodon_address: 10.40.0.1" in said and "192.0.2.9 on eth0" in said


def test_an_address_on_another_interface_than_declared() -> None:
    plan = build(cases.four({"mastodon_network": "existing", "mastodon_network_interface": "tailscale0"}))
    failures = report(plan, links(plan), list(plan["hosts"])).failures
    assert len(failures) == 4 and "is on eth1, and mastodon_network_interface is tailscale0" in failures[0]


def test_silence_is_told_once_with_what_it_is_needed_for() -> None:
    plan = build(cases.four())
    results = links(plan)
    for one, other in (("db", "worker"), ("worker", "db")):
        next(link for link in results[one]["links"] if link["name"] == other).update(
            rtt_ms=None, full_mtu=None, passes=0
        )
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "db gets no answer from worker at 10.40.0.4 (they need it for PostgreSQL)" in said
    assert "nor the other way" in said


def test_a_small_path_is_a_failure_of_a_private_network_too() -> None:
    plan = build(cases.four())
    results = links(plan)
    results["worker"]["links"][0].update(full_mtu=False, passes=1344)
    (said,) = report(plan, results, list(plan["hosts"])).failures
    assert "path MTU too small from worker to db: 1344 bytes pass, eth1 has 1500" in said
