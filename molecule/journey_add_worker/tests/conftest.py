"""Fixtures of a journey."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
pytest.register_assert_rewrite(
    *(f"tests.journey.{name}" for name in ("run", "witness", "ledger", "bystanders", "preflight"))
)

from tests.e2e.cluster import Cluster  # noqa: E402
from tests.e2e.fixtures import lab  # noqa: E402, F401
from tests.journey.fixtures import *  # noqa: E402, F403
from tests.journey.join import Join, join  # noqa: E402


@pytest.fixture(scope="session")
def joined(before: Cluster, tell: Callable[[str], None]) -> Join:
    """w2 joins; once, for all files."""
    return join(before, "w2", tell)
