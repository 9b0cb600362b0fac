# GPL-3.0-or-later (see LICENSE)
"""The parts of the benchmark: closed loops at each place, the burn-down, memory."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import burn, plans
from .configurations import measures, shuffled
from .model import MIXES, PLACES, Configuration, Limits, Place
from .session import Agent, BenchError
from .summary import IDLE_CORES

Row = dict[str, Any]
# Jobs of a mixed backlog per second that it should take: about what the machine of the first results does.
MIX_RATE = {"near": 220, "far10": 150, "far20": 110}
COUNT_ERROR = 0.02
WARM_S = 20.0
START_S, PROCESS_START_S, MIX_COST_S = 9.0, 2.0, 1.5  # for the estimate: measured on that machine


@dataclass(frozen=True)
class Settings:
    """What stays the same throughout a run."""

    seconds: float
    warmup: float
    repetitions: int
    seed: int
    limits: Limits
    pool: int
    answer_ms: float
    slow_share: float
    patience: float
    lock: Path | None = None


@contextmanager
def alone(lock: Path | None) -> Iterator[None]:
    """While nobody else who takes this lock works; without a lock, at once."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    time.sleep(0.2)  # those who wait come first


def estimate(settings: Settings, place: Place, configurations: Sequence[Configuration], mixes: Sequence[str]) -> float:
    """Seconds that one repetition takes."""
    total = 0.0
    for one in configurations:
        total += START_S + PROCESS_START_S * len(one.processes)
        total += sum(settings.warmup + settings.seconds + MIX_COST_S for mix in mixes if measures(one, mix, place))
    return total


