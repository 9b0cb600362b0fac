"""Fixtures of a layout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
pytest.register_assert_rewrite("tests.e2e.layout")

from tests.e2e.fixtures import *  # noqa: E402, F403
