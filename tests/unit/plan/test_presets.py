"""What four administrators published, as settings: the sums that their articles and ours come to."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import names
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.model import UnitWish
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.presets import PRESETS, Preset
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.read import UNSET, Reader
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.wishes import read_units

from tests.conftest import ROOT

USABLE = 97  # of PostgreSQL's 100, three are its superuser's
WISHES = {
    "mastodon_pgbouncer",
    "mastodon_postgres_max_connections",
    "mastodon_puma",
    "mastodon_sidekiq_workers",
    "mastodon_streaming",
}
MEASURED = {
    "mastodon_architecture",
    "mastodon_cpus",
    "mastodon_cpu_steal",
    "mastodon_db_rtt_ms",
    "mastodon_disk",
    "mastodon_memory_mb",
    "mastodon_redis_rtt_ms",
    "mastodon_shared_cpu",
}

each_preset = pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
each_inventory = pytest.mark.parametrize("name", [*PRESETS, "single_host"])


# What we refuse of what they ran: queues behind push in a strict order.
STARVED = {"chaos_social": ["starves mailers"], "wandering_shop": ["starves ingress, mailers"]}


def units(preset: Preset) -> dict[str, tuple[UnitWish, ...]]:
    """Sidekiq processes per host, as the planner reads them."""
    problems = Problems()
    found = {
        host: read_units(Reader(problems, (host,)), given.get("mastodon_sidekiq_workers", UNSET)) or ()
        for host, given in preset.hosts.items()
    }
    starved = STARVED.get(preset.name, [])
    assert len(problems.all()) == len(starved)
    assert all(words in str(problem) for words, problem in zip(starved, problems.all()))
    return found


def processes(preset: Preset) -> list[UnitWish]:
    """All Sidekiq processes."""
    return [unit for host in units(preset).values() for unit in host]


def web(preset: Preset) -> int:
    """Connections of Puma."""
    return sum(one["mastodon_puma"]["workers"] * one["mastodon_puma"]["threads"] for one in _with(preset, "puma"))


def streaming(preset: Preset) -> int:
    """Connections of the streaming processes."""
    wishes = [one["mastodon_streaming"] for one in _with(preset, "streaming")]
    return sum(wish["processes"] * wish["db_pool"] for wish in wishes)


def clients(preset: Preset) -> int:
    """Connections that all processes may open."""
    return web(preset) + streaming(preset) + sum(unit.db_pool for unit in processes(preset))


def _with(preset: Preset, what: str) -> Iterator[Any]:
    return (given for given in preset.hosts.values() if f"mastodon_{what}" in given)


def inventory_hosts(name: str) -> dict[str, dict[str, Any]]:
    """Hosts of a shipped inventory with the variables that hosts.yml gives them."""
    found: dict[str, dict[str, Any]] = {}

    def walk(group: dict[str, Any]) -> None:
        for host, given in (group.get("hosts") or {}).items():
            found.setdefault(host, {}).update(given or {})
        for child in (group.get("children") or {}).values():
            walk(child)

    for group in yaml.safe_load((ROOT / "inventories" / name / "hosts.yml").read_text()).values():
        walk(group)
    return found


def test_chaos_social_as_written_may_open_1265_of_700() -> None:
    preset = PRESETS["chaos_social"]
    assert (web(preset), streaming(preset)) == (120, 400)
    assert [unit.db_pool for unit in units(preset)["worker"]] == [90] * 8
    assert [unit.db_pool for unit in units(preset)["main"]] == [25]
    assert clients(preset) == 1265
    assert clients(preset) - preset.hosts["db"]["mastodon_postgres_max_connections"] == 565
    assert preset.cluster["mastodon_pgbouncer"] == {"enabled": False}


def test_chaos_social_has_480_threads_in_which_push_starves_pull_and_mail() -> None:
    workers = units(PRESETS["chaos_social"])["worker"]
    assert sum(unit.threads for unit in workers) == 480
    for unit in workers:
        assert unit.queue_names[:5] == ("default", "ingress", "push", "pull", "mailers")
        assert {weight for _, weight in unit.queues} == {None}


def test_tooting_fits_postgresqls_default_and_no_second_group_on_demand() -> None:
    preset = PRESETS["tooting"]
    assert [unit.threads for unit in processes(preset)] == [15] * 4
    assert (web(preset), streaming(preset), clients(preset)) == (10, 10, 80)
    assert preset.hosts["main"]["mastodon_postgres_max_connections"] - 3 == USABLE
    assert USABLE - (clients(preset) + 15) == 2
    assert clients(preset) + 2 * 15 > USABLE
    assert preset.cluster["mastodon_pgbouncer"] == {"enabled": False}


def test_freeradical_has_160_threads_in_two_and_four_processes() -> None:
    preset = PRESETS["freeradical"]
    found = units(preset)
    assert {host: len(there) for host, there in found.items()} == {"home": 0, "cloud": 2, "pi": 4}
    assert sum(unit.threads for unit in processes(preset)) == 160
    assert clients(preset) >= 170
    assert names.SCHEDULER in found["cloud"][0].queue_names
    everything = set(names.QUEUES)
    assert all(set(unit.queue_names) == everything - {names.SCHEDULER} for unit in (found["cloud"][1], *found["pi"]))


def test_wandering_shop_moved_default_away_from_federation_and_mail() -> None:
    found = units(PRESETS["wandering_shop"])
    assert [unit.queue_names for unit in found["shop2"]] == [("default",)]
    federation, scheduler = found["shop1"]
    assert {"push", "ingress", "pull", "mailers"} <= set(federation.queue_names)
    assert scheduler.queue_names == ("scheduler",) and scheduler.threads < federation.threads
    assert "enabled" not in PRESETS["wandering_shop"].cluster["mastodon_pgbouncer"]


@each_preset
def test_every_queue_is_served_and_scheduler_once(preset: Preset) -> None:
    served = [queue for unit in processes(preset) for queue in unit.queue_names]
    assert set(served) == set(names.QUEUES)
    assert served.count(names.SCHEDULER) == 1


@each_preset
def test_it_is_about_the_hosts_of_its_inventory(preset: Preset) -> None:
    assert set(preset.hosts) == set(inventory_hosts(preset.name))


@each_preset
def test_it_only_wishes_and_leaves_sizes_to_the_inventory(preset: Preset) -> None:
    assert set(names.READ) >= WISHES
    assert set(preset.cluster).union(*preset.hosts.values()) <= WISHES


@each_preset
def test_reading_it_does_not_change_it(preset: Preset) -> None:
    before = copy.deepcopy(preset)
    processes(preset)
    assert preset == before


def test_the_name_is_the_key_and_the_title_says_who() -> None:
    assert [preset.name for preset in PRESETS.values()] == list(PRESETS) == sorted(PRESETS)
    assert all(preset.title and preset.year == 2022 and preset.notes for preset in PRESETS.values())


@each_inventory
def test_an_inventory_says_what_there_is_and_wishes_nothing(name: str) -> None:
    hosts = inventory_hosts(name)
    shared = yaml.safe_load((ROOT / "inventories" / name / "group_vars" / "mastodon.yml").read_text())
    assert not WISHES & set(shared).union(*hosts.values())
    assert not (ROOT / "inventories" / name / "host_vars").exists()
    assert all({"mastodon_cpus", "mastodon_memory_mb"} <= set(given) for given in hosts.values())
    assert not MEASURED & set(shared)


@pytest.mark.parametrize("name", ["chaos_social", "freeradical", "wandering_shop"])
def test_hosts_apart_have_addresses_of_their_own(name: str) -> None:
    addresses = [given["mastodon_address"] for given in inventory_hosts(name).values()]
    assert len(set(addresses)) == len(addresses)
