"""An audit as a figure: AUC of a run, and of a refitted classifier, by visible region of the image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.audit.findings import examined_classes
from cxr_cli.plots.palette import color_of
from cxr_cli.plots.save import own_style, save

COLUMNS = {
    "occlusion": "the run, on this region alone\n({subset}; the rest is the mean image)",
    "refitted": "a classifier refitted on this region\n({subset}; cross-validated)",
}
SPREAD = 0.7
"""Share of a row over which the classes are spread."""


@own_style
def audit_figure(report: Mapping[str, Any], images: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Draw each class's AUC by region as a dot with its interval, beside an image of the region.

    Args:
        report: of an audit, as audit.json has it.
        images: by the region's name, uint8 [H, W].
        path: the file to write.
    """
    shown = [name for name in COLUMNS if report[name]]
    regions = list(report[shown[0]]["regions"])
    labels = examined_classes(report["classes"])
    numbers = {label: list(report["classes"]).index(label) for label in labels}
    height = max(0.85, 0.22 * len(labels))
    widths = [1.0, *[5.0 / height] * len(shown)]
    figure = Figure(figsize=(1.6 + 4 * len(shown), 0.9 + height * len(regions)), layout="constrained")
    grid = figure.add_gridspec(len(regions), 1 + len(shown), width_ratios=widths)
    for row, region in enumerate(regions):
        axes = figure.add_subplot(grid[row, 0])
        axes.imshow(images[region], cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    lowest = _lowest(report, shown, labels)
    for column, name in enumerate(shown, start=1):
        axes = figure.add_subplot(grid[:, column])
        _draw_dots(axes, report[name]["regions"], regions, numbers)
        axes.set(xlim=(lowest, 1.02), ylim=(len(regions) - 0.5, -0.5))
        axes.set(xlabel="AUC of each class against all others (chance: 0.5)")
        axes.set_title(COLUMNS[name].format(subset=report[name]["subset"]), fontsize=10, loc="left")
        axes.set_yticks(range(len(regions)), regions if column == 1 else [""] * len(regions))
    handles = figure.axes[-1].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower right", ncols=4, frameon=False, title="95% intervals")
    save(figure, path)


def _lowest(report: Mapping[str, Any], shown: Sequence[str], labels: Sequence[str]) -> float:
    """Return where the axis begins: a little below chance, or below the lowest limit."""
    drawn = [of["per_class"] for name in shown for of in report[name]["regions"].values()]
    lows = [of_class[label]["low"] for of_class in drawn for label in labels]
    return float(min([0.45, *(low for low in lows if low is not None)])) - 0.02


def _draw_dots(axes: Axes, aucs: Mapping[str, Any], regions: list[str], numbers: Mapping[str, int]) -> None:
    offsets = (np.arange(len(numbers)) - (len(numbers) - 1) / 2) * SPREAD / len(numbers)
    axes.axvline(0.5, color="0.6", linestyle="--", linewidth=1)
    for (label, number), offset in zip(numbers.items(), offsets, strict=True):
        known = [
            (place + offset, aucs[region]["per_class"][label])
            for place, region in enumerate(regions)
            if region in aucs and aucs[region]["per_class"][label]["value"] is not None
        ]
        for place, auc in known:
            if auc["low"] is not None:
                axes.plot([auc["low"], auc["high"]], [place] * 2, color=color_of(number), linewidth=1.5)
        values = [auc["value"] for _, auc in known]
        places = [place for place, _ in known]
        axes.plot(values, places, "o", markersize=5, color=color_of(number), label=label)
    for place in range(1, len(regions)):
        axes.axhline(place - 0.5, color="0.92", linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
