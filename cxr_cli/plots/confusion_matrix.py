"""Confusion matrices as figures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.plots.save import save, tick_labels


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix, counts and row shares (Figures 5a and 6a of the paper).

    Args:
        counts: int [C, C], true class by predicted class.
        classes: their names.
        title: of the figure.
        path: the file to write.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 1.6 + 1.1 * len(classes)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        color = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{shares[i, j]:.2f}\n({counts[i, j]})", ha="center", va="center", color=color)
    places = range(len(classes))
    axes.set(xticks=places, yticks=places, xlabel="predicted", ylabel="true", title=title)
    axes.set_xticklabels(tick_labels(classes), rotation=30, ha="right")
    axes.set_yticklabels(tick_labels(classes))
    figure.colorbar(shown, ax=axes, label="share of the true class", shrink=0.8)
    save(figure, path)
