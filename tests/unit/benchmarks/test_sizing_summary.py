# GPL-3.0-or-later (see LICENSE)
"""Medians, verdicts, table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sizing import picture, results, summary, table

ABOUT = {
    "cores": 2,
    "memory_mb": 6144,
    "seconds": 8,
    "warmup": 2,
    "answer_ms": 50,
    "versions": {"ruby-sidekiq": "7.3.2"},
}


def row(configuration: str, kind: str, jobs: float, **more: Any) -> dict[str, Any]:
    """One measurement."""
    return {
        "place": "near",
        "mix": "push",
        "configuration": configuration,
        "kind": kind,
        "shape": "1×5",
        "claim_mb": 400,
        "repetition": 0,
        "total_per_second": jobs,
        "cpu_ms_per_job": 5.0,
        "pss_mb": [90.0, 80.0],
        "connections_peak": 7,
        "failures": {},
        "connection_errors": 0,
        "others_cores": 0.1,
        **more,
    }


def test_the_median_is_not_the_mean() -> None:
    assert summary.spread([1.0, 2.0, 30.0]) == summary.Spread(2.0, 1.0, 30.0, 3)


def test_repetitions_become_one_line() -> None:
    rows = [row("a", "peer", jobs, connection_errors=1, failures={"X": 2}) for jobs in (10.0, 30.0, 11.0)]
    (line,) = summary.lines(rows)
    assert (line.jobs, line.pss_mb, line.errors) == (summary.Spread(11.0, 10.0, 30.0, 3), 90.0, 9)


@pytest.mark.parametrize(
    ("plan", "best", "peer", "holds"),
    [(95.0, 100.0, 97.8, True), (94.9, 100.0, 0.0, False), (100.0, 90.0, 103.1, False), (100.0, 90.0, 103.0, True)],
)
def test_both_bars(plan: float, best: float, peer: float, holds: bool) -> None:
    rows = [row("the plan", "plan", plan), row("1×10", "sweep", best), row("tooting.ch", "peer", peer)]
    (verdict,) = summary.verdicts(summary.lines(rows))
    assert verdict.holds is holds


def test_one_lucky_measurement_of_the_sweep_is_not_the_bar() -> None:
    rows = [row("the plan", "plan", 100.0), row("lucky", "sweep", 150.0)]
    rows += [row("steady", "sweep", 99.0, repetition=number) for number in range(3)]
    (verdict,) = summary.verdicts(summary.lines(rows))
    assert verdict.best == "steady"


def test_finalists_are_the_best_of_each_mix() -> None:
    rows = [row(f"s{jobs}", "sweep", jobs) for jobs in (1.0, 2.0, 3.0)]
    rows += [row("i", "sweep", 1.0, mix="ingress"), row("p", "peer", 9.0)]
    assert summary.finalists(rows, "near", 2) == {"s3.0", "s2.0", "i"}
    assert summary.finalists(rows, "far10", 2) == set()


@pytest.mark.parametrize(
    ("predicted", "measured", "error"),
    [(110.0, 100.0, 0.1), (None, None, 0.0), (None, 5.0, None), (5.0, None, None), (5.0, 0.0, None)],
)
def test_how_far_a_forecast_is_off(predicted: float | None, measured: float | None, error: float | None) -> None:
    found = summary.burn_error(predicted, measured)
    assert found == (error if error is None else pytest.approx(error))


def test_a_part_measured_anew_replaces_that_part_only() -> None:
    old = [row("a", "peer", 1.0), row("a", "peer", 2.0, mix="mix"), row("b", "peer", 3.0)]
    merged = summary.merge(old, [row("a", "peer", 9.0)], ("place", "mix", "configuration"))
    assert sorted(one["total_per_second"] for one in merged) == [2.0, 3.0, 9.0]


def data(*rows: dict[str, Any]) -> dict[str, Any]:
    """As kept in JSON."""
    return results.combine({}, {"environment": ABOUT, "rows": list(rows)})


def written(*rows: dict[str, Any], **more: Any) -> str:
    """The page of these rows."""
    measured = summary.lines(rows)
    return table.document({**data(*rows), **more}, measured, summary.verdicts(measured))


def test_the_page_says_where_a_peer_wins() -> None:
    assert "**tooting.ch wins**" in written(row("the plan", "plan", 100.0), row("tooting.ch", "peer", 120.0))
    assert "wins" not in written(row("the plan", "plan", 100.0), row("tooting.ch", "peer", 90.0))


def test_a_disturbed_measurement_says_so() -> None:
    calm, shaken = row("a", "peer", 1.0), row("b", "peer", 1.0, others_cores=1.4)
    assert "**Disturbed:** others used the machine during 50 %" in written(calm, shaken)
    assert "Disturbed" not in written(calm)


def test_every_row_of_a_table_has_every_column() -> None:
    page = written(
        row("the plan", "plan", 100.0),
        *(row(f"1×{number}", "sweep", float(number)) for number in range(10)),
        burn=[
            {
                **{"place": "near", "mix": "more than it can do", "backlog": {"push": 100}, "arrivals": {"push": 5.5}},
                **{"forecast_s": {"push": None}, "cleared_s": {}},
            }
        ],
        memory=[{"configuration": "1 thread", "claim_mb": 400, "pss_mb": 300.0}],
    )
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    assert len(tables) == 4
    for one in tables:
        assert len({line.count("|") for line in one.splitlines()}) == 1, one
    assert "4 more of the sweep" in page
    assert "never" in page and "1.33" in page


def test_results_survive_their_file(tmp_path: Any) -> None:
    found = data(row("a", "peer", 1.0), row("b", "sweep", 2.0))
    (tmp_path / "sizing.json").write_text(results.encode(found))
    assert results.load(tmp_path) == found
    assert results.load(tmp_path / "nowhere") == {}


def test_a_panel_shows_the_plan_all_peers_and_the_best_of_the_sweep() -> None:
    rows = [row("the plan", "plan", 50.0), row("peer", "peer", 1.0)]
    rows += [row(f"s{number}", "sweep", float(number)) for number in range(20)]
    shown = [line.configuration for line in picture.chosen(summary.lines(rows), "near", "push")]
    assert shown == ["peer", "s17", "s18", "s19", "the plan"]


def test_the_picture_has_a_colour_for_every_kind(tmp_path: Path) -> None:
    rows = [row(kind, kind, 50.0) for kind in ("plan", "peer", "sweep", "reference")]
    picture.draw(summary.lines(rows), tmp_path / "sizing.svg")
    assert (tmp_path / "sizing.svg").stat().st_size > 1000
