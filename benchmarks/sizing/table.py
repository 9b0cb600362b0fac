# GPL-3.0-or-later (see LICENSE)
"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .configurations import UPSTREAM, WITHOUT_POOL
from .summary import BURN_SHARE, IDLE_CORES, Line, Spread, Verdict, burn_error, disturbed

Row = Mapping[str, Any]
DISTANCE = {"near": "Near (loopback)", "far10": "10 ms away", "far20": "20 ms away"}
SHOWN_SWEEP = 5


def grid(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """A table; all columns but the first are figures."""
    rule = "|".join(["---", *["---:"] * (len(head) - 1)])
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in body)]


def figure(value: Spread, digits: int = 1) -> str:
    """Median and, of several, the spread."""
    if value.count == 1:
        return f"{value.median:.{digits}f}"
    return f"{value.median:.{digits}f} ({value.low:.{digits}f}–{value.high:.{digits}f})"


def section(place: str, mix: str, measured: Sequence[Line]) -> list[str]:
    """All configurations at one place on one mix, the fastest first; of the sweep its best and its worst."""
    same = sorted(
        (line for line in measured if line.place == place and line.mix == mix), key=lambda line: -line.jobs.median
    )
    swept = [line for line in same if line.kind == "sweep"]
    hidden = swept[SHOWN_SWEEP:-1]
    body = []
    for line in same:
        if line in hidden:
            continue
        name = f"**{line.configuration}**" if line.kind == "plan" else line.configuration
        body.append(
            [
                *(name, line.shape, figure(line.jobs), figure(line.cpu_ms)),
                *(f"{line.claim_mb}", f"{line.pss_mb:.0f}", f"{line.connections}", f"{line.errors}"),
            ]
        )
    head = ["configuration", "processes × threads", "jobs/s", "CPU ms a job", "claim MB", "PSS MB", "connections"]
    note = [f"{len(hidden)} more of the sweep lie between its best five and its worst.", ""] if hidden else []
    return ["", f"### {DISTANCE.get(place, place)}, {mix}", "", *grid([*head, "errors"], body), "", *note]


def verdict_table(found: Sequence[Verdict]) -> list[str]:
    """Where the plan wins and where it does not."""
    if not found:
        return ["", "The plan itself is not among these measurements.", ""]
    body = []
    for one in found:
        loser = one.peer_jobs > one.plan
        told = f"**{one.peer} wins**" if loser else "the plan" if one.plan >= one.best_jobs else "the plan among peers"
        body.append(
            [
                *(f"{DISTANCE.get(one.place, one.place)}, {one.mix}", f"{one.plan:.1f}"),
                f"{one.best_jobs:.1f} ({one.best})" if one.best else "-",
                f"{one.peer_jobs:.1f} ({one.peer})" if one.peer else "-",
                *(f"{100 * one.share_of_best:.0f} %", "yes" if one.holds else "**no**", told),
            ]
        )
    head = [
        "where, what",
        "plan",
        "best of the sweep",
        "best peer",
        "share of the best",
        "bars hold",
        "best with a name",
    ]
    return ["", *grid(head, body), ""]


def breaker_table(measured: Sequence[Line]) -> list[str]:
    """Far deliveries: the plan, with and without the breaker pool, as multiples of one big process."""
    body = []
    for place, name in DISTANCE.items():
        rates = {line.configuration: line.jobs.median for line in measured if (line.place, line.mix) == (place, "push")}
        plan = next((line for line in measured if (line.place, line.mix, line.kind) == (place, "push", "plan")), None)
        if plan is None or UPSTREAM not in rates or WITHOUT_POOL not in rates:
            continue
        one, without = rates[UPSTREAM], rates[WITHOUT_POOL]
        body.append([name, f"{one:.1f}", *(f"{rate:.1f} ({rate / one:.1f} ×)" for rate in (plan.jobs.median, without))])
    if not body:
        return []
    head = ["deliveries/s", f"{UPSTREAM} as upstream", "the plan", WITHOUT_POOL]
    return ["## Far deliveries", "", *grid(head, body), ""]


def burn_table(rows: Sequence[Row]) -> list[str]:
    """Forecast against measurement, per mix and queue."""
    if not rows:
        return []
    body = []
    for row in rows:
        for queue in row["backlog"]:
            predicted, measured = row["forecast_s"].get(queue), row["cleared_s"].get(queue)
            error = burn_error(predicted, measured)
            body.append(
                [f"{row['place']}, {row['mix']}, {queue}", f"{row['backlog'][queue]}"]
                + [f"{row['arrivals'].get(queue, 0):g}"]
                + ["never" if seconds is None else f"{seconds:.1f}" for seconds in (predicted, measured)]
                + ["-" if error is None else f"{100 * error:+.0f} %"]
                + ["yes" if error is not None and abs(error) <= BURN_SHARE else "**no**"]
            )
    head = ["mix, queue", "backlog", "arrivals/s", "forecast s", "measured s", "forecast off by", "within 15 %"]
    note = (
        "What a job costs these cores, workers and servers together, was measured for each queue alone before; how the"
        " queues share processes and cores, and when each is clear, is the plan's own forecast."
    )
    return ["", "## Burn-down", "", note, "", *grid(head, body), ""]


def memory_table(rows: Sequence[Row]) -> list[str]:
    """Claims against what processes really take."""
    if not rows:
        return []
    body = [
        [row["configuration"], f"{row['claim_mb']}", f"{row['pss_mb']:.0f}", f"{row['claim_mb'] / row['pss_mb']:.2f}"]
        for row in rows
    ]
    note = (
        "The stand-in is smaller than Mastodon, so the claim here is the one that an admin would have written for it"
        " into `mastodon_unit_memory_mb`. Real Mastodon: 290 to 325 MB against 400, 1.23 to 1.38 (research notes)."
    )
    return ["", "## Memory", "", note, "", *grid(["unit", "claim MB", "PSS MB", "claim / PSS"], body), ""]


def document(data: Mapping[str, Any], measured: Sequence[Line], found: Sequence[Verdict]) -> str:
    """The whole page."""
    about = data["environment"]
    shaken = disturbed(data["rows"], IDLE_CORES)
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    text = [
        "# Sizing, measured",
        "",
        "Written by `make benchmark-sizing`; do not edit. Real Sidekiq, Redis, PgBouncer and PostgreSQL with the",
        f"stand-in's jobs on {about['cores']} cores, the database's and Redis' share included; {about['memory_mb']} MB",
        f"for workers. {about['seconds']} s each after {about['warmup']} s of warm-up; median (least–greatest).",
        f"A remote inbox answers after {about['answer_ms']} ms. Jobs of `default` are feed inserts, of `ingress`",
        "likes, boosts and deletions, of `push` deliveries; `mix` is a backlog of all three in the profile's",
        f"proportion, run to its end. {versions}.",
        "",
        *(
            [f"**Disturbed:** others used the machine during {100 * shaken:.0f} % of the measurements.", ""]
            if shaken
            else []
        ),
        *(["![jobs per second of each configuration](sizing.svg)", ""] if measured else []),
        "## The plan against everybody",
        *verdict_table(found),
        *breaker_table(measured),
        "## All figures",
    ]
    for place in DISTANCE:
        for mix in dict.fromkeys(line.mix for line in measured if line.place == place):
            text += section(place, mix, measured)
    text += burn_table(data.get("burn", []))
    text += memory_table(data.get("memory", []))
    return "\n".join(line.rstrip() for line in text).rstrip() + "\n"
