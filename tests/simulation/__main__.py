"""Print what waits and what is left, for each published installation, as it was run, as shipped and as planned.

All layouts of an installation get the same arrivals: 70 % of what the plan's processes can do in processor time.
"""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT

from . import cases, published
from .from_plan import cluster, run
from .load import largest_scale
from .model import Process, QueueResult, Result

SLOW_SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _p95(queue: QueueResult) -> str:
    return f"{_seconds(queue.wait_p95):>9}"


def _row(name: str, slow_share: float, result: Result) -> str:
    starved = max(result.queues, key=lambda queue: result.queues[queue].starved)
    waits = " ".join(_p95(result.queues[queue]) for queue in ("default", "ingress", "mailers"))
    longest = f"{_seconds(result.queues[starved].starved):>8} {starved}"
    busiest = max(result.cpu.values())
    return f"  {name:<10} {slow_share:>5.0%} {waits} {result.queues['push'].left:>10} {busiest:>5.0%} {longest}"


def main() -> None:
    """One table per installation."""
    for layout in cases.LAYOUTS:
        case = cases.of(layout)
        hosts, planned = cluster(case.plan, case.round_trips, case.steal)
        scale = 0.7 * largest_scale(hosts, planned, DEFAULT)
        most = max(hosts, key=lambda name: hosts[name].cores)
        layouts: dict[str, list[Process]] = {
            "1x5": published.default(most, 5),
            "1x25": published.default(most, 25),
        }
        if layout in published.LAYOUTS:
            layouts["published"] = published.layout(layout)
        layouts["plan"] = planned
        jobs = sum(queue.rate for queue in DEFAULT.queues.values()) * scale
        cores = ", ".join(f"{name} {host.cores:.1f}" for name, host in hosts.items())
        print(f"\n{layout}: {jobs:.0f} jobs/s; cores for Sidekiq: {cores}")
        print("  layout      slow   default   ingress   mailers  push left   CPU  longest without service")
        for name, processes in layouts.items():
            for slow_share in SLOW_SHARES:
                print(_row(name, slow_share, run(hosts, processes, scale, slow_share)), flush=True)


main()
