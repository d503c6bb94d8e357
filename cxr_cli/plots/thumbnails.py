"""Small images in rows, each with lines above and below."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.plots.save import own_style

RESEARCH_ONLY = "For research, not for diagnosis"
WRONG = "firebrick"
NAME_LENGTH = 36
SIDE = 2.1
"""Of an image, in inches."""


@dataclass(frozen=True)
class Tile:
    """An image on a sheet.

    Attributes:
        pixels: uint8 [H, W] or [H, W, 3].
        title: lines above it.
        below: lines below it.
        wrong: the title is red.
    """

    pixels: NDArray[np.uint8]
    title: str = ""
    below: str = ""
    wrong: bool = False


def name_below(source: str, image_id: str, *, hashed: bool) -> str:
    """Name an image by its file and its id; by the id alone where patient ids are hashed.

    A file's name may hold a patient id.
    """
    return image_id if hashed else f"{fill(Path(source).name, NAME_LENGTH)}\n{image_id}"


@own_style
def draw_tiles(tiles: Sequence[Tile], columns: int, heading: str) -> tuple[Figure, list[Axes]]:
    """Draw tiles row by row under a heading that says what they are for.

    Args:
        tiles: one or more.
        columns: tiles in a row, at most.
        heading: of the sheet.

    Returns:
        The figure and its axes.
    """
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    lines = max(tile.title.count("\n") + tile.below.count("\n") for tile in tiles)
    size = (max(SIDE * columns, 5.0) + 0.9, (SIDE + 0.5 + 0.12 * lines) * rows + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[len(tiles) :]:
        axes.set_axis_off()
    for axes, tile in zip(grid, tiles, strict=False):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.imshow(tile.pixels, cmap="gray", vmin=0, vmax=255)
        axes.set_title(tile.title, fontsize=7.5, color=WRONG if tile.wrong else "black")
        axes.set_xlabel(tile.below, fontsize=6)
    figure.suptitle(f"{heading}\n{RESEARCH_ONLY}", fontsize=9)
    return figure, grid
