"""Counts as stacked bars."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.plots.palette import color_of
from cxr_cli.plots.save import own_style, save, tick_labels


@own_style
def stacked_counts(counts: Mapping[str, Mapping[str, int]], title: str, path: Path) -> None:
    """Draw a bar for each row, its classes stacked (Figure 3 of the pneumoperitoneum paper).

    Args:
        counts: images by row, such as the manufacturer, and class; all classes in each.
        title: of the figure.
        path: the file to write.
    """
    figure = Figure(figsize=(6.4, 1.4 + 0.35 * len(counts)), layout="constrained")
    axes = figure.subplots()
    places, start = np.arange(len(counts)), np.zeros(len(counts))
    for number, label in enumerate(next(iter(counts.values()))):
        width = np.array([of[label] for of in counts.values()], np.float64)
        axes.barh(places, width, left=start, label=label, color=color_of(number), height=0.7)
        start += width
    for place, total in zip(places, start, strict=True):
        axes.text(float(total), float(place), f" {total:.0f}", va="center", fontsize=8)
    axes.set_yticks(places, tick_labels(counts))
    axes.invert_yaxis()
    axes.set(xlabel="images", title=title, xlim=(0, start.max() * 1.1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)
