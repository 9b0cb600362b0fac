# GPL-3.0-or-later (see LICENSE)
"""`python3 -m benchmarks.sizing`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import burn, configurations, plans, results, session, summary
from .model import MIXES, PLACES, Configuration, Limits, Process
from .parts import Bench, Row, Settings, estimate

PARTS = (*PLACES, "forecast", "memory")
QUICK_PLACES, QUICK_MIXES = ("near", "far20"), ("push",)
FINALISTS = 2  # of the sweep, per mix: they are measured as often as the plan
LAB_S = 240.0  # until the host is deployed, for the estimate
MEMORY_OF = (("1 thread", 1), ("25 threads", 25), ("50 threads", 50))
# The stand-in is smaller than Mastodon. What an admin would write into mastodon_unit_memory_mb after measuring it.
STAND_IN_MB = 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python3 -m benchmarks.sizing",
        description="The plan against other configurations on real Sidekiq, Redis, PgBouncer and PostgreSQL.",
    )
    top.add_argument("--quick", action="store_true", help="deliveries near and 20 ms away, three configurations, once")
    top.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    top.add_argument("--mix", choices=tuple(MIXES), action="append", help="this mix of jobs; may be repeated")
    top.add_argument("--repetitions", type=int, default=5)
    top.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    top.add_argument("--warmup", type=float, default=2.0)
    top.add_argument("--cores", type=int, default=min(2, os.cpu_count() or 1))
    top.add_argument("--memory", type=int, default=6144, metavar="MB", help="of the host that is planned for")
    top.add_argument("--pool", type=int, default=60, help="server connections of the pooler, the same for all")
    top.add_argument("--answer", type=float, default=50.0, metavar="MS", help="until a remote inbox answers")
    top.add_argument("--slow-share", type=float, default=0.0, help="of deliveries that the inbox answers after 10 s")
    top.add_argument(
        "--lock",
        type=Path,
        metavar="FILE",
        help="hold this file's lock (flock) while a configuration is measured; others who take it wait meanwhile",
    )
    top.add_argument(
        "--patience",
        type=float,
        default=30.0,
        metavar="S",
        help="to wait for an idle machine before each configuration",
    )
    top.add_argument("--seed", type=int, default=4065)
    top.add_argument(
        "--plan",
        action="append",
        default=[],
        metavar="PLACE[/MIX]=FILE",
        help="take the plan from this JSON instead of asking the collection",
    )
    top.add_argument("--no-plan", action="store_true", help="leave the plan out")
    top.add_argument("--no-sweep", action="store_true", help="leave the sweep out")
    top.add_argument("--peer", action="append", metavar="NAME", help="of the peers only this one; may be repeated")
    top.add_argument(
        "--sweep",
        action="append",
        metavar="NAME",
        help="of the sweep only this one, as often as the plan; may be repeated",
    )
    top.add_argument("--output", type=Path, default=results.TARGET)
    top.add_argument("--keep", action="store_true", help="leave the lab running; the next run uses it")
    top.add_argument("--deployed", action="store_true", help="use a kept lab as it is, do not deploy again")
    top.add_argument("--report", action="store_true", help="measure nothing; write table and picture from the JSON")
    return top


def given_plans(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """From `--plan`: place/mix to plan."""
    found = {}
    for text in texts:
        where, separator, file = text.partition("=")
        place, _, mix = where.partition("/")
        if not separator or place not in PLACES or (mix and mix not in MIXES):
            raise session.BenchError(
                f"--plan {text}: write PLACE=FILE or PLACE/MIX=FILE, with {', '.join(PLACES)} and {', '.join(MIXES)}"
            )
        plan = json.loads(Path(file).read_text())
        for name in [mix] if mix else MIXES:
            found[f"{place}/{name}"] = plan
    return found


def all_plans(given: argparse.Namespace, places: Sequence[str], mixes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The plan of each place and mix."""
    found = given_plans(given.plan)
    limits = limits_of(given)
    with tempfile.TemporaryDirectory() as folder:
        for place in places:
            for mix in mixes:
                if f"{place}/{mix}" not in found:
                    found[f"{place}/{mix}"] = plans.ask(
                        PLACES[place], mix, limits, given.answer, given.slow_share, Path(folder)
                    )
    return found


