"""The cluster's network in the plan: kinds, addresses, who must reach whom, what is refused."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.network import talks, units
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.what_if import apply

ENDPOINTS = {name: {"wireguard_endpoint": f"{name}.example.org"} for name in ("db", "main", "media")}


def tunnels(
    hosts: dict[str, dict[str, Any]] | None = None,
    network: dict[str, Any] | None = None,
    **own: dict[str, Any],
) -> dict[str, Any]:
    """Four hosts in a tunnel: three that can be dialled, and worker behind NAT."""
    inventory = cases.four({"mastodon_network": "wireguard"}, **own)
    for name, values in inventory["hosts"].items():
        shared = {"wireguard_networks": ["10.40.0.0/24"], **(network or {})}
        values["wireguard"] = {**shared, **(ENDPOINTS if hosts is None else hosts).get(name, {})}
    return inventory


def refusal(inventory: dict[str, Any]) -> list[str]:
    with pytest.raises(PlanError) as caught:
        build(inventory)
    return str(caught.value).splitlines()


def test_a_declared_network_is_the_default_and_is_not_managed() -> None:
    plan = build(cases.four())
    assert plan["network"] == {"kind": "private", "interface": None}
    assert plan["hosts"]["db"]["network"] == {"kind": "private", "interface": None, "address": "10.40.0.1"}
    assert all("wireguard" not in host["roles"] and "wireguard" not in host for host in plan["hosts"].values())


def test_every_host_of_a_tunnel_has_the_role_and_its_part() -> None:
    plan = build(tunnels())
    assert all("wireguard" in host["roles"] for host in plan["hosts"].values())
    assert plan["network"]["settings"] == {"networks": ["10.40.0.0/24"]}
    assert plan["network"]["hosts"]["db"] == {"address": "10.40.0.1", "endpoint": "db.example.org"}
    assert plan["network"]["counts"] == {"direct": 6, "relayed": 0, "unreachable": 0}
    part = plan["hosts"]["worker"]["wireguard"]
    assert (part["interface"], part["port"], part["hub"], part["forwards"]) == ("wg0", 51820, False, False)
    assert part["neighbours"] == ["db", "main", "media"]
    assert part["sysctl"] == {"net.ipv4.ip_nonlocal_bind": 1}


def test_services_listen_in_the_tunnel_only() -> None:
    plan = build(tunnels())
    assert plan["hosts"]["db"]["postgres"]["listen_addresses"] == ["127.0.0.1", "10.40.0.1"]
    assert all(one["bind"] == ["127.0.0.1", "10.40.0.2"] for one in plan["hosts"]["main"]["redis"])
    assert plan["hosts"]["worker"]["pgbouncer"]["server"]["host"] == "10.40.0.1"


def test_what_uses_the_tunnel_stops_before_it() -> None:
    share = build(tunnels())["hosts"]["worker"]
    before = share["wireguard"]["before"]
    assert before == units(share)
    assert {f"mastodon-sidekiq@{one['name']}.service" for one in share["sidekiq_workers"]} < set(before)
    assert {"pgbouncer.service", "mastodon-relay.service"} < set(before)
    database = build(tunnels(db={"mastodon_postgres_version": 17}))["hosts"]["db"]
    assert units(database) == ["postgresql@17-main.service"]


def test_hosts_that_must_talk_need_a_path() -> None:
    lines = refusal(tunnels({"main": ENDPOINTS["main"]}))
    assert "1 problem." in lines[0]
    assert "hosts db, worker" in lines[1] and "worker needs PostgreSQL of db" in lines[1]
    assert "no host of the network is a hub" in lines[1]
    assert "hosts main, media" not in "".join(lines)  # media dials main
    assert "hosts media, worker" not in "".join(lines)  # they have nothing to say to each other


def test_a_hub_relays_between_hosts_behind_nat() -> None:
    plan = build(tunnels({"main": {**ENDPOINTS["main"], "wireguard_hub": True}}))
    assert plan["network"]["counts"] == {"direct": 3, "relayed": 3, "unreachable": 0}
    assert plan["network"]["relayed"][0] == {"one": "db", "other": "media", "hub": "main"}
    hub = plan["hosts"]["main"]["wireguard"]
    assert hub["forwards"] and hub["sysctl"]["net.ipv4.ip_forward"] == 1
    assert hub["sysctl"]["net/ipv4/conf/wg0/send_redirects"] == 0
    assert not plan["hosts"]["db"]["wireguard"]["forwards"]


def test_pairs_that_need_no_path_are_a_warning() -> None:
    plan = build(tunnels({"main": ENDPOINTS["main"], "db": ENDPOINTS["db"]}))
    assert plan["network"]["counts"]["unreachable"] == 1
    assert any("media and worker" in text and "if they have to talk" in text for text in plan["warnings"])


def test_missing_addresses_are_proposed_each_another() -> None:
    lines = refusal(tunnels(worker={"mastodon_address": None}, media={"mastodon_address": None}))
    assert "host media, mastodon_address" in lines[1] and "10.40.0.3, the next free one" in lines[1]
    assert "host worker, mastodon_address" in lines[2] and "10.40.0.4, the next free one" in lines[2]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.41.0.4", "outside the tunnel's network"),
        ("10.40.0.1", "claimed by db and worker"),
        ("nonsense", "is not an IP address"),
    ],
)
def test_a_wrong_address_is_told_once(address: str, says: str) -> None:
    lines = refusal(tunnels(worker={"mastodon_address": address}))
    assert len(lines) == 2 and says in lines[1]


def test_variables_of_the_tunnel_that_nobody_knows_are_refused() -> None:
    (_, line) = refusal(tunnels(network={"wireguard_netwroks": [], "wireguard_preshared_seed": None}))
    assert "group mastodon, wireguard_netwroks" in line and "write wireguard_networks" in line


def test_an_existing_network_takes_the_address_from_the_facts() -> None:
    cluster = {"mastodon_network": "existing", "mastodon_network_interface": "tailscale0"}
    inventory = cases.four(cluster, db={"mastodon_address": None})
    inventory["hosts"]["db"]["facts"] = {"interface_address": "100.64.0.7"}
    plan = build(inventory)
    assert plan["network"] == {"kind": "existing", "interface": "tailscale0"}
    assert plan["hosts"]["db"]["network"] == {"kind": "existing", "interface": "tailscale0", "address": "100.64.0.7"}
    assert plan["hosts"]["main"]["address"] == "10.40.0.2"  # declared wins
    assert "existing, on tailscale0" in "\n".join(explain.text(plan))


def test_an_existing_network_without_facts_names_the_survey() -> None:
    cluster = {"mastodon_network": "existing", "mastodon_network_interface": "tailscale0"}
    (_, line) = refusal(cases.four(cluster, db={"mastodon_address": None}))
    assert "host db, mastodon_address" in line and "playbooks/survey.yml -i INVENTORY --limit db" in line


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        ({"mastodon_network": "existing"}, "mastodon_network_interface: is not set"),
        ({"mastodon_network_interface": "wg0"}, "mastodon_network_interface: is set, and mastodon_network is private"),
        ({"mastodon_network": "wireguad"}, "write wireguard, if that was meant"),
        ({"mastodon_network": "existing", "mastodon_network_interface": "a/b"}, "is no name of an interface"),
    ],
)
def test_settings_of_the_network_that_contradict(cluster: dict[str, Any], says: str) -> None:
    assert says in "\n".join(refusal(cases.four(cluster)))


def test_who_talks_to_whom_follows_the_plan() -> None:
    found = talks(build(cases.four())["hosts"])
    assert found["worker", "db"] == ["PostgreSQL"] and found["worker", "main"] == ["Redis", "the media host"]
    assert found["main", "media"] == ["media"]
    assert ("media", "db") not in found and all(client != server for client, server in found)


def test_the_table_fits_a_terminal() -> None:
    inventory = tunnels({"main": {**ENDPOINTS["main"], "wireguard_hub": True}})
    lines = explain.network_lines(build(inventory))
    assert max(map(len, lines)) <= 100
    assert any("db–media through main" in line for line in lines)
    assert any(line.split()[:5] == ["main", "10.40.0.2", "main.example.org:51820", "hub", "3"] for line in lines)


def test_a_host_in_question_gets_the_next_free_address() -> None:
    wish = {"hosts": {"new1": {"cpus": 4, "memory_mb": 8192, "groups": ["sidekiq_workers"]}}}
    plan = build(apply(tunnels(), wish))
    assert plan["hosts"]["new1"]["address"] == "10.40.0.5"
