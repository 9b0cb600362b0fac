"""Fixtures of a journey."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
pytest.register_assert_rewrite(
    *(f"tests.journey.{name}" for name in ("run", "witness", "ledger", "bystanders")), "tests.tunnel.traffic"
)

from tests.e2e import outside  # noqa: E402
from tests.e2e.cluster import Cluster  # noqa: E402
from tests.e2e.fixtures import lab  # noqa: E402, F401
from tests.journey.far import Far, far_join  # noqa: E402
from tests.journey.fixtures import *  # noqa: E402, F403


@pytest.fixture(scope="session")
def far(before: Cluster, tell: Callable[[str], None]) -> Far:
    """pi joins; once, for all files."""
    return far_join(before, "pi", ("home", "cloud"), tell)


@pytest.fixture(scope="session")
def inbox(far: Far) -> Iterator[str]:
    """Another server that takes every delivery at once."""
    with outside.remote(far.cluster.gateway) as server:
        yield f"{server.actor}/inbox"
