"""Scenarios and shipped inventories: none without tests, none without the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repo.repository import INVENTORIES, ROOT, SCENARIOS, load, named

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
each_inventory = pytest.mark.parametrize("inventory", INVENTORIES, ids=named)


def test_the_eight_services_and_the_two_layouts_have_one() -> None:
    services = {"postgres", "pgbouncer", "redis", "minio", "puma", "streaming", "sidekiq_workers", "nginx"}
    wanted = {f"role_{name}" for name in services} | {"layout_single_host", "layout_chaos_social"}
    assert sorted(wanted - {scenario.name for scenario in SCENARIOS}) == []


@each_scenario
def test_it_tests_something(scenario: Path) -> None:
    files = list(scenario.glob("tests/test_*.py"))
    assert files
    assert any("def test_" in path.read_text() for path in files)


@each_scenario
def test_it_has_something_to_converge(scenario: Path) -> None:
    """Molecule calls a missing playbook a success."""
    assert scenario.name.startswith(("layout_", "journey_")) or (scenario / "converge.yml").is_file()
    own = (load(scenario / "molecule.yml").get("ansible") or {}).get("playbooks") or {}
    for name, path in own.items():
        target = (
            str(path).replace("${MOLECULE_PROJECT_DIRECTORY}", str(ROOT)).replace("${MOLECULE_SCENARIO_DIRECTORY}/", "")
        )
        assert (scenario / target).is_file(), f"{name}: {path}"


@each_scenario
def test_its_links_resolve(scenario: Path) -> None:
    links = ((load(scenario / "molecule.yml").get("provisioner") or {}).get("inventory") or {}).get("links") or {}
    assert [target for target in links.values() if not (scenario / target).exists()] == []


@each_scenario
def test_it_speaks_one_dialect(scenario: Path) -> None:
    """`provisioner.playbooks` in a scenario replaces those of the base configuration, and all stays green."""
    provisioner = load(scenario / "molecule.yml").get("provisioner") or {}
    assert set(provisioner) <= {"inventory"}


def test_the_shared_playbooks_are_there() -> None:
    base = load(ROOT / ".config" / "molecule" / "config.yml")
    for path in base["ansible"]["playbooks"].values():
        name = str(path).replace("${MOLECULE_PROJECT_DIRECTORY}/", "")
        assert (ROOT / name).is_file() or "${" in name, name
    sequence = base["scenario"]["test_sequence"]
    assert sequence.count("verify") == 2 and sequence.index("idempotence") < len(sequence) - 1 - sequence[::-1].index(
        "verify"
    )


@each_inventory
def test_an_inventory_is_deployed_by_a_scenario_or_planned(inventory: Path) -> None:
    """Deployed costs minutes and hosts; the plan of any other inventory is kept and read."""
    scenario = ROOT / "molecule" / f"layout_{inventory.name}" / "molecule.yml"
    if not scenario.exists():
        kept = {path.suffix for path in (ROOT / "tests" / "golden").glob(f"{inventory.name}.*")}
        assert kept >= {".json", ".txt"}, "python3 -m tests.golden writes its plan"
        return
    links = load(scenario)["provisioner"]["inventory"]["links"]
    assert links["hosts"] == f"../../inventories/{inventory.name}/hosts.yml"
    for part in ("group_vars", "host_vars"):
        assert links.get(part) == f"../../inventories/{inventory.name}/{part}" or not (inventory / part).exists()
