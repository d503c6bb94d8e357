"""Curves of classes, models or strata in one figure: see `roc` and `precision_recall`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.plots.save import own_style, save


class Curve(NamedTuple):
    """A curve: x and y [K], its name, and the operating point on it."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    operating_point: tuple[float, float] | None = None


def without_line(name: str) -> Curve:
    """Make a curve that is only in the legend, which says why: it has not images of both kinds."""
    return Curve(f"{name}: images of one class only", np.zeros(0), np.zeros(0))


@own_style
def draw_curves(
    curves: Sequence[Curve],
    title: str,
    path: Path,
    *,
    labels: tuple[str, str],
    xlim: tuple[float, float],
    chance: tuple[Sequence[float], Sequence[float]],
    drawstyle: Literal["default", "steps-post"] = "default",
    readers: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw curves on a square, operating points as dots, a legend below.

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
        labels, xlim: of the axes.
        chance: x and y of the line of a classifier that knows nothing.
        drawstyle: how a curve's points are joined.
        readers: the point of each human reader, by name.
    """
    readers = readers or {}
    figure = Figure(figsize=(5.2, 5.1 + 0.2 * (len(curves) + len(readers))), layout="constrained")
    axes = figure.subplots()
    axes.plot(*chance, color="0.75", linewidth=0.8, zorder=0)
    # Colors repeat after ten; then lines are dashed, then dotted.
    for number, curve in enumerate(curves):
        color, dashes = f"C{number % 10}", ("-", "--", ":")[number // 10 % 3]
        axes.plot(curve.x, curve.y, dashes, drawstyle=drawstyle, color=color, label=curve.name)
        if curve.operating_point is not None:
            axes.plot(*curve.operating_point, "o", color=color, markersize=5)
    for number, (name, point) in enumerate(readers.items()):
        marker = "^sDvP*X"[number % 7]
        axes.plot(*point, marker, color="black", markersize=6, linestyle="none", label=f"reader {name}")
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title, xlim=xlim, ylim=(0, 1.01))
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)
