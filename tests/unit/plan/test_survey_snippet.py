"""What survey.yml prints."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import survey

REPORT: dict[str, Any] = {
    "os": {"id": "debian", "version": "13", "name": "Debian GNU/Linux 13 (trixie)"},
    "architecture": "amd64",
    "cores": 4,
    "memory_mb": 7944,
    "container": False,
    "virtual": True,
    "addresses": {"eth0": "203.0.113.11", "eth1": "10.40.0.11"},
    "disks": [
        {"path": "/opt", "mount": "/", "free_mb": 30720, "size_mb": 40960, "rotational": True, "device": "sda"},
        {"path": "/var", "mount": "/", "free_mb": 30720, "size_mb": 40960, "rotational": True, "device": "sda"},
    ],
}
CPU = {"steal": 0.0, "sample": 0.0, "since_boot": 0.0, "busy": 0.5}
DB = survey.Target("db", "10.40.0.12", 5432)
MAIN = survey.Target("main", "10.40.0.11", 6379)


def trip(target: survey.Target, ms: float | None, reason: str = "") -> dict[str, Any]:
    """As survey_info returns it."""
    return {"address": target.address, "port": target.port, "ms": ms, "reason": reason}


def host(
    change: dict[str, Any] | None = None,
    cpu: dict[str, Any] | None = None,
    trips: dict[str, Any] | None = None,
    targets: dict[str, survey.Target] | None = None,
) -> survey.Host:
    """A host that differs so from a good one."""
    return survey.Host(
        result={"report": {**copy.deepcopy(REPORT), **(change or {})}},
        reached_at="203.0.113.11",
        measured={"cpu": {**CPU, **(cpu or {})}, "sample_s": 3.0, "round_trips": trips or {}},
        targets=targets or {},
    )


def printed(one: survey.Host) -> tuple[dict[str, Any], str]:
    """As YAML, and as text."""
    text = "\n".join(survey.snippet({"a": one}))
    return yaml.safe_load(text), text


def test_what_an_inventory_takes() -> None:
    values, text = printed(host())
    assert values == {
        "mastodon_cpus": 4,
        "mastodon_memory_mb": 7944,
        "mastodon_address": "10.40.0.11",
        "mastodon_disk": "ssd",
    }
    assert text.count("# disk /: 30 of 40 GB free") == 1


def test_the_interface_of_an_existing_network_comes_first() -> None:
    assert printed(host())[0]["mastodon_address"] == "10.40.0.11"
    declared = dataclasses.replace(host(), interface="eth0")
    assert printed(declared)[0]["mastodon_address"] == "203.0.113.11"


def test_the_other_architecture_is_told() -> None:
    assert printed(host({"architecture": "arm64"}))[0]["mastodon_architecture"] == "arm64"


@pytest.mark.parametrize(
    ("device", "rotational", "virtual", "kind"),
    [
        ("sda", True, False, "hdd"),
        ("sda", True, True, "ssd"),
        ("vda", True, False, "ssd"),
        ("sda", False, False, "ssd"),
        ("nvme0n1", False, False, "nvme"),
        ("nvme0n1", False, True, "nvme"),
        ("", None, False, "ssd"),
    ],
)
def test_disks(device: str, rotational: bool | None, virtual: bool, kind: str) -> None:
    disks = [{**REPORT["disks"][1], "device": device, "rotational": rotational}]
    assert printed(host({"disks": disks, "virtual": virtual}))[0]["mastodon_disk"] == kind


def test_stolen_time() -> None:
    values, text = printed(host(cpu={"steal": 0.04, "sample": 0.03, "since_boot": 0.04}))
    assert values["mastodon_cpu_steal"] == 0.04
    assert "3 % of the cores stolen in 3 s, 4 % since boot" in text


@pytest.mark.parametrize(("busy", "virtual", "told"), [(0.02, True, True), (0.5, True, False), (0.02, False, False)])
def test_an_idle_virtual_host_cannot_show_it(busy: float, virtual: bool, told: bool) -> None:
    values, text = printed(host({"virtual": virtual}, cpu={"steal": 0.01, "busy": busy}))
    assert "mastodon_cpu_steal" not in values
    assert ("mastodon_shared_cpu: true" in text) == told


def test_round_trips() -> None:
    targets = {"database": DB, "redis": MAIN}
    values, text = printed(host(trips={"database": trip(DB, 0.5), "redis": trip(MAIN, 10.4)}, targets=targets))
    assert (values["mastodon_db_rtt_ms"], values["mastodon_redis_rtt_ms"]) == (0.5, 10.4)
    assert "mastodon_db_rtt_ms: 0.5  # to db, 10.40.0.12 port 5432" in text


def test_redis_as_far_as_the_database_has_no_figure() -> None:
    targets = {"database": DB, "redis": MAIN}
    values, _ = printed(host(trips={"database": trip(DB, 10.0), "redis": trip(MAIN, 11.9)}, targets=targets))
    assert values["mastodon_db_rtt_ms"] == 10 and "mastodon_redis_rtt_ms" not in values


def test_redis_alone_elsewhere_has_one() -> None:
    values, _ = printed(host(trips={"redis": trip(MAIN, 0.3)}, targets={"redis": MAIN}))
    assert values["mastodon_redis_rtt_ms"] == 0.3 and "mastodon_db_rtt_ms" not in values


def test_what_could_not_be_measured_says_so() -> None:
    targets = {"database": DB, "redis": survey.Target("main", "", 6379)}
    values, text = printed(host(trips={"database": trip(DB, None, "a firewall?")}, targets=targets))
    assert not {"mastodon_db_rtt_ms", "mastodon_redis_rtt_ms"} & set(values)
    assert "# mastodon_db_rtt_ms: could not be measured: a firewall?" in text
    assert "# mastodon_redis_rtt_ms: not measured: main has no mastodon_address yet" in text


def test_hosts_that_do_not_answer_are_named() -> None:
    lines = survey.snippet(
        {"a": host(), "b": survey.Host({"unreachable_reason": "no route"}), "c": survey.Host({"failure_reason": "x"})}
    )
    assert "# host_vars/b.yml: cannot be reached: no route" in lines
    assert "# host_vars/c.yml: could not be read: x" in lines


@pytest.mark.parametrize(
    ("cached", "hours", "words"),
    [
        (True, 24.0, "fact cache too, for 24 hours:"),
        (True, math.inf, "fact cache too:"),
        (True, 0.0, ""),
        (False, 24.0, ""),
    ],
)
def test_the_fact_cache_is_named_where_it_has_them(cached: bool, hours: float, words: str) -> None:
    one = survey.Host(host().result, facts_cached=cached)
    text = "\n".join(survey.snippet({"a": one}, hours))
    assert ("fact cache" in text) == bool(words) and words in text


GROUPS = {
    "postgres": ["db"],
    "redis": ["main"],
    "puma": ["main"],
    "sidekiq_workers": ["main", "worker"],
    "minio": ["media"],
}
SETTINGS = {"db": {"mastodon_address": "10.40.0.12", "mastodon_ports": {"postgres": 5433}}, "main": {}}


def test_whom_a_host_talks_to() -> None:
    assert survey.targets(GROUPS, SETTINGS, "worker") == {
        "database": survey.Target("db", "10.40.0.12", 5433),
        "redis": survey.Target("main", "", 6379),
    }
    assert set(survey.targets(GROUPS, SETTINGS, "main")) == {"database"}
    assert survey.targets(GROUPS, SETTINGS, "media") == survey.targets(GROUPS, SETTINGS, "db") == {}


@pytest.mark.parametrize(
    ("server", "own", "address"),
    [
        ({"wireguard_endpoint": "203.0.113.1"}, {}, "203.0.113.1"),
        ({"wireguard_endpoint": "[2001:db8::1]:51821"}, {}, "2001:db8::1"),
        ({"wireguard_endpoint": "db.example.org:51820"}, {"wireguard_zone": "home"}, "db.example.org"),
        (
            {"wireguard_zone": "home", "wireguard_lan_endpoint": "192.168.1.2"},
            {"wireguard_zone": "home"},
            "192.168.1.2",
        ),
        ({"wireguard_zone": "home", "wireguard_lan_endpoint": "192.168.1.2"}, {}, "10.40.0.12"),
        ({}, {}, "10.40.0.12"),
    ],
)
def test_who_has_no_tunnel_yet_measures_the_way_that_it_will_take(
    server: dict[str, str], own: dict[str, str], address: str
) -> None:
    settings = {**SETTINGS, "db": {**SETTINGS["db"], "mastodon_network": "wireguard", **server}, "worker": own}
    assert survey.targets(GROUPS, settings, "worker", joining=True)["database"].address == address
    assert survey.targets(GROUPS, settings, "worker")["database"].address == "10.40.0.12"
    settings["db"]["mastodon_network"] = "private"
    assert survey.targets(GROUPS, settings, "worker", joining=True)["database"].address == "10.40.0.12"
