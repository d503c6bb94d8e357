"""Calibration plots: how often it happens at each score."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.calibration import BINS
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval
from cxr_cli.plots.curves import LEGEND_WIDTH, MOST_TOGETHER
from cxr_cli.plots.palette import color_of
from cxr_cli.plots.panels import TITLE_WIDTH, panels
from cxr_cli.plots.save import own_style, save


class CalibrationCurve(NamedTuple):
    """A model's scores as chances of the class.

    Attributes:
        name: of the class or model.
        positive: bool [N].
        chance: [N], 0 ... 1.
        metric: slope and intercept, for the legend.
    """

    name: str
    positive: NDArray[np.bool_]
    chance: NDArray[np.floating]
    metric: str = ""


@own_style
def calibration_plot(
    curves: Sequence[CalibrationCurve], title: str, path: Path, first_number: int = 0
) -> None:
    """Draw the share of positive images against the mean score, in ten groups of equal size.

    Bars are Wilson's intervals; below is a histogram of the scores. More than five curves have a panel each.

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
        first_number: whose color the first curve has; the others follow.
    """
    colors = [color_of(first_number + place) for place in range(len(curves))]
    if len(curves) > MOST_TOGETHER:
        figure, grid = panels([curve.name for curve in curves], title)
        for axes, curve, color in zip(grid, curves, colors, strict=True):
            _draw(axes, curve, color)
            axes.set_xticks([0, 0.5, 1])
            axes.set_xlabel(curve.metric, fontsize=7, loc="left")
        save(figure, path)
        return
    figure = Figure(figsize=(5, 6))
    axes, below = figure.add_axes((0, 0.2, 1, 0.8)), figure.add_axes((0, 0, 1, 0.15))
    for curve, color in zip(curves, colors, strict=True):
        _draw(axes, curve, color)
        below.hist(curve.chance, bins=list(np.linspace(0, 1, 21)), histtype="step", color=color)
    axes.set(ylabel="share of positive images")
    axes.tick_params(labelbottom=False)
    axes.set_title(fill(title, TITLE_WIDTH), loc="left", fontsize=11)
    below.set(xlabel="score", ylabel="images", xlim=axes.get_xlim())
    for each in (axes, below):
        each.spines[["top", "right"]].set_visible(False)
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="upper left", bbox_to_anchor=(0, -0.1), frameon=False, fontsize=8)
    save(figure, path)


def _draw(axes: Axes, curve: CalibrationCurve, color: str) -> None:
    groups = np.array_split(np.argsort(curve.chance, kind="stable"), min(BINS, len(curve.chance)))
    shares = np.array([curve.positive[group].mean() for group in groups])
    limits = np.array([wilson_interval(int(curve.positive[g].sum()), len(g))[:2] for g in groups]).T
    means = [float(curve.chance[group].mean()) for group in groups]
    label = "\n".join(filter(None, (fill(curve.name, LEGEND_WIDTH), curve.metric)))
    bars = np.abs(limits - shares)
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, zorder=0)
    axes.errorbar(means, shares, bars, fmt="o-", color=color, markersize=4, linewidth=1, label=label)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
