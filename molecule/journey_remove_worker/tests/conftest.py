"""Fixtures of a journey."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
pytest.register_assert_rewrite(*(f"tests.journey.{name}" for name in ("run", "witness", "ledger", "bystanders")))

from tests.e2e.fixtures import lab  # noqa: E402, F401
from tests.journey.fixtures import *  # noqa: E402, F403
