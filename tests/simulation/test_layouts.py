"""The bars of sizing 4.4 on plans: nobody waits, nothing starves, deliveries keep up as far as the plan says."""

from __future__ import annotations

from functools import cache

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.sidekiq import THREADS_BUSY

from . import cases, examples
from .cases import Case
from .from_plan import load_at_cpu, simulate
from .model import QueueResult, Result

# Layouts whose plan comes from the planner, all of golden.layouts() if it says so here; the others are written by hand.
SHIPPED: tuple[str, ...] = ()
LAYOUTS = sorted({*SHIPPED, *examples.PLANS})
SLOW_SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
WAITED_FOR = ("default", "ingress", "mailers")
MOST_WAIT_S = 0.050
MOST_CPU = 0.8  # 70 % meant; a short run may have a little more to do
MOST_STARVED_S = 5.0
TOLERANCE = 0.2  # of the slow share that a plan promises to survive
GROWTH = 0.05  # of what arrives may stay in the queue; with more, it grows


@cache
def case(layout: str) -> Case:
    return cases.shipped(layout) if layout in SHIPPED else cases.written(layout)


def simulated(layout: str, slow_share: float, load: float = 0.7, seconds: float = 30.0) -> Result:
    this = case(layout)
    return simulate(this.plan, this.round_trips, load, slow_share, 1, this.steal, seconds)


def keeps_up(queue: QueueResult) -> bool:
    """Whether hardly any of what came in the second half of the run is left."""
    return queue.left - queue.left_half <= GROWTH * queue.arrived / 2


def exhausted(survived: float) -> float:
    """The slow share at which the threads that a plan counted on to be busy to 80 % are all busy (sizing 1.7)."""
    quick = (DEFAULT.queues["push"].wait_ms + DEFAULT.queues["push"].cpu_ms) / 1000 / DEFAULT.slow_s
    return (survived * (1 - quick) + quick) / THREADS_BUSY - quick


def assert_nobody_waits(result: Result) -> None:
    assert max(result.cpu.values()) <= MOST_CPU, f"the load is not the one meant: {result.cpu}"
    for name in WAITED_FOR:
        queue = result.queues[name]
        assert queue.arrived, f"no job of {name} came"
        assert queue.wait_p95 <= MOST_WAIT_S, f"{name} waits {queue.wait_p95 * 1000:.0f} ms"


@pytest.mark.parametrize("slow_share", SLOW_SHARES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nobody_waits_and_nothing_starves(layout: str, slow_share: float) -> None:
    result = simulated(layout, slow_share)
    assert_nobody_waits(result)
    starved = {name: queue.starved for name, queue in result.queues.items() if queue.starved > MOST_STARVED_S}
    assert not starved, f"seconds without service: {starved}"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nobody_waits_while_70_percent_of_the_cores_work(layout: str) -> None:
    this = case(layout)
    load = load_at_cpu(this.plan, this.round_trips, 0.7, this.steal)
    assert_nobody_waits(simulated(layout, 0.1, load))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_deliveries_keep_up_to_the_promised_slow_share(layout: str) -> None:
    promised = case(layout).plan["forecast"]["slow_share_survived"]
    below, above = promised * (1 - TOLERANCE), exhausted(promised) * (1 + TOLERANCE)
    assert keeps_up(simulated(layout, below, seconds=40).queues["push"]), f"pushes pile up at {below:.1%} already"
    assert not keeps_up(simulated(layout, above, seconds=40).queues["push"]), f"pushes keep up even at {above:.1%}"
