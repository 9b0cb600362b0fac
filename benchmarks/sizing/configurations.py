# GPL-3.0-or-later (see LICENSE)
"""Who is compared with the plan."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from .model import CLAIM_MB, MIXES, Configuration, Limits, Place, Process, Queue

# Mastodon's config/sidekiq.yml, without the timers' queue: timers are not measured.
WEIGHTED: tuple[Queue, ...] = (
    ("default", 8),
    ("push", 6),
    ("ingress", 4),
    ("mailers", 2),
    ("pull", 1),
    ("fasp", 1),
)
SWEEP_PROCESSES = (1, 2, 3, 4, 6)
SWEEP_THREADS = (1, 2, 5, 10, 25, 50)
FAR_SWEEP_THREADS = (5, 10, 25, 50)  # far away a thread waits most of the time: fewer are never near the best
# Without the pool all threads of a process wait for one connection: many small processes are the best of those.
FAR_UNPOOLED_THREADS = (5,)
UPSTREAM_THREADS = 50  # of the one process that everybody begins with far away
UPSTREAM, WITHOUT_POOL = "one process of 50 threads", "the plan without breaker pool"
CHAOS_CORES, FREERADICAL_CORES = 10, 6  # of the hosts that ran their workers


def strict(*names: str) -> tuple[Queue, ...]:
    """Queues served in this order."""
    return tuple((name, None) for name in names)


def _peer(name: str, *processes: Process) -> Configuration:
    return Configuration(name, "peer", processes, CLAIM_MB * len(processes))


def _share(processes: int, cores: int, theirs: int) -> int:
    return max(1, round(processes * cores / theirs))


def peers(cores: int) -> list[Configuration]:
    """Published configurations. Those of one machine as they are, those of several hosts scaled to this many cores."""
    everything = Process(WEIGHTED, 25)
    chaos = Process(strict("default", "ingress", "push", "pull", "mailers"), 60)
    return [
        _peer("Mastodon's default 1×5", Process(WEIGHTED, 5)),
        _peer("Mastodon's unit and chart 1×25", everything),
        _peer(
            "NixOS split",
            everything,
            Process(strict("ingress"), 5),
            Process(strict("default"), 10),
            Process((("push", 1), ("pull", 1)), 5),
        ),
        _peer(
            "wandering.shop",
            Process(strict("default"), 20),
            Process(strict("push", "ingress", "pull", "mailers"), 20),
        ),
        _peer("tooting.ch 4×15", *[Process(WEIGHTED, 15)] * 4),
        _peer("chaos.social n×60", *[chaos] * _share(8, cores, CHAOS_CORES)),
        _peer("freeradical.zone n×27", *[Process(WEIGHTED, 27)] * _share(6, cores, FREERADICAL_CORES)),
        _peer("20 threads per core", *[Process(WEIGHTED, 20)] * cores),
    ]


def sweep(place: Place, claims_mb: int) -> list[Configuration]:
    """Processes × threads, as many as memory allows; far away with the breaker pool, and small ones without."""
    found = []
    for pool, sizes in (
        ((False, FAR_UNPOOLED_THREADS), (True, FAR_SWEEP_THREADS)) if place.rtt_ms else ((False, SWEEP_THREADS),)
    ):
        for count in SWEEP_PROCESSES:
            for threads in sizes:
                process = Process(WEIGHTED, threads, pool)
                name = f"{count}×{threads}{' pool' if pool else ''}"
                found.append(Configuration(name, "sweep", (process,) * count, CLAIM_MB * count))
    return [one for one in found if one.claim_mb <= claims_mb]


def upstream(place: Place) -> list[Configuration]:
    """What the plan's far deliveries are measured against: one big process, its breaker as upstream has it."""
    if not place.rtt_ms:
        return []
    big = Process(WEIGHTED, UPSTREAM_THREADS)
    return [Configuration(UPSTREAM, "reference", (big,), CLAIM_MB, ("push",))]


def quick() -> list[Configuration]:
    """The comparison of the breaker: one big process as upstream has it, the same with a pool, many small ones."""
    big, pooled, small = Process(WEIGHTED, 50), Process(WEIGHTED, 50, True), Process(WEIGHTED, 5)
    return [
        Configuration("1×50", "sweep", (big,), CLAIM_MB),
        Configuration("1×50 pool", "sweep", (pooled,), CLAIM_MB),
        Configuration("10×5", "sweep", (small,) * 10, CLAIM_MB * 10),
    ]


def fitting(configurations: Iterable[Configuration], limits: Limits) -> tuple[list[Configuration], list[str]]:
    """Those that have the memory, and the names of the others."""
    known = list(configurations)
    return (
        [one for one in known if one.claim_mb <= limits.claims_mb],
        [one.name for one in known if one.claim_mb > limits.claims_mb],
    )


def shuffled(configurations: Sequence[Configuration], seed: int, place: str, repetition: int) -> list[Configuration]:
    """Another order in each repetition, the same in each run: what drifts must not meet one configuration only."""
    order = list(configurations)
    random.Random(f"{seed}/{place}/{repetition}").shuffle(order)
    return order


def measures(configuration: Configuration, mix: str, place: Place) -> bool:
    """Whether this mix tells anything new: the pool changes deliveries only."""
    if configuration.mixes and mix not in configuration.mixes:
        return False
    queues = tuple(MIXES[mix])
    if configuration.kind == "sweep" and place.rtt_ms and any(one.breaker_pool for one in configuration.processes):
        return "push" in queues
    return all(any(one.serves(queue) for one in configuration.processes) for queue in queues)
