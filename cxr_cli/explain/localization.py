"""Localization metrics: how well saliency maps lie on findings, and how well maps do that ignore the image.

Maps are [M, h, w], not negative; masks are bool [N, S, S], finer. A metric is float64 [N, M], every mask with
every map: n = m is the image's own map, all others are maps of other images, a baseline.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Maps = NDArray[np.floating]
Masks = NDArray[np.bool_]
Floats = NDArray[np.float64]

TOLERANCE = 15 / 224
"""Tolerance margin of the pointing game around the finding, as a share of the image's side: 15 pixels at 224
(Zhang et al. 2018, "Top-down neural attention by excitation backprop", section 4.1, allow 15 pixels)."""
THRESHOLD = 0.5
"""A map is binarized for IoU at this share of its largest value."""
GAUSSIAN_WIDTH = 0.25
"""Standard deviation of the centered Gaussian, as a share of the image's side."""
MAPS_AT_ONCE = 64


def pointing_game(maps: Maps, masks: Masks) -> Floats:
    """Pointing game: 1, a hit, where the maximum of a map lies in the finding or within `TOLERANCE` of it.

    The maximum is the center of a cell. Where several cells share it, the value is the share of them that
    hit; a map without positive values is a miss. Source: Zhang et al. 2018, section 4.1.
    """
    reach = TOLERANCE * masks.shape[1]
    dilated = np.stack([distance_transform_edt(~mask) <= reach if mask.any() else mask for mask in masks])
    hits = _at_centers(dilated, maps).reshape(len(masks), -1).astype(np.float64)
    largest = maps.max((1, 2), keepdims=True)
    maxima = ((maps == largest) & (largest > 0)).reshape(len(maps), -1).astype(np.float64)
    shares: Floats = maxima / np.maximum(maxima.sum(1, keepdims=True), 1)
    return np.asarray(hits @ shares.T)


def energy_pointing_game(maps: Maps, masks: Masks) -> Floats:
    """Energy-based pointing game: the share of the sum of a map that lies inside the finding.

    It is 0 for a map without positive values. Source: Wang et al. 2020, "Score-CAM".
    """
    rows, columns = _interpolations(maps, masks)
    inside = rows.T @ masks.astype(np.float64) @ columns
    weights = maps.astype(np.float64).reshape(len(maps), -1)
    everywhere = weights @ np.outer(rows.sum(0), columns.sum(0)).ravel()
    return inside.reshape(len(masks), -1) @ weights.T / np.where(everywhere > 0, everywhere, 1)


def iou(maps: Maps, masks: Masks) -> Floats:
    """Intersection over union of the finding and the map, binarized at `THRESHOLD` of its largest value."""
    rows, columns = _interpolations(maps, masks)
    findings = masks.reshape(len(masks), -1).astype(np.float32)
    parts = []
    for start in range(0, len(maps), MAPS_AT_ONCE):
        upsampled = rows @ maps[start : start + MAPS_AT_ONCE].astype(np.float64) @ columns.T
        largest = upsampled.max((1, 2), keepdims=True)
        above = (upsampled >= THRESHOLD * largest) & (largest > 0)
        binary = above.reshape(len(above), -1).astype(np.float32)
        both = (findings @ binary.T).astype(np.float64)
        either = findings.sum(1)[:, None] + binary.sum(1)[None] - both
        parts.append(both / np.maximum(either, 1))
    return np.concatenate(parts, 1)


METRICS: dict[str, Callable[[Maps, Masks], Floats]] = {
    "pointing_game": pointing_game,
    "energy_pointing_game": energy_pointing_game,
    "iou": iou,
}


def interpolation(cells: int, size: int) -> Floats:
    """Weights [size, cells] that interpolate from the centers of cells to the centers of pixels.

    Linear between the centers, constant beyond the outermost, as for overlays (OpenCV's INTER_LINEAR).
    """
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    return np.asarray(np.maximum(1 - np.abs(places[:, None] - np.arange(cells)), 0.0))


def _interpolations(maps: Maps, masks: Masks) -> tuple[Floats, Floats]:
    return interpolation(maps.shape[1], masks.shape[1]), interpolation(maps.shape[2], masks.shape[2])


def _at_centers(masks: Masks, maps: Maps) -> Masks:
    """Sample masks at the centers of a map's cells, bool [N, h, w]."""
    rows, columns = (
        ((np.arange(cells) + 0.5) * size / cells).astype(np.int64)
        for cells, size in zip(maps.shape[1:], masks.shape[1:], strict=True)
    )
    return masks[:, rows[:, None], columns]


def centered_gaussian(height: int, width: int) -> Floats:
    """Make the map [1, h, w] of a center bias: the same Gaussian for every image."""
    down, across = (
        np.exp(-0.5 * (((np.arange(cells) + 0.5) / cells - 0.5) / GAUSSIAN_WIDTH) ** 2)
        for cells in (height, width)
    )
    return np.outer(down, across)[None]


class Located(NamedTuple):
    """A metric of the maps of N images, and of baselines that ignore the image.

    Attributes:
        own: [N], each image's own map.
        uniform: [N], a constant map; its energy-based pointing game is the finding's share of the area.
        centered: [N], a centered Gaussian.
        other_patients: [N], the mean over maps of images of other patients; NaN where there is none.
    """

    own: Floats
    uniform: Floats
    centered: Floats
    other_patients: Floats


def locate(maps: Maps, masks: Masks, patients: NDArray[np.int64]) -> dict[str, Located]:
    """Compute all `METRICS` of N maps [N, h, w] of images with findings [N, S, S], none of them empty."""
    _, height, width = maps.shape
    others = patients[:, None] != patients[None]
    known = others.any(1)
    found = {}
    for name, metric in METRICS.items():
        values = metric(maps, masks)
        other = (values * others).sum(1) / np.maximum(others.sum(1), 1)
        found[name] = Located(
            own=np.diagonal(values).copy(),
            uniform=metric(np.ones((1, height, width)), masks)[:, 0],
            centered=metric(centered_gaussian(height, width), masks)[:, 0],
            other_patients=np.where(known, other, np.nan),
        )
    return found
