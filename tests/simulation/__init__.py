"""Simulation that proves plans: `python3 -m tests.simulation` prints a table, its tests hold the bars."""

from tests import conftest  # noqa: F401  (makes the collection importable)
