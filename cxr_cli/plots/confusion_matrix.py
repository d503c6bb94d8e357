"""Confusion matrices as figures."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.plots.panels import NAME_WIDTH
from cxr_cli.plots.save import own_style, save, tick_labels


@own_style
def confusion_matrix(
    counts: NDArray[np.int64],
    classes: Sequence[str],
    title: str,
    path: Path,
    sensitivities: Sequence[Estimate] | None = None,
) -> None:
    """Draw a confusion matrix, counts and row shares (Figures 5a and 6a of the paper), and the rows' totals.

    Args:
        counts: int [C, C], true class by predicted class.
        classes: their names.
        title: of the figure.
        path: the file to write.
        sensitivities: of each class, whose 95% intervals are on the diagonal; None without.
    """
    totals = counts.sum(1)
    shares = counts / np.maximum(totals[:, None], 1)
    side = 1.05 * len(classes)
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((0, 0, 1, 1))
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        lines = [f"{shares[i, j]:.2f}", f"({counts[i, j]})"]
        if i == j and sensitivities is not None and not np.isnan(sensitivities[i].interval.low):
            low, high, _ = sensitivities[i].interval
            lines.insert(1, f"{low:.2f}-{high:.2f}")
        color = "white" if shares[i, j] > 0.6 else "black"
        axes.text(j, i, "\n".join(lines), ha="center", va="center", color=color, fontsize=9)
    places = range(len(classes))
    names = [fill(name, NAME_WIDTH) for name in tick_labels(classes)]
    axes.set(xticks=places, yticks=places, xlabel="predicted", ylabel="true")
    axes.set_title(fill(title, max(24, 13 * len(classes))), loc="left", fontsize=11)
    axes.set_xticklabels(names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticklabels([f"{name}\nn = {total}" for name, total in zip(names, totals, strict=True)])
    bar = figure.colorbar(shown, cax=axes.inset_axes((1.04, 0, 0.2 / side, 1)))
    bar.set_label("share of the true class" if sensitivities is None else "share of the true class (95%)")
    save(figure, path)
