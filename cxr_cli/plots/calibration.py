"""Calibration plots: how often it happens at each score."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.calibration import BINS
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval
from cxr_cli.plots.save import own_style, save


class CalibrationCurve(NamedTuple):
    """A model's scores as chances of the class.

    Attributes:
        name: with slope and intercept, for the legend.
        positive: bool [N].
        chance: [N], 0 ... 1.
    """

    name: str
    positive: NDArray[np.bool_]
    chance: NDArray[np.floating]


@own_style
def calibration_plot(curves: Sequence[CalibrationCurve], title: str, path: Path) -> None:
    """Draw the share of positive images against the mean score, in ten groups of equal size.

    Bars are Wilson's intervals; below is a histogram of the scores.

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
    """
    figure = Figure(figsize=(5.2, 6.3 + 0.2 * len(curves)), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, zorder=0)
    for number, curve in enumerate(curves):
        color = f"C{number % 10}"
        groups = np.array_split(np.argsort(curve.chance, kind="stable"), min(BINS, len(curve.chance)))
        shares = np.array([curve.positive[group].mean() for group in groups])
        limits = np.array([wilson_interval(int(curve.positive[g].sum()), len(g))[:2] for g in groups]).T
        means = [float(curve.chance[group].mean()) for group in groups]
        bars = np.abs(limits - shares)
        axes.errorbar(means, shares, bars, fmt="o-", color=color, markersize=4, linewidth=1, label=curve.name)
        below.hist(curve.chance, bins=np.linspace(0, 1, 21), histtype="step", color=color)
    axes.set(ylabel="share of positive images", title=title, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    below.set(xlabel="score", ylabel="images")
    for each in (axes, below):
        each.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)
