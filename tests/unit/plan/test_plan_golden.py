"""The shipped inventories, through real inventory files, against plans that were read by a person."""

from __future__ import annotations

import json

import pytest

from tests import golden


@pytest.mark.parametrize("layout", golden.layouts())
def test_shipped_inventory(layout: str) -> None:
    for path, content in golden.rendered(layout).items():
        assert path.exists(), f"{path.name} is missing: python3 -m tests.golden writes it"
        assert path.read_text() == content, f"{path.name} differs: python3 -m tests.golden, then read the difference"


def test_every_golden_file_has_its_inventory() -> None:
    kept = {path.stem for path in golden.HERE.glob("*.json")}
    assert kept == set(golden.layouts()) and len(kept) >= 2


@pytest.mark.parametrize("layout", golden.layouts())
def test_the_plan_is_plain_json_without_secrets(layout: str) -> None:
    plan = golden.plan(layout)
    assert json.loads(json.dumps(plan)) == plan
    assert "password" not in json.dumps(plan)


def test_what_an_admin_edits_for_one_host_is_little() -> None:
    folder = golden.ROOT / "inventories" / "single_host"
    marked = [line for path in folder.rglob("*.yml") for line in path.read_text().splitlines() if "<--" in line]
    assert 3 <= len(marked) - 1 <= 15  # one of them explains the mark
