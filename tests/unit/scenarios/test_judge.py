"""A scenario that ran nothing is not green (house rule: Molecule reports success for many kinds of nothing)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import judge, names, unfinished, verifies

RECAP = "main : ok=12 changed=3 unreachable=0 failed=0\n"
VERIFY = "4 passed in 0.61s\n"


def test_a_scenario_that_did_its_work_passes() -> None:
    assert judge(0, RECAP + VERIFY + RECAP + VERIFY) == (8, "")


@pytest.mark.parametrize(
    ("code", "output", "problem"),
    [
        (1, RECAP + VERIFY + VERIFY, "exited with 1"),
        (0, VERIFY + VERIFY, "no play did anything"),
        (0, "main : ok=0 changed=0\n" + VERIFY + VERIFY, "no play did anything"),
        (0, RECAP, "0 times"),
        (0, RECAP + VERIFY, "1 times"),
        (0, RECAP + "0 passed\n" + VERIFY, "instead of 2"),
        (0, RECAP + VERIFY + VERIFY + "[WARNING]: Could not match supplied host pattern", "a warning"),
        (0, RECAP + VERIFY + VERIFY + "[DEPRECATION WARNING]: old", "a warning"),
        (0, "\x1b[32mmain\x1b[0m : \x1b[32mok=0\x1b[0m\n" + VERIFY + VERIFY, "no play did anything"),
    ],
)
def test_a_scenario_that_did_not_is_named(code: int, output: str, problem: str) -> None:
    assert problem in judge(code, output)[1]


def test_the_long_ones_come_first() -> None:
    kinds = [name.split("_")[0] for name in names()]
    assert kinds == sorted(kinds, key=lambda kind: kind == "role")


def test_a_scenario_says_how_often_it_verifies() -> None:
    assert verifies("---\n") == 2
    assert verifies("scenario: {test_sequence: [converge, idempotence, verify, destroy]}") == 1
    assert verifies("scenario: {test_sequence: [converge]}") == 1
    assert judge(0, RECAP + VERIFY, 1) == (4, "")


def test_a_warning_that_a_scenario_is_about_is_none() -> None:
    told = RECAP + VERIFY + VERIFY + "  [WARNING]: mtu reduced to 1328 on main: 1328\n"
    assert judge(0, told, wanted=["mtu reduced to"]) == (8, "")
    assert "a warning: [WARNING]: mtu" in judge(0, told, wanted=["reduced", "mtu increased"])[1]
    assert "a warning: [WARNING]: other" in judge(0, told + "[WARNING]: other\n", wanted=["mtu reduced to"])[1]


def test_a_scenario_that_is_not_run_says_why(tmp_path: Path) -> None:
    assert unfinished(tmp_path) == ""
    (tmp_path / "unfinished.txt").write_text("Two of its tests fail\nstill.\n")
    assert unfinished(tmp_path) == "Two of its tests fail still."
