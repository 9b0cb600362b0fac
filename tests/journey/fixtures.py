"""pytest fixtures of the journeys: `from tests.journey.fixtures import *` in their conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.client import names
from tests.e2e.cluster import Cluster, describe

from . import inventory

__all__ = ["before", "installation", "tell"]


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Writes a line to the scenario's log, for figures that somebody may want to read later."""
    reporter = pytestconfig.pluginmanager.getplugin("terminalreporter")
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"\n  {text}")

    return line


@pytest.fixture(scope="session")
def installation() -> Iterator[Cluster]:
    """The installation as the inventory is; public names lead to its entry."""
    cluster = describe(str(inventory.directory()))
    with names(dict.fromkeys(cluster.names, cluster.entry)):
        yield cluster


@pytest.fixture(scope="session")
def before() -> Iterator[Cluster]:
    """The installation without the host that is about to join; public names lead to its entry."""
    for file in inventory.directory().glob("zzz_*.yml"):
        file.unlink()
    cluster = describe(str(inventory.directory()))
    with names(dict.fromkeys(cluster.names, cluster.entry)):
        yield cluster
