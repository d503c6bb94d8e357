"""Contact sheets: thumbnails side by side, each with its caption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from cxr_cli.explain.choices import Color
from cxr_cli.explain.overlay import lay_over
from cxr_cli.plots.save import own_style, save
from cxr_cli.plots.thumbnails import Tile, draw_tiles

COLUMNS = 6
ROWS = 6
DPI = 120


@dataclass(frozen=True)
class Scale:
    """The color bar of a sheet, and what its upper end stands for."""

    color: Color
    end: str


@own_style
def contact_sheets(
    images: int, tiles_of: Callable[[int], Sequence[Tile]], heading: str, scale: Scale, first: Path
) -> tuple[Path, ...]:
    """Draw tiles in rows, on as many sheets as are needed.

    Args:
        images: number of images.
        tiles_of: returns the tiles of an image by its number, which stay side by side; every image has the
            same number of tiles.
        heading: of each sheet.
        scale: the color bar.
        first: path of the first sheet; the others are numbered from 2.

    Returns:
        The sheets' paths.
    """
    wide = len(tiles_of(0))
    abreast = max(1, COLUMNS // wide)
    starts = range(0, images, abreast * ROWS)
    paths = tuple(
        first if n == 1 else first.with_stem(f"{first.stem}-{n}") for n in range(1, len(starts) + 1)
    )
    for number, (start, path) in enumerate(zip(starts, paths, strict=True), start=1):
        part = range(start, min(start + abreast * ROWS, images))
        counted = f"{heading} (sheet {number} of {len(paths)})" if len(paths) > 1 else heading
        tiles = [tile for image in part for tile in tiles_of(image)]
        save(_draw(tiles, min(abreast, len(part)) * wide, counted, scale), path, DPI, vector=False)
    return paths


def _draw(tiles: Sequence[Tile], columns: int, heading: str, scale: Scale) -> Figure:
    figure, grid = draw_tiles(tiles, columns, heading)
    # The colors as they look over a medium gray.
    steps = np.linspace(0, 1, 128, dtype=np.float32)[None]
    shown = ListedColormap(lay_over(np.full(steps.shape, 128, np.uint8), steps, scale.color)[0] / 255)
    bar = figure.colorbar(ScalarMappable(cmap=shown), ax=grid, fraction=0.02, pad=0.01)
    bar.set_label(scale.end, fontsize=7)
    bar.ax.tick_params(labelsize=6)
    return figure
