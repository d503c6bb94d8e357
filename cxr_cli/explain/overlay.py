"""Heat laid over a film in colour."""

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import NDArray

from cxr_cli.errors import UsageFault

OPACITY = 0.65
"""Share of the colour where the heat is largest: anatomy shows through everywhere."""
COLOURS: Mapping[str, Callable[[], Colormap]] = {
    "inferno": partial(matplotlib.colormaps.get_cmap, "inferno"),
    "viridis": partial(matplotlib.colormaps.get_cmap, "viridis"),
    "cividis": partial(matplotlib.colormaps.get_cmap, "cividis"),
    "red": partial(ListedColormap, [(1.0, 0.0, 0.0)]),
}
"""Perceptually even maps of colour, and the pneumoperitoneum paper's red, in which opacity alone tells."""
FRAME_GREY = 200

Part = tuple[slice, slice]
"""The rows and columns of a film that a net saw."""


def check_colour(name: str) -> None:
    """Raise UsageFault for an unknown map of colours."""
    if name not in COLOURS:
        raise UsageFault(f"--colour {name!r}: known are {', '.join(COLOURS)}")


def place_heat(heat: NDArray[np.float32], shape: tuple[int, ...], part: Part) -> NDArray[np.float32]:
    """Enlarge a map [h, w] to the part of a film of `shape` [H, W] that the net saw; elsewhere is no heat.

    Enlarging is linear between the centres of the map's cells, which are spread evenly over that part:
    a film that was squeezed into a square is stretched back.
    """
    rows, columns = part
    size = (columns.stop - columns.start, rows.stop - rows.start)
    placed = np.zeros(shape, np.float32)
    placed[part] = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    return placed


def lay_over(film: NDArray[np.uint8], heat: NDArray[np.float32], colour: str) -> NDArray[np.uint8]:
    """Lay heat in colour over a film, the more opaque the more heat: uint8 [H, W, 3].

    Args:
        film: uint8 [H, W].
        heat: float32 [H, W], 0 ... 1.
        colour: a name in `COLOURS`.
    """
    # By 256 levels: full-size films have millions of pixels.
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    added = 255 * OPACITY * levels[:, None] * COLOURS[colour]()(levels)[:, :3].astype(np.float32)
    kept = 1 - OPACITY * levels
    level = np.rint(255 * heat).astype(np.uint8)
    blended = (film * kept[level])[..., None] + added[level]
    return np.asarray(np.rint(blended), np.uint8)


def frame_part(picture: NDArray[np.uint8], part: Part) -> None:
    """Draw a thin frame round the part of a picture [H, W, 3] that the net saw, where that is not all."""
    rows, columns = part
    if (rows.stop - rows.start, columns.stop - columns.start) == picture.shape[:2]:
        return
    corners = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    cv2.rectangle(picture, *corners, (FRAME_GREY,) * 3, max(1, round(max(picture.shape) / 600)))
