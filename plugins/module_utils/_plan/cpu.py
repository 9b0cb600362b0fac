# GPL-3.0-or-later (see LICENSE)
"""A host's processor time: what a core is worth, and who gets how much of it."""

from __future__ import annotations

from collections.abc import Iterable

# When several services want all they can get (sizing 2.2, step 3).
WEIGHTS = {
    "postgres": 3.0,
    "sidekiq_workers": 3.0,
    "puma": 2.0,
    "streaming": 0.5,
    "redis": 0.5,
    "nginx": 0.3,
    "minio": 0.3,
    "pgbouncer": 0.2,
}
SCHEDULER_ONLY = 0.3
SHARED_STEAL = 0.3  # of a vCPU that others use too, until it is measured (sizing 1.15)
DESIGN_LOAD = 0.70  # of the cores that jobs may use; above it waiting grows without bound


def effective(cores: int, steal: float) -> float:
    """Cores that are really there: a shared vCPU is less than one (sizing 1.15)."""
    return cores * (1 - steal)


def shares(cores: float, roles: Iterable[str], scheduler_only: bool = False) -> dict[str, float]:
    """Cores of each role where all of them are busy. One process of Redis or PgBouncer uses one core at most."""
    weights = {role: WEIGHTS[role] for role in roles if role in WEIGHTS}
    if scheduler_only and "sidekiq_workers" in weights:
        weights["sidekiq_workers"] = SCHEDULER_ONLY
    total = sum(weights.values())
    return {role: cores * weight / total for role, weight in weights.items()}
