"""Overlays: a saliency map blended in color over an image."""

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import NDArray

from cxr_cli.explain.choices import Color

OPACITY = 0.5
"""Opacity of the largest value: anatomy shows through everywhere."""
COLORS: Mapping[Color, Callable[[], Colormap]] = {
    "inferno": partial(matplotlib.colormaps.get_cmap, "inferno"),
    "viridis": partial(matplotlib.colormaps.get_cmap, "viridis"),
    "cividis": partial(matplotlib.colormaps.get_cmap, "cividis"),
    "red": partial(ListedColormap, [(1.0, 0.0, 0.0)]),
}
"""Perceptually uniform colormaps, and the pneumoperitoneum paper's red, of which only the opacity varies."""
FRAME_GRAY = 200

Part = tuple[slice, slice]
"""The rows and columns of an image that were the model's input."""


def place_map(saliency: NDArray[np.float32], shape: tuple[int, ...], part: Part) -> NDArray[np.float32]:
    """Upsample a map [h, w] to the model's part of an image of `shape` [H, W]; it is zero elsewhere.

    Interpolation is linear between the centers of the map's cells, which are spaced evenly over that part:
    the resizing of the image to a square is undone.
    """
    rows, columns = part
    size = (columns.stop - columns.start, rows.stop - rows.start)
    placed = np.zeros(shape, np.float32)
    placed[part] = cv2.resize(saliency, size, interpolation=cv2.INTER_LINEAR)
    return placed


def lay_over(image: NDArray[np.uint8], saliency: NDArray[np.float32], color: Color) -> NDArray[np.uint8]:
    """Blend a saliency map over an image, more opaque where it is larger: uint8 [H, W, 3].

    Args:
        image: uint8 [H, W].
        saliency: float32 [H, W], 0 ... 1.
        color: of the overlay.
    """
    # In 256 levels, for full-size images have millions of pixels.
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    added = 255 * OPACITY * levels[:, None] * COLORS[color]()(levels)[:, :3].astype(np.float32)
    kept = 1 - OPACITY * levels
    level = np.rint(255 * saliency).astype(np.uint8)
    blended = (image * kept[level])[..., None] + added[level]
    return np.asarray(np.rint(blended), np.uint8)


def frame_part(overlay: NDArray[np.uint8], part: Part) -> None:
    """Draw a thin frame around the model's part of an overlay [H, W, 3], unless that is all of it."""
    rows, columns = part
    if (rows.stop - rows.start, columns.stop - columns.start) == overlay.shape[:2]:
        return
    corners = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    cv2.rectangle(overlay, *corners, (FRAME_GRAY,) * 3, max(1, round(max(overlay.shape) / 600)))
