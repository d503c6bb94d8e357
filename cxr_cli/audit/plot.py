"""An audit as a figure: AUC of a run, and of a refitted classifier, by visible region of the image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.plots.save import own_style, save

COLUMNS = {
    "occlusion": ("the run, on {subset}", "C0"),
    "refitted": ("a classifier refitted on the region", "C1"),
}


@own_style
def audit_figure(report: Mapping[str, Any], images: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Draw bars of mean AUC by region, with limits, each class as a dot, beside an image of the region.

    Args:
        report: of an audit, as audit.json has it.
        images: by the region's name, uint8 [H, W].
        path: the file to write.
    """
    shown = [name for name in COLUMNS if report[name]]
    regions = list(report[shown[0]]["regions"])
    widths = [1.0, *[6.0] * len(shown)]
    figure = Figure(figsize=(1.2 + 4 * len(shown), 0.6 + 0.85 * len(regions)), layout="constrained")
    grid = figure.add_gridspec(len(regions), 1 + len(shown), width_ratios=widths)
    for row, region in enumerate(regions):
        axes = figure.add_subplot(grid[row, 0])
        axes.imshow(images[region], cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    for column, name in enumerate(shown, start=1):
        axes = figure.add_subplot(grid[:, column])
        _draw_bars(axes, report[name]["regions"], regions, COLUMNS[name][1], report["classes"])
        axes.set_title(COLUMNS[name][0].format(subset=report[name]["subset"]), fontsize=10)
        axes.set_yticks(range(len(regions)), regions if column == 1 else [""] * len(regions))
    figure.legend(
        *figure.axes[-1].get_legend_handles_labels(), loc="outside lower right", ncols=4, frameon=False
    )
    save(figure, path)


def _draw_bars(
    axes: Axes, aucs: Mapping[str, Any], regions: list[str], color: str, classes: list[str]
) -> None:
    for place, region in enumerate(regions):
        auc = aucs[region]["auc"] if region in aucs else {"value": None}
        if auc["value"] is None:
            continue
        axes.barh(place, auc["value"], color=color, alpha=0.5, height=0.6)
        if auc["low"] is not None:
            limits = [[auc["value"] - auc["low"]], [auc["high"] - auc["value"]]]
            axes.errorbar(auc["value"], place, xerr=limits, color="black", capsize=3, linewidth=1)
    for number, label in enumerate(classes):
        known = [
            (aucs[region]["per_class"][label]["value"], place)
            for place, region in enumerate(regions)
            if region in aucs and aucs[region]["per_class"][label]["value"] is not None
        ]
        if known:
            marker = "osD^v<>P*X"[number % 10]
            axes.plot(*zip(*known, strict=True), marker, markersize=4, color=f"C{number + 2}", label=label)
    axes.axvline(0.5, color="gray", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1.02), ylim=(len(regions) - 0.5, -0.5), xlabel="AUC, mean of the classes (chance: 0.5)")
    axes.spines[["top", "right"]].set_visible(False)