class Bench:
    """Measures and keeps every row as soon as it is there."""

    def __init__(self, agent: Agent, settings: Settings, keep: Callable[[Row], None]) -> None:
        self._agent, self._settings, self._keep = agent, settings, keep
        self._place: Place | None = None
        self.rtts: dict[str, float] = {}
        self.count_error = 0.0

    def place(self, place: Place) -> None:
        """Put the servers there."""
        if self._place != place:
            self._place = None
            answer = self._agent.order(
                "place",
                rtt_ms=place.rtt_ms,
                pool=self._settings.pool,
                answer_ms=self._settings.answer_ms,
                slow_share=self._settings.slow_share,
            )
            self.rtts[place.name] = answer["redis_rtt_ms"]
            self._place = place

    def repetition(
        self, place: Place, configurations: Sequence[Configuration], mixes: Sequence[str], number: int
    ) -> list[Row]:
        """All configurations once, each on all mixes, in this repetition's order."""
        self.place(place)
        rows = []
        order = shuffled(configurations, self._settings.seed, place.name, number)
        for index, one in enumerate(order):
            wanted = [mix for mix in mixes if measures(one, mix, place)]
            label = f"{place.name} r{number + 1} {index + 1}/{len(order)} {one.name}"
            with alone(self._settings.lock):
                rows += self.one(place, one, wanted, number, label)
        return rows

    def one(
        self, place: Place, configuration: Configuration, mixes: Sequence[str], number: int, label: str
    ) -> list[Row]:
        """One configuration on some mixes. One that does not start is a result too: it is told and left out."""
        rows: list[Row] = []
        if not mixes:
            return rows
        others = self.quiet(label)
        started = time.monotonic()
        try:
            ready = self._agent.order("start", processes=[one.order() for one in configuration.processes])
        except BenchError as problem:
            self._agent.order("stop")
            print(f"{label}: did not start: {problem}", file=sys.stderr, flush=True)
            return rows
        queues = list(dict.fromkeys(queue for mix in mixes for queue in MIXES[mix]))
        self._agent.order("warm", queues=queues, limit=WARM_S)
        for mix in mixes:
            found = self._measure(place, mix)
            about = {
                "place": place.name,
                "mix": mix,
                "configuration": configuration.name,
                "kind": configuration.kind,
                "shape": configuration.shape(),
                "claim_mb": configuration.claim_mb,
                "repetition": number,
            }
            rows.append({**about, **found, "ready_s": ready["ready_s"], "others_cores": others})
            self._keep(rows[-1])
        counted = self._agent.order("stop")
        self._compare(counted["processed"], counted["taken"], configuration.threads, label)
        told = ", ".join(f"{row['mix']} {row['total_per_second']:.1f}/s" for row in rows)
        print(f"{label}: {told} ({time.monotonic() - started:.0f} s)", flush=True)
        return rows

    def quiet(self, label: str) -> float:
        """Wait for an idle machine as long as we have patience for; cores that others used just before."""
        others = float(self._agent.order("idle", cores=IDLE_CORES, patience=self._settings.patience)["others_cores"])
        if others > IDLE_CORES:
            print(f"{label}: others use {others:.2f} cores of this machine, what follows is too low", file=sys.stderr)
        return others

    def _compare(self, processed: int, taken: int, threads: int, label: str) -> None:
        """Our count against Sidekiq's own, which comes too late to measure seconds with; threads are in hand."""
        off = max(0, abs(processed - taken) - threads) / max(1, taken)
        self.count_error = max(self.count_error, round(off, 4))
        if off > COUNT_ERROR:
            print(f"{label}: Sidekiq counts {processed} jobs, {taken} left the queues", file=sys.stderr, flush=True)

    def _measure(self, place: Place, mix: str) -> Row:
        settings = self._settings
        if mix != "mix":
            return self._closed(list(MIXES[mix]), settings.seconds)
        total = sum(MIXES[mix].values())
        jobs = MIX_RATE[place.name] * settings.seconds
        backlog = {queue: round(jobs * share / total) for queue, share in MIXES[mix].items()}
        return self._agent.order("drain", backlog=backlog, limit=3 * settings.seconds)

    def _closed(self, queues: Sequence[str], seconds: float) -> Row:
        return self._agent.order("closed", queues=list(queues), warmup=self._settings.warmup, seconds=seconds)

    def burn_down(self, mixes: Sequence[burn.Mix], plan_of: Mapping[str, Mapping[str, Any]]) -> list[Row]:
        """Each mix once on the plan of its place; forecast and measured seconds."""
        rows = []
        for mix in mixes:
            with alone(self._settings.lock):
                rows.append(self._burn_down(mix, plan_of[mix.place]))
        return rows

    def _burn_down(self, mix: burn.Mix, plan: Mapping[str, Any]) -> Row:
        """One mix: what a job costs here is measured first, as an admin would, then forecast, then seen."""
        place = PLACES[mix.place]
        units = plans.units_of(plan)
        configuration = plans.configuration(plan)
        queues = list(dict.fromkeys([*mix.backlog_s, *mix.arrivals]))
        self.place(place)
        others = self.quiet(mix.name)
        self._agent.order("start", processes=[one.order() for one in configuration.processes])
        self._agent.order("warm", queues=queues, limit=WARM_S)
        alone = {queue: self._closed([queue], burn.CALIBRATION_S) for queue in queues}
        # Servers and workers share these cores, so a job costs what both spend on it.
        measured_ms = {
            queue: round(1000 * found["machine_cores_busy"] / found["total_per_second"], 2)
            for queue, found in alone.items()
        }
        costs = burn.costs_of(place, self._settings.answer_ms, measured_ms)
        cores = burn.cores_there(self._settings.limits.cores, (found["machine_cores_busy"] for found in alone.values()))
        able = burn.possible(burn.capacities(units, queues), costs, cores)
        backlog, arrivals = burn.jobs(mix, able)
        told = burn.forecast(units, costs, cores, backlog, arrivals)
        found = self._agent.order("burn", backlog=backlog, arrivals=arrivals, limit=burn.limit(told))
        self._agent.order("stop")
        row = {"place": mix.place, "mix": mix.name, "backlog": backlog, "arrivals": arrivals, "cpu_ms": measured_ms}
        print(f"{mix.place} {mix.name}: forecast {told}, measured {found['cleared_s']}", flush=True)
        return {**row, "forecast_s": told, "cores": cores, "others_cores": others, **found}

    def memory(self, configurations: Sequence[Configuration]) -> list[Row]:
        """What one process takes after thousands of jobs, against its claim."""
        self.place(PLACES["near"])
        rows = []
        for one in configurations:
            with alone(self._settings.lock):
                self._agent.order("start", processes=[process.order() for process in one.processes])
                found = self._agent.order(
                    "closed", queues=["default", "ingress", "push"], warmup=0, seconds=3 * self._settings.seconds
                )
                self._agent.order("stop")
            each = one.claim_mb / len(one.processes)
            rows.append(
                {
                    "configuration": f"{one.name} ({one.shape()})",
                    "claim_mb": round(each),
                    "pss_mb": max(found["pss_mb"]),
                    "jobs": sum(found["jobs"].values()),
                }
            )
            print(f"memory of {one.name}: {rows[-1]['pss_mb']:.0f} MB, claim {each:.0f} MB", flush=True)
        return rows
