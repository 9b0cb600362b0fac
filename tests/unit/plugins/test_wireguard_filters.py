"""What the role wireguard computes on the controller: keys of this run and of earlier ones, preshared keys, visits."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.filter import plan as plan_filter
from ansible_collections.fediverse.mastodon.plugins.filter import wireguard as filters

HOSTS = {
    "db": {"address": "10.66.0.2", "endpoint": "192.0.2.2"},
    "home": {"address": "10.66.0.3"},
    "main": {"address": "10.66.0.1", "endpoint": "192.0.2.1", "hub": True},
    "shed": {"address": "10.66.0.4"},
}
SETTINGS = {"networks": ["10.66.0.0/24"]}
SEED = "s" * 32


def key(name: str) -> str:
    """A public key in the right form, of nobody."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def answers(*names: str, **more: Any) -> dict[str, dict[str, Any]]:
    """hostvars after wireguard_key ran on these."""
    found: dict[str, dict[str, Any]] = {name: {} for name in HOSTS}
    for name in names:
        found[name]["__wireguard_key"] = {"public_key": key(name), "machine": f"machine of {name}", **more}
    return found


def registry(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_inventory_alone_gives_settings_and_hosts() -> None:
    hostvars = {
        "main": {"mastodon_address": "10.66.0.1", "wireguard_networks": ["10.66.0.0/24"], "wireguard_hub": True},
        "home": {"mastodon_address": "10.66.0.2", "wireguard_preshared_seed": SEED, "other": 1},
    }
    found = filters.network(hostvars, ["main", "home"])
    assert found["settings"] == SETTINGS
    assert found["hosts"] == {"main": {"address": "10.66.0.1", "hub": True}, "home": {"address": "10.66.0.2"}}


def test_a_single_host_without_a_setting_can_be_tried() -> None:
    found = filters.network({"main": {}}, ["main"])
    assert filters.host_share(found["settings"], found["hosts"], "main")["neighbours"] == []


def test_a_key_of_this_run_wins_over_the_registry() -> None:
    before = {"wireguard_public_keys": {name: {"public_key": key(f"old {name}")} for name in ("db", "main")}}
    found = filters.known_keys(before, answers("main"), list(HOSTS))
    assert found == {"public_keys": {"db": key("old db"), "main": key("main")}, "removed": []}


def test_a_limited_run_keeps_what_it_did_not_see() -> None:
    text = filters.registry_text({}, answers(*HOSTS), list(HOSTS), [])
    again = filters.registry_text(registry(text), answers("home"), list(HOSTS), ["home"])
    assert again == text and key("shed") in text


def test_a_host_that_left_is_revoked_until_everybody_was_met() -> None:
    before = registry(filters.registry_text({}, answers(*HOSTS), list(HOSTS), []))
    left = [name for name in HOSTS if name != "shed"]
    hostvars = answers(*left)
    assert filters.known_keys(before, hostvars, left)["removed"] == [{"name": "shed", "public_keys": [key("shed")]}]
    hostvars["main"]["__wireguard_mesh"] = {"public_key": key("main")}
    hostvars["main"]["__wireguard_peers"] = {
        "results": [{"item": "db", "public_key": key("db")}, {"item": "home", "unreachable": True}]
    }
    after = registry(filters.registry_text(before, hostvars, left, ["main"]))
    assert after["wireguard_removed_hosts"]["shed"]["pending"] == ["home"]
    (said,) = filters.left(before, hostvars, left, ["main"])
    assert "shed revoked on 2 of 3 hosts; home was not reached and still accepts it" in said
    hostvars["home"]["__wireguard_mesh"] = {"public_key": key("home")}
    assert filters.left(after, hostvars, left, ["home"]) == []
    assert registry(filters.registry_text(after, hostvars, left, ["home"]))["wireguard_removed_hosts"] == {}


def test_a_host_that_needed_nothing_was_met_all_the_same() -> None:
    """Its look said so, and the run itself was skipped; a look before a run that failed proves nothing."""
    before = registry(filters.registry_text({}, answers(*HOSTS), list(HOSTS), []))
    left = [name for name in HOSTS if name != "shed"]
    hostvars = answers(*left)
    for name in left:
        hostvars[name] |= {"__wireguard_look": {"public_key": key(name)}, "__wireguard_mesh": {"skipped": True}}
    hostvars["home"]["__wireguard_mesh"] = {"failed": True}
    after = registry(filters.registry_text(before, hostvars, left, left))
    assert after["wireguard_removed_hosts"]["shed"]["pending"] == ["home"]


def test_copies_of_one_image_are_refused_by_name() -> None:
    with pytest.raises(AnsibleFilterError, match="db and main have the same /etc/machine-id"):
        filters.known_keys({}, answers("db", "main", machine="the same"), list(HOSTS))


def test_both_ends_derive_the_same_key_and_nobody_gets_another_pair() -> None:
    public = {name: key(name) for name in HOSTS}
    of = {name: filters.preshared_keys(public, SETTINGS, HOSTS, name, True, SEED) for name in HOSTS}
    assert of["main"][key("db")] == of["db"][key("main")]
    assert set(of["home"]) == {key("main"), key("db")}  # shed is reached through main
    assert len({text for keys in of.values() for text in keys.values()}) == 5
    assert SEED not in str(of)
    other = filters.preshared_keys(public, SETTINGS, HOSTS, "main", True, SEED, 1)
    assert other[key("db")] != of["main"][key("db")]


@pytest.mark.parametrize("wanted, public", [(False, {"main": key("main"), "db": key("db")}), (True, {"db": key("db")})])
def test_no_preshared_keys_unwanted_or_before_there_is_a_key(wanted: bool, public: dict[str, str]) -> None:
    assert filters.preshared_keys(public, SETTINGS, HOSTS, "main", wanted, SEED) == {}


def test_without_a_seed_the_message_says_where_it_comes_from() -> None:
    public = {name: key(name) for name in HOSTS}
    with pytest.raises(AnsibleFilterError, match="main, wireguard_preshared_seed: the seed has 0 characters"):
        filters.preshared_keys(public, SETTINGS, HOSTS, "main", True, "")


def test_visits_are_shared_out_and_leave_out_strangers() -> None:
    public = {name: key(name) for name in HOSTS}
    assert filters.to_visit(SETTINGS, HOSTS, ["home"], "home", public) == ["db", "main"]
    parts = [filters.to_visit(SETTINGS, HOSTS, ["home", "shed"], name, public) for name in ("home", "shed")]
    assert parts == [["db"], ["main"]]
    assert filters.to_visit(SETTINGS, HOSTS, list(HOSTS), "main", public) == []
    assert filters.to_visit(SETTINGS, HOSTS, ["home"], "home", {"main": key("main")}) == ["main"]


class Counting(dict[str, Any]):
    """Variables of a host that notes which of them were evaluated."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.read.append(name)
        return super().__getitem__(name)


def test_the_plan_reads_the_tunnel_and_not_its_seed() -> None:
    variables = Counting({"wireguard_networks": ["10.66.0.0/24"], "wireguard_preshared_seed": SEED})
    raw = plan_filter.inventory({"mastodon": ["main"]}, {"main": variables})
    assert raw["hosts"]["main"]["wireguard"] == {
        "wireguard_networks": ["10.66.0.0/24"],
        "wireguard_preshared_seed": None,
    }
    assert "wireguard_preshared_seed" not in variables.read


@pytest.mark.parametrize(
    ("fact", "address"),
    [
        ({"ipv4": {"address": "100.64.0.7"}, "ipv6": [{"address": "fd7a::7", "scope": "global"}]}, "100.64.0.7"),
        ({"ipv6": [{"address": "fe80::1", "scope": "link"}, {"address": "fd7a::7", "scope": "global"}]}, "fd7a::7"),
        ({"ipv6": [{"address": "fe80::1", "scope": "link"}]}, None),
        ({}, None),
    ],
)
def test_the_address_of_an_interface_comes_from_the_facts(fact: dict[str, Any], address: str | None) -> None:
    variables = {"mastodon_network_interface": "nebula-1", "ansible_facts": {"nebula_1": fact}}
    raw = plan_filter.inventory({"mastodon": ["main"]}, {"main": variables})
    assert raw["hosts"]["main"]["facts"].get("interface_address") == address
