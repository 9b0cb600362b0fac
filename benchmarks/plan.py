# GPL-3.0-or-later (see LICENSE)
"""How long the plan takes, and how much memory, from 10 to 10,000 hosts: `python3 -m benchmarks.plan`.

Each size is planned in a process of its own, several times; the table has the median. Most hosts are workers, of
four kinds. Where a cluster is so large that one Redis or one PostgreSQL cannot take it, the plan is computed to its
end and then refused: the time is the same, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "benchmarks"
HOSTS = (10, 30, 100, 300, 1000, 3000, 10_000)
BARS_S = {1000: 1.0, 10_000: 12.0}
BAR_MB = 300.0
KINDS = ((2, 4096, 0.3), (4, 8192, 0.3), (8, 16384, 1.0), (4, 8192, 20.0))  # cores, MB, round trip in ms
SHARED = {
    "mastodon_domain": "social.example.org",
    "mastodon_admin_email": "admin@example.org",
    "mastodon_monthly_active_users": 100_000,
}


def inventory(count: int) -> dict[str, Any]:
    """A cluster of so many hosts: database, Redis, media, entry, one web host in ten, the rest workers."""
    web = max(1, count // 10)
    groups = {
        "postgres": ["db"],
        "redis": ["redis"],
        "minio": ["media"],
        "nginx": ["entry"],
        "puma": [f"web{number}" for number in range(web)],
        "streaming": [f"web{number}" for number in range(web)],
        "sidekiq_workers": [f"worker{number}" for number in range(count - 4 - web)],
    }
    order = list(dict.fromkeys(host for members in groups.values() for host in members))
    hosts: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(order):
        cores, memory, trip = KINDS[number % len(KINDS)]
        large = name in ("db", "redis")
        hosts[name] = {
            **SHARED,
            "mastodon_address": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            "mastodon_cpus": 64 if large else cores,
            "mastodon_memory_mb": 524_288 if large else memory,
            "mastodon_db_rtt_ms": trip,
        }
    return {
        "groups": {"all": order, "ungrouped": [], "mastodon": order, **groups},
        "hosts": hosts,
        "names": {name: sorted(given) for name, given in hosts.items()},
    }


def one(count: int) -> dict[str, Any]:
    """Plan once, in this process."""
    sys.path.insert(0, str(ROOT / ".collections"))
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError

    given = inventory(count)
    outcome = "planned"
    before = time.perf_counter()
    try:
        build(given)
    except PlanError as error:
        outcome = "refused: " + "; ".join(f"{found.place}: {found.message}" for found in error.problems)
    seconds = time.perf_counter() - before
    return {"seconds": seconds, "peak_mb": peak_mb(), "outcome": outcome}


def peak_mb() -> float:
    """Of this process, its interpreter and the inventory included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, repetitions: int) -> dict[str, Any]:
    """Median and spread of several processes."""
    runs = []
    for _ in range(repetitions):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.plan", "--one", str(count)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append(json.loads(done.stdout))
    seconds = sorted(run["seconds"] for run in runs)
    return {
        "hosts": count,
        "seconds": round(statistics.median(seconds), 4),
        "seconds_low": round(seconds[0], 4),
        "seconds_high": round(seconds[-1], 4),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
        "outcome": runs[0]["outcome"],
    }


def missed(rows: list[dict[str, Any]]) -> list[str]:
    """Bars that were not reached. Linear: per host, the largest takes at most twice what a hundred hosts take."""
    found = []
    by_size = {row["hosts"]: row for row in rows}
    for row in rows:
        bar = BARS_S.get(row["hosts"])
        if bar is not None and row["seconds"] > bar:
            found.append(f"{row['hosts']} hosts take {row['seconds']:.2f} s, allowed are {bar:g} s")
        if row["peak_mb"] > BAR_MB:
            found.append(f"{row['hosts']} hosts take {row['peak_mb']:.0f} MB, allowed are {BAR_MB:.0f} MB")
    most = rows[-1]
    if 100 in by_size and most["hosts"] > 100:
        each, then = (row["seconds"] / row["hosts"] for row in (by_size[100], most))
        if then > 2 * each:
            found.append(f"a host costs {then * 1000:.2f} ms among {most['hosts']}, {each * 1000:.2f} ms among 100")
    return found


def table(rows: list[dict[str, Any]]) -> list[str]:
    """For a terminal."""
    lines = [f"{'hosts':>6}  {'seconds':>8}  {'spread':>15}  {'ms a host':>9}  {'peak MB':>7}  outcome"]
    for row in rows:
        spread = f"{row['seconds_low']:.3f}-{row['seconds_high']:.3f}"
        lines.append(
            f"{row['hosts']:>6}  {row['seconds']:>8.3f}  {spread:>15}  {1000 * row['seconds'] / row['hosts']:>9.2f}"
            f"  {row['peak_mb']:>7.1f}  {row['outcome'].split(':')[0]}"
        )
    return lines


def draw(rows: list[dict[str, Any]], target: Path) -> None:
    """Seconds and memory against hosts, with the bars."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "plan"  # the same figures, the same bytes
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    hosts = [row["hosts"] for row in rows]
    seconds = [row["seconds"] for row in rows]
    left.plot(hosts, seconds, marker="o", color="#1b7f4d", label="median")
    left.fill_between(
        hosts, [row["seconds_low"] for row in rows], [row["seconds_high"] for row in rows], color="#1b7f4d", alpha=0.2
    )
    left.plot(hosts, [seconds[-1] * count / hosts[-1] for count in hosts], ":", color="#8a94a6", label="linear")
    left.plot(list(BARS_S), list(BARS_S.values()), "_", markersize=18, color="#b4552d", label="allowed")
    left.set(xscale="log", yscale="log", xlabel="hosts", ylabel="seconds", title="Time of one plan")
    left.legend(frameon=False)
    right.plot(hosts, [row["peak_mb"] for row in rows], marker="o", color="#1b7f4d")
    right.axhline(BAR_MB, color="#b4552d")
    right.set(xscale="log", ylim=(0, None), xlabel="hosts", ylabel="MB", title="Peak memory of the process")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


def main() -> int:
    """Measure, print, write; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.plan", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hosts", type=int, nargs="+", default=list(HOSTS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one)))
        return 0
    rows = [measure(count, given.repetitions) for count in sorted(given.hosts)]
    given.output.mkdir(parents=True, exist_ok=True)
    environment = {"python": platform.python_version(), "machine": platform.machine()}
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    text = f'{{\n "schema_version": 1,\n "environment": {json.dumps(environment)},\n "rows": [\n  {lines}\n ]\n}}\n'
    (given.output / "plan.json").write_text(text)
    draw(rows, given.output / "plan.svg")
    failed = missed(rows)
    print("\n".join([*table(rows), *(f"MISSED: {line}" for line in failed)]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
