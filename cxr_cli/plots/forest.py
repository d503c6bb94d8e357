"""Forest plots: a metric of every subgroup with its interval, beside that of all images."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.plots.panels import NAME_WIDTH
from cxr_cli.plots.save import own_style

ROW = 0.32
"""Height of a row, in inches."""


class ForestRow(NamedTuple):
    """A subgroup: its name, its images, and its metrics by their heading."""

    name: str
    images: int
    metrics: Mapping[str, Estimate]


@own_style
def forest_plot(rows: Sequence[ForestRow]) -> Figure:
    """Draw each metric of each subgroup as a dot with its 95% interval, all images as a line.

    An open dot has an unreliable interval, or none.

    Args:
        rows: all images first, all with the same metrics.
    """
    headings = list(rows[0].metrics)
    figure = Figure(figsize=(3.6 * len(headings), ROW * len(rows)))
    grid = figure.subplots(1, len(headings), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.12)
    for axes, heading in zip(grid, headings, strict=True):
        whole = rows[0].metrics[heading].value
        axes.axvline(whole, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        for place, row in enumerate(rows):
            metric = row.metrics[heading]
            if np.isnan(metric.value):
                axes.text(0.02, place, "undefined", fontsize=7, va="center", color="0.4")
                continue
            low, high, _ = metric.interval
            axes.plot([low, high], [place, place], color="black", linewidth=1)
            face = "white" if metric.reason else "black"
            axes.plot(metric.value, place, "D" if place == 0 else "o", color="black", markerfacecolor=face)
        axes.set(xlim=(-0.01, 1.01), xlabel=heading)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
    names = [f"{fill(row.name, NAME_WIDTH)} (n = {row.images})" for row in rows]
    grid[0].set_yticks(range(len(rows)), names, fontsize=8)
    grid[0].set_ylim(len(rows) - 0.5, -0.5)
    note = "95% intervals; dashed: all images; open: few patients, the interval is unreliable or missing"
    figure.text(0, -0.75 / figure.get_figheight(), note, fontsize=8, va="top")
    return figure
