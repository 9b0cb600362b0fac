"""The one exception of the lab."""

from __future__ import annotations


class LabError(Exception):
    """What is wrong and what to do about it, in one sentence; shown without a traceback, exit code 2."""
