"""Plans written by hand in the shape of a plan's JSON: the four published installations as we would run them.

Forecast: at 70 % load; slow_share_survived follows sizing 1.7 with the threads 80 % busy.
"""

from __future__ import annotations

from typing import Any

SCHEDULER = {"scheduler": 2, "mailers": 1}
DEFAULT = {"default": None}
INGRESS = {"ingress": None}
INGRESS_MAIL = {"ingress": 4, "mailers": 1}
PUSH = {"push": 6, "fasp": 1}
PULL = {"pull": None}
NETWORK = {"push": 6, "pull": 2, "fasp": 1}
Units = list[tuple[int, dict[str, Any], int]]


def _host(cores: int, roles: str, units: Units, breaker_pool: bool = False) -> dict[str, Any]:
    """units: how many alike, queues with weights, threads."""
    return {
        "cores": cores,
        **{role: {} for role in roles.split()},
        "sidekiq_workers": [
            {
                "name": f"{kind}-{number}",
                "queues": [[queue, weight] for queue, weight in queues.items()],
                "threads": threads,
                "on_demand": False,
                "breaker_pool": breaker_pool,
            }
            for kind, (count, queues, threads) in enumerate(units, 1)
            for number in range(1, count + 1)
        ],
    }


EVERYTHING = "postgres puma streaming redis nginx pgbouncer"

PLANS: dict[str, dict[str, Any]] = {
    "tooting": {
        "hosts": {
            "main": _host(
                4, EVERYTHING, [(1, SCHEDULER, 5), (1, DEFAULT, 10), (1, INGRESS, 10), (2, PUSH, 50), (1, PULL, 25)]
            ),
        },
        "forecast": {"jobs_per_second": {"push": 62.5}, "slow_share_survived": 0.10},
    },
    "wandering_shop": {
        "hosts": {
            "shop1": _host(
                6, EVERYTHING, [(1, SCHEDULER, 5), (3, DEFAULT, 1), (1, INGRESS, 5), (6, PUSH, 50), (2, PULL, 25)]
            ),
            "shop2": _host(2, "pgbouncer", [(5, DEFAULT, 1), (2, INGRESS_MAIL, 15)]),
        },
        "forecast": {"jobs_per_second": {"push": 113.4}, "slow_share_survived": 0.19},
    },
    "chaos_social": {
        "hosts": {
            "main": _host(12, "puma streaming redis nginx pgbouncer", [(1, SCHEDULER, 5)]),
            "worker": _host(10, "pgbouncer", [(4, DEFAULT, 1), (4, INGRESS_MAIL, 10), (15, PUSH, 50), (3, PULL, 50)]),
        },
        "forecast": {"jobs_per_second": {"push": 480.5}, "slow_share_survived": 0.10},
    },
    "freeradical": {
        "hosts": {
            "cloud": _host(
                2,
                "puma streaming nginx pgbouncer",
                [(1, DEFAULT, 25), (1, INGRESS_MAIL, 25), (1, NETWORK, 50)],
                breaker_pool=True,
            ),
            "pi": _host(
                4, "pgbouncer", [(1, SCHEDULER, 5), (1, DEFAULT, 3), (1, INGRESS, 5), (3, PUSH, 50), (1, PULL, 50)]
            ),
        },
        "forecast": {"jobs_per_second": {"push": 142.3}, "slow_share_survived": 0.09},
    },
}

# Milliseconds to PostgreSQL and to Redis, and the share of the cores that others take; as in the inventories.
ROUND_TRIPS = {
    "wandering_shop": {"shop2": (2.0, 2.0)},
    "chaos_social": {"worker": (0.3, 0.3)},
    "freeradical": {"cloud": (20.0, 20.0), "pi": (0.5, 0.5)},
}
STEAL = {"wandering_shop": {"shop1": 0.3}, "freeradical": {"pi": 0.5}}
