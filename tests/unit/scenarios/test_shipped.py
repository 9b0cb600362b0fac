"""The shipped inventory that a journey begins with."""

from __future__ import annotations

import yaml

from tests.conftest import ROOT
from tests.journey import shipped


def test_the_worker_is_in_no_group_and_what_is_forgotten_is_nowhere() -> None:
    document = yaml.safe_load((ROOT / "inventories" / "freeradical" / "hosts.yml").read_text())
    found = shipped.without(document, "pi", ["mastodon_db_rtt_ms", "wireguard_zone"])
    groups = found["mastodon"]["children"]
    assert all("pi" not in group["hosts"] for group in groups.values()) and set(groups) > {"postgres", "puma"}
    alone = found["ungrouped"]["hosts"]["pi"]
    assert alone["ansible_user"] == "debian" and alone["mastodon_cpus"] == 4
    assert not {"mastodon_db_rtt_ms", "wireguard_zone"} & {
        name
        for hosts in (found["ungrouped"]["hosts"], *(group["hosts"] for group in groups.values()))
        for variables in hosts.values()
        for name in variables or {}
    }
