"""Histograms of the scores, by class: how far apart the classes lie."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.plots.palette import REST, color_of
from cxr_cli.plots.panels import panels
from cxr_cli.plots.save import own_style, save

BINS = 24
SHORT = 20
"""Letters of a name that has room in a panel's legend."""


@own_style
def score_histograms(
    labels: NDArray[np.int64],
    scores: NDArray[np.floating],
    classes: Sequence[str],
    title: str,
    path: Path,
    *,
    shown: Sequence[int],
    threshold: float | None = None,
) -> None:
    """Draw, for the score of each class, the images of that class and all others: shares of each.

    Args:
        labels: int [N], class numbers.
        scores: [N, C].
        classes: names.
        title: of the figure.
        path: the file to write.
        shown: the numbers of the classes whose scores are drawn.
        threshold: from which on an image is called positive; None where the highest score decides.
    """
    low, high = float(scores[:, list(shown)].min()), float(scores[:, list(shown)].max())
    bins = list(np.linspace(low, max(high, low + 1e-6), BINS + 1))
    names = [f"score for {classes[number]}" for number in shown]
    figure, grid = panels(names, title, 3.0 if len(shown) == 1 else 2.1)
    for axes, number in zip(grid, shown, strict=True):
        of_class = labels == number
        name = classes[number] if len(classes[number]) < SHORT else "the class"
        for images, color, label in ((~of_class, REST, "others"), (of_class, color_of(number), name)):
            count = int(images.sum())
            axes.hist(
                scores[images, number],
                bins=bins,
                weights=np.full(count, 1 / max(count, 1)),
                color=color,
                alpha=0.3,
                histtype="stepfilled",
                edgecolor=color,
                linewidth=1.5,
                label=f"{label}, n = {count}",
            )
        if threshold is not None:
            label = f"threshold {threshold:.3g}"
            axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=label)
        axes.set(xlabel="score", xlim=(bins[0], bins[-1]))
        axes.legend(frameon=False, fontsize=7)
    grid[0].set_ylabel("share of the images")
    save(figure, path)
