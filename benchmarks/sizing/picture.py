# GPL-3.0-or-later (see LICENSE)
"""The results as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .summary import Line
from .table import DISTANCE

COLOURS = {"plan": "#1b7f4d", "peer": "#b4552d", "sweep": "#8a94a6", "reference": "#5b6b8c"}
SHOWN_SWEEP = 3


def chosen(measured: Sequence[Line], place: str, mix: str) -> list[Line]:
    """What one panel shows: the plan, all peers, the sweep's best; the slowest first, as bars grow upwards."""
    same = [line for line in measured if line.place == place and line.mix == mix]
    swept = sorted((line for line in same if line.kind == "sweep"), key=lambda line: -line.jobs.median)[:SHOWN_SWEEP]
    return sorted([line for line in same if line.kind != "sweep"] + swept, key=lambda line: line.jobs.median)


def label(line: Line) -> str:
    """A bar's name, with its shape where that is not part of it."""
    if line.kind == "sweep":
        return f"sweep {line.configuration}"
    return line.configuration if line.shape in line.configuration else f"{line.configuration} ({line.shape})"


def draw(measured: Sequence[Line], target: Path) -> None:
    """One panel per place and mix: bars for medians, whiskers for the spread."""
    # The picture is optional for whoever only reads the code: matplotlib is imported where it is used.
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sizing"  # the same figures, the same bytes
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    places = [place for place in DISTANCE if any(line.place == place for line in measured)]
    mixes = list(dict.fromkeys(line.mix for line in measured))
    rows = max((len(chosen(measured, place, mix)) for place in places for mix in mixes), default=1)
    size = (5.2 * len(mixes) + 0.6, len(places) * (0.28 * rows + 1.1))
    figure, panels = pyplot.subplots(len(places), len(mixes), figsize=size, squeeze=False, layout="constrained")
    for row, place in enumerate(places):
        for column, mix in enumerate(mixes):
            _panel(panels[row][column], chosen(measured, place, mix), f"{DISTANCE[place]}: {mix}")
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


def _panel(axes: object, shown: Sequence[Line], title: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    names = [label(line) for line in shown]
    medians = [line.jobs.median for line in shown]
    whiskers = [
        [line.jobs.median - line.jobs.low for line in shown],
        [line.jobs.high - line.jobs.median for line in shown],
    ]
    axes.barh(names, medians, xerr=whiskers, color=[COLOURS[line.kind] for line in shown], ecolor="#333333", capsize=2)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("jobs per second", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if not shown:
        axes.set_axis_off()
