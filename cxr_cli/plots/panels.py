"""Several small axes of one size in a figure, with a title, whatever the names are long."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMNS = 4
NAME_WIDTH = 26
"""Letters of a line above a panel."""
TITLE_WIDTH = 64


def panels(names: Sequence[str], title: str, side: float = 2.1) -> tuple[Figure, list[Axes]]:
    """Lay out a panel for each name, row by row, the axes shared.

    Args:
        names: of the panels; long ones are wrapped.
        title: of the figure.
        side: of a panel, in inches.
    """
    wrapped = [fill(name, NAME_WIDTH) for name in names]
    columns = min(len(names), COLUMNS)
    rows = -(-len(names) // columns)
    above = 0.25 + 0.17 * max(name.count("\n") + 1 for name in wrapped)
    figure = Figure(figsize=(columns * (side + 0.3), rows * (side + above)))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.3 / side, hspace=above / side)
    for axes, name in zip(grid.flat, wrapped, strict=False):
        axes.set_title(name, fontsize=9, loc="left")
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(0, len(names) - columns) : len(names)]:
        axes.tick_params(labelbottom=True)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
    height = above * (1 + title.count("\n")) / figure.get_figheight()
    figure.text(0, 1 + height, fill(title, TITLE_WIDTH), fontsize=11, va="bottom")
    return figure, list(grid.flat[: len(names)])
