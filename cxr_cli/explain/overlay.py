"""Heat laid over an image in color."""

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import NDArray

from cxr_cli.errors import UsageFault

OPACITY = 0.65
"""Share of the color where the heat is largest: anatomy shows through everywhere."""
COLORS: Mapping[str, Callable[[], Colormap]] = {
    "inferno": partial(matplotlib.colormaps.get_cmap, "inferno"),
    "viridis": partial(matplotlib.colormaps.get_cmap, "viridis"),
    "cividis": partial(matplotlib.colormaps.get_cmap, "cividis"),
    "red": partial(ListedColormap, [(1.0, 0.0, 0.0)]),
}
"""Perceptually even maps of color, and the pneumoperitoneum paper's red, in which opacity alone tells."""
FRAME_GRAY = 200

Part = tuple[slice, slice]
"""The rows and columns of an image that a model saw."""


def check_color(name: str) -> None:
    """Raise UsageFault for an unknown map of colors."""
    if name not in COLORS:
        raise UsageFault(f"--color {name!r}: known are {', '.join(COLORS)}")


def place_heat(heat: NDArray[np.float32], shape: tuple[int, ...], part: Part) -> NDArray[np.float32]:
    """Enlarge a map [h, w] to the part of an image of `shape` [H, W] that the model saw; elsewhere is no heat.

    Enlarging is linear between the centers of the map's cells, which are spread evenly over that part:
    an image that was squeezed into a square is stretched back.
    """
    rows, columns = part
    size = (columns.stop - columns.start, rows.stop - rows.start)
    placed = np.zeros(shape, np.float32)
    placed[part] = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    return placed


def lay_over(image: NDArray[np.uint8], heat: NDArray[np.float32], color: str) -> NDArray[np.uint8]:
    """Lay heat in color over an image, the more opaque the more heat: uint8 [H, W, 3].

    Args:
        image: uint8 [H, W].
        heat: float32 [H, W], 0 ... 1.
        color: a name in `COLORS`.
    """
    # By 256 levels: full-size images have millions of pixels.
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    added = 255 * OPACITY * levels[:, None] * COLORS[color]()(levels)[:, :3].astype(np.float32)
    kept = 1 - OPACITY * levels
    level = np.rint(255 * heat).astype(np.uint8)
    blended = (image * kept[level])[..., None] + added[level]
    return np.asarray(np.rint(blended), np.uint8)


def frame_part(picture: NDArray[np.uint8], part: Part) -> None:
    """Draw a thin frame round the part of a picture [H, W, 3] that the model saw, where that is not all."""
    rows, columns = part
    if (rows.stop - rows.start, columns.stop - columns.start) == picture.shape[:2]:
        return
    corners = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    cv2.rectangle(picture, *corners, (FRAME_GRAY,) * 3, max(1, round(max(picture.shape) / 600)))
