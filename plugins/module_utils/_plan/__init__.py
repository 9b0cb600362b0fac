# GPL-3.0-or-later (see LICENSE)
"""The planning core: an inventory in, a plan out. Standard library only, no I/O, no clock, no randomness."""

from __future__ import annotations

from .build import build
from .names import FACTS, KEYS_ONLY, MEASURED, READ, S3_SECRETS
from .problems import PlanError

__all__ = ["FACTS", "KEYS_ONLY", "MEASURED", "READ", "S3_SECRETS", "PlanError", "build"]
