"""The scenario's hosts, its addresses in the tunnel, and runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
pytest.register_assert_rewrite("tests.tunnel.mesh")

from tests.reconverge import once  # noqa: E402, F401
from tests.tunnel import mesh  # noqa: E402


@pytest.fixture(scope="session")
def net() -> mesh.Mesh:
    """The four hosts."""
    return mesh.Mesh(
        Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory",
        Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "converge.yml",
        os.environ["MOLECULE_SCENARIO_NAME"],
    )


@pytest.fixture
def repaired(net: mesh.Mesh, request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that breaks something and repairs it. Where it failed in between, a run does, for the next test's sake."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed != failed:
        net.good()


@pytest.fixture
def restored(net: mesh.Mesh) -> Iterator[None]:
    """A run after the test, whatever became of it: it leaves another tunnel than the scenario's."""
    yield
    net.good()
