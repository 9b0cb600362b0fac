"""Run a role scenario's converge once more from one of its tests, with some variables changed.

A test of "a changed pool size restarts nothing" needs a second run in the middle of `verify`. Molecule says in the
environment where the scenario and its inventory are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def once(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a test that converges again: it runs in the first `verify` of a lab and not in the second.

    What it leaves behind is judged by the idempotence run in between and by all other tests of the second `verify`.
    """
    inventory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory" / "zz_lab.yml"
    name = re.sub(r"\W+", "-", request.node.name)  # of a parametrized test each case
    stamp = inventory.parents[1] / f"once-{name}"
    if stamp.exists() and stamp.stat().st_mtime > inventory.stat().st_mtime:
        pytest.skip("passed in the first verify of this lab; the idempotence run has judged what it left behind")
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed:
        stamp.touch()


@pytest.fixture(scope="module")
def _restored() -> Iterator[None]:
    yield
    reconverge()


@pytest.fixture
def once_and_back(once: None, request: pytest.FixtureRequest) -> None:
    """As `once`, and after the module's last test the scenario's own converge puts everything back."""
    request.getfixturevalue("_restored")  # not as an argument: a skipped test must not cause a converge


def reconverge(**changed: Any) -> str:
    """Converge with these variables; returns the output, raises AssertionError with it when the run fails."""
    done = attempt(**changed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(**changed: Any) -> str:
    """Converge with variables that must be refused; returns what the run said."""
    done = attempt(**changed)
    assert done.returncode != 0, f"nothing refused {changed}:\n{done.stdout}"
    return " ".join((done.stdout + done.stderr).split())


def attempt(*options: str, **changed: Any) -> subprocess.CompletedProcess[str]:
    """Converge with these variables (and options of ansible-playbook), whatever comes of it."""
    command = ["ansible-playbook", "-i", f"{os.environ['MOLECULE_EPHEMERAL_DIRECTORY']}/inventory"]
    # What a scenario only needs to be there is tagged `setup` in its converge.yml.
    command += [
        "--skip-tags",
        "setup",
        "-e",
        json.dumps(changed),
        *options,
        f"{os.environ['MOLECULE_SCENARIO_DIRECTORY']}/converge.yml",
    ]
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_CACHE_PLUGIN": "memory",
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert "no hosts matched" not in done.stdout, f"the inventory of the scenario is empty: {done.stdout}{done.stderr}"
    return done
