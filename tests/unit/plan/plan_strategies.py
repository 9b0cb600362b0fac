"""Random clusters for hypothesis: up to 200 hosts of a few kinds, with sizes that can be planned."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
from hypothesis import strategies as st

CORES_OF_WORKERS = 250  # in all: beyond, one Redis process cannot take the connections
distances = st.sampled_from([0.05, 0.3, 1.0, 2.5, 10.0, 20.0, 45.0])
sizes = {
    "mastodon_cpus": st.integers(1, 32),
    "mastodon_memory_mb": st.integers(49152, 131072),
    "mastodon_disk": st.sampled_from(["hdd", "ssd", "san", "nvme"]),
}
worker = st.fixed_dictionaries(
    {"mastodon_cpus": st.integers(1, 8), "mastodon_memory_mb": st.integers(1024, 24576)},
    optional={
        "mastodon_cpu_steal": st.floats(0, 0.6),
        "mastodon_shared_cpu": st.booleans(),
        "mastodon_db_rtt_ms": distances,
        "mastodon_redis_rtt_ms": distances,
        "mastodon_sidekiq_queues": st.lists(
            st.sampled_from(["default", "ingress", "push", "pull", "mailers", "fasp"]), min_size=1, unique=True
        ),
        "mastodon_unit_memory_mb": st.fixed_dictionaries({"sidekiq": st.integers(150, 430)}),
    },
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "mastodon_monthly_active_users": st.integers(1, 20_000),
        "mastodon_active_share": st.floats(0, 1),
        "mastodon_slow_share": st.floats(0, 0.4),
        "mastodon_breaker_pool": st.booleans(),
        "mastodon_replica": st.booleans(),
        "mastodon_firewall": st.booleans(),
        "mastodon_pgbouncer": st.just({"enabled": False}),
    },
)


@st.composite
def clusters(draw: st.DrawFn, most: int = 200) -> dict[str, Any]:
    """One to six hosts that share the roles out, and workers of up to three kinds beside them."""
    names = [f"h{number}" for number in range(draw(st.integers(1, 6)))]
    some = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    groups = {role: draw(some) for role in ("puma", "streaming", "sidekiq_workers", "nginx")}
    groups |= {role: [draw(st.sampled_from(names))] for role in ("postgres", "redis", "minio")}
    hosts = {name: draw(st.fixed_dictionaries(sizes)) for name in names}
    cluster = draw(settings)
    workers = most - len(names)
    if "mastodon_pgbouncer" in cluster:
        # Without a pooler every thread is a connection, and each takes 2 MB of the database host.
        workers = 0
        hosts = {name: {**size, "mastodon_memory_mb": 524288} for name, size in hosts.items()}
    for kind in range(draw(st.integers(0, 3)) if workers else 0):
        own = draw(worker)
        count = min(workers, draw(st.integers(1, 70)), CORES_OF_WORKERS // 3 // own["mastodon_cpus"])
        workers -= count
        for number in range(count):
            hosts[f"w{kind}-{number}"] = own
            groups["sidekiq_workers"] = [*groups["sidekiq_workers"], f"w{kind}-{number}"]
    order = [name for name in hosts if any(name in members for members in groups.values())]
    found = cases.raw(groups, cluster, **hosts)
    for number, name in enumerate(order):
        found["hosts"][name]["mastodon_address"] = f"10.40.{number // 250}.{number % 250 + 1}"
    return found