def without_pool(given: argparse.Namespace, place: str, mixes: Sequence[str]) -> list[Configuration]:
    """Far away: what the plan does about deliveries when the breaker pool is refused."""
    if not PLACES[place].rtt_ms or "push" not in mixes or given.no_plan or given.quick:
        return []
    with tempfile.TemporaryDirectory() as folder:
        plan = plans.ask(
            PLACES[place], "push", limits_of(given), given.answer, given.slow_share, Path(folder), breaker_pool=False
        )
    return [plans.configuration(plan, ("push",), configurations.WITHOUT_POOL, "reference")]


def limits_of(given: argparse.Namespace) -> Limits:
    """What every configuration may have; a tenth of the memory and the system's share are nobody's."""
    reserve = max(768, given.memory // 25)
    return Limits(given.cores, given.memory, int(given.memory * 0.9) - reserve)


def field(given: argparse.Namespace, place: str, known: Mapping[str, Mapping[str, Any]]) -> list[Configuration]:
    """Plan and peers at a place, without the sweep."""
    limits = limits_of(given)
    if given.quick:
        return configurations.quick()
    kept, without = configurations.fitting(configurations.peers(limits.cores), limits)
    for name in without:
        print(f"{place}: {name} does not fit into {limits.claims_mb} MB and is left out")
    if given.peer:
        kept = chosen(given.peer, kept, "peer")
    made = [plans.configuration(plan, (mix,)) for mix in MIXES if (plan := known.get(f"{place}/{mix}")) is not None]
    return [*made, *kept]


def chosen(names: Sequence[str], there: Sequence[Configuration], what: str) -> list[Configuration]:
    """Those with these names."""
    unknown = sorted(set(names) - {one.name for one in there})
    if unknown:
        raise session.BenchError(f"no {what} {', '.join(unknown)}; there are: {', '.join(one.name for one in there)}")
    return [one for one in there if one.name in names]


class Interrupted(Exception):
    """A signal asked for the end."""


def _end(number: int, _frame: Any) -> None:
    raise Interrupted(signal.Signals(number).name)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for; rows also go to a file in the cache as soon as they are there."""
    settings = Settings(
        given.seconds,
        given.warmup,
        given.repetitions,
        given.seed,
        limits_of(given),
        given.pool,
        given.answer,
        given.slow_share,
        given.patience,
        given.lock,
    )
    parts = given.only or (QUICK_PLACES if given.quick else PARTS)
    places = [place for place in PLACES if place in parts]
    mixes = given.mix or (list(QUICK_MIXES) if given.quick else list(MIXES))
    known: dict[str, dict[str, Any]] = {}
    if not given.quick and not given.no_plan:
        wanted = list(dict.fromkeys([*places, *({one.place for one in burn.MIXES} if "forecast" in parts else ())]))
        known = all_plans(given, wanted, [*mixes, *({"mix"} - set(mixes) if "forecast" in parts else ())])
    fields = {
        place: [
            *field(given, place, known),
            *([] if given.quick else configurations.upstream(PLACES[place])),
            *without_pool(given, place, mixes),
        ]
        for place in places
    }
    sweeps = {
        place: [] if given.quick or given.no_sweep else configurations.sweep(PLACES[place], settings.limits.claims_mb)
        for place in places
    }
    if given.sweep:
        for place in places:
            fields[place] += chosen(given.sweep, sweeps[place], "configuration of the sweep")
            sweeps[place] = []
    tell(settings, fields, sweeps, mixes)
    raw = session.CACHE / "sizing" / time.strftime("rows-%Y%m%d-%H%M%S.jsonl")
    binary = session.proxy()
    found: dict[str, Any] = {"rows": [], "burn": [], "memory": []}
    with session.host(given.keep, given.deployed), raw.open("a") as file:

        def keep(row: Row) -> None:
            file.write(json.dumps(row) + "\n")
            file.flush()

        agent = session.Agent(binary)
        try:
            world = (session.HERE / "agent" / "world.rb").read_text()
            about = agent.order(
                "prepare", cores=settings.limits.cores, memory_mb=settings.limits.memory_mb, world=world
            )
            bench = Bench(agent, settings, keep)
            for place in places:
                found["rows"] += at_place(bench, place, fields[place], sweeps[place], mixes, settings.repetitions)
            if "forecast" in parts and known:
                found["burn"] = bench.burn_down(
                    burn.MIXES, {one.place: known[f"{one.place}/mix"] for one in burn.MIXES}
                )
            if "memory" in parts:
                found["memory"] = bench.memory(
                    [
                        Configuration(name, "sweep", (Process(configurations.WEIGHTED, threads),), STAND_IN_MB)
                        for name, threads in MEMORY_OF
                    ]
                )
            found["environment"] = environment(given, about["versions"], bench)
        finally:
            agent.close()
    return found


def at_place(
    bench: Bench,
    place: str,
    field_there: Sequence[Configuration],
    sweep: Sequence[Configuration],
    mixes: Sequence[str],
    repetitions: int,
) -> list[Row]:
    """The whole sweep once, then the field and the sweep's best as often as asked."""
    there = PLACES[place]
    rows = bench.repetition(there, [*field_there, *sweep], mixes, 0)
    best = summary.finalists(rows, place, FINALISTS)
    again = [*field_there, *(one for one in sweep if one.name in best)]
    for number in range(1, repetitions):
        rows += bench.repetition(there, again, mixes, number)
    return rows


def tell(
    settings: Settings,
    fields: Mapping[str, Sequence[Configuration]],
    sweeps: Mapping[str, Sequence[Configuration]],
    mixes: Sequence[str],
) -> None:
    """What is about to happen, and how long it takes."""
    total = LAB_S
    for place, there in fields.items():
        once = estimate(settings, PLACES[place], [*there, *sweeps[place]], mixes)
        finalists = list(sweeps[place])[: FINALISTS * len(mixes)]
        again = estimate(settings, PLACES[place], [*there, *finalists], mixes) * (settings.repetitions - 1)
        total += once + again
        print(
            f"{place}: {len(there)} configurations and {len(sweeps[place])} of the sweep, {(once + again) / 60:.0f} min"
        )
        for one in there:
            print(f"  {one.name}: {one.shape()}, {one.claim_mb} MB")
    print(
        f"about {total / 60:.0f} min in all, until {time.strftime('%H:%M', time.localtime(time.time() + total))}",
        flush=True,
    )


def environment(given: argparse.Namespace, versions: Mapping[str, str], bench: Bench) -> dict[str, Any]:
    """What a reader has to know about the figures."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": given.cores,
        "memory_mb": given.memory,
        "seconds": given.seconds,
        "warmup": given.warmup,
        "repetitions": given.repetitions,
        "seed": given.seed,
        "pool": given.pool,
        "answer_ms": given.answer,
        "slow_share": given.slow_share,
        "redis_rtt_ms": bench.rtts,
        "count_error": bench.count_error,
        "versions": dict(versions),
    }


def main() -> int:
    """Parse, measure, write."""
    # The collection's own forecast is asked, from this checkout.
    sys.path.insert(0, str(session.ROOT / ".collections"))
    given = parser().parse_args()
    if given.quick:
        given.repetitions, given.patience = 1, min(given.patience, 5.0)
    # An interrupt while something starts in the background is ignored by the shell's children; ours takes both signals.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        old = results.load(given.output)
        data = old if given.report else results.combine(old, measure(given))
        if not data.get("rows") and not data.get("memory"):
            raise session.BenchError(f"{given.output} has no results yet; run without --report first")
        found = results.write(data, given.output)
    except Interrupted as signalled:
        print(f"sizing: ended by {signalled}; the lab is removed", file=sys.stderr)
        return 130
    except (session.BenchError, RuntimeError) as problem:
        print(f"sizing: {problem}", file=sys.stderr)
        return 1
    for one in found:
        print(
            f"{one.place} {one.mix}: plan {one.plan:.1f}/s, best of the sweep {one.best_jobs:.1f} ({one.best}), "
            f"best peer {one.peer_jobs:.1f} ({one.peer})"
        )
    print(f"results: {given.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
