"""Does heat lie where the finding is? Every mask against every map, so that chance is measured too.

Maps are [M, h, w], not negative; masks are bool [N, S, S], finer. Figures are float64 [N, M]: of an image's
own map, n = m, and of the maps of other images, which say how good a map is that does not look.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval, proportion_interval

Maps = NDArray[np.floating]
Masks = NDArray[np.bool_]
Floats = NDArray[np.float64]

TOLERANCE = 15 / 224
"""How far beside a finding the hottest place still hits, as a share of the image's side: 15 pixels at 224
(Zhang et al. 2018, "Top-down neural attention by excitation backprop", section 4.1, allow 15 pixels)."""
THRESHOLD = 0.5
"""The share of a map's largest value from which on a place is hot."""
GAUSSIAN_WIDTH = 0.25
"""Standard deviation of the centered Gaussian, as a share of the image's side."""
MAPS_AT_ONCE = 64


def pointing_game(maps: Maps, masks: Masks) -> Floats:
    """Tell whether a map's hottest cell has its center in the finding, or within `TOLERANCE` of it.

    Where several cells are hottest, it is the share of them that hit; a map without heat hits nothing.
    Source: Zhang et al. 2018, section 4.1.
    """
    hits = _at_centers(_widened(masks), maps).reshape(len(masks), -1).astype(np.float64)
    largest = maps.max((1, 2), keepdims=True)
    hottest = ((maps == largest) & (largest > 0)).reshape(len(maps), -1).astype(np.float64)
    shares: Floats = hottest / np.maximum(hottest.sum(1, keepdims=True), 1)
    return np.asarray(hits @ shares.T)


def heat_share(maps: Maps, masks: Masks) -> Floats:
    """Share of a map's heat that lies inside the finding; a map without heat has none there."""
    rows, columns = _enlarging(maps, masks)
    inside = rows.T @ masks.astype(np.float64) @ columns
    weights = maps.astype(np.float64).reshape(len(maps), -1)
    everywhere = weights @ np.outer(rows.sum(0), columns.sum(0)).ravel()
    return inside.reshape(len(masks), -1) @ weights.T / np.where(everywhere > 0, everywhere, 1)


def overlap(maps: Maps, masks: Masks) -> Floats:
    """Intersection over union of the finding and what has `THRESHOLD` of a map's largest heat or more."""
    rows, columns = _enlarging(maps, masks)
    findings = masks.reshape(len(masks), -1).astype(np.float32)
    parts = []
    for start in range(0, len(maps), MAPS_AT_ONCE):
        heat = rows @ maps[start : start + MAPS_AT_ONCE].astype(np.float64) @ columns.T
        largest = heat.max((1, 2), keepdims=True)
        hot = ((heat >= THRESHOLD * largest) & (largest > 0)).reshape(len(heat), -1).astype(np.float32)
        both = (findings @ hot.T).astype(np.float64)
        either = findings.sum(1)[:, None] + hot.sum(1)[None] - both
        parts.append(both / np.maximum(either, 1))
    return np.concatenate(parts, 1)


FIGURES: dict[str, Callable[[Maps, Masks], Floats]] = {
    "pointing_game": pointing_game,
    "heat_share": heat_share,
    "overlap": overlap,
}


def enlargement(cells: int, size: int) -> Floats:
    """Weights [size, cells] by which values at the centers of cells become values at the centers of pixels.

    Linear between the centers, constant beyond the outermost: as overlays are drawn (OpenCV's INTER_LINEAR).
    """
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    return np.asarray(np.maximum(1 - np.abs(places[:, None] - np.arange(cells)), 0.0))


def _enlarging(maps: Maps, masks: Masks) -> tuple[Floats, Floats]:
    return enlargement(maps.shape[1], masks.shape[1]), enlargement(maps.shape[2], masks.shape[2])


def _at_centers(masks: Masks, maps: Maps) -> Masks:
    """Return the pixels of masks that the centers of a map's cells lie in, bool [N, h, w]."""
    rows, columns = (
        ((np.arange(cells) + 0.5) * size / cells).astype(np.int64)
        for cells, size in zip(maps.shape[1:], masks.shape[1:], strict=True)
    )
    return masks[:, rows[:, None], columns]


def _widened(masks: Masks) -> Masks:
    """Add to each finding what lies within the tolerance of it."""
    reach = TOLERANCE * masks.shape[1]
    return np.stack([distance_transform_edt(~mask) <= reach if mask.any() else mask for mask in masks])


def centered_gaussian(height: int, width: int) -> Floats:
    """Draw the map [1, h, w] of one who looks at the middle of every image."""
    down, across = (
        np.exp(-0.5 * (((np.arange(cells) + 0.5) / cells - 0.5) / GAUSSIAN_WIDTH) ** 2)
        for cells in (height, width)
    )
    return np.outer(down, across)[None]


class Located(NamedTuple):
    """One figure of merit of N images' maps, and what it is of maps that do not look at the image.

    Attributes:
        own: [N], each image's own map.
        even: [N], a map with the same heat everywhere: of the heat, the finding's share of the area.
        center: [N], a centered Gaussian.
        other: [N], the mean over maps of other patients' images; NaN where there is no other patient.
    """

    own: Floats
    even: Floats
    center: Floats
    other: Floats


def locate(maps: Maps, masks: Masks, patients: NDArray[np.int64]) -> dict[str, Located]:
    """Compute all `FIGURES` of N maps [N, h, w] of images with findings [N, S, S], none of them empty."""
    _, height, width = maps.shape
    others = patients[:, None] != patients[None]
    known = others.any(1)
    found = {}
    for name, figure in FIGURES.items():
        values = figure(maps, masks)
        other = (values * others).sum(1) / np.maximum(others.sum(1), 1)
        found[name] = Located(
            own=np.diagonal(values).copy(),
            even=figure(np.ones((1, height, width)), masks)[:, 0],
            center=figure(centered_gaussian(height, width), masks)[:, 0],
            other=np.where(known, other, np.nan),
        )
    return found


def mean_estimate(
    values: Floats, patients: NDArray[np.int64], rng: np.random.Generator, *, hits: bool = False
) -> Estimate:
    """Estimate a figure's mean over images, with its 95 % interval by patients.

    Args:
        values: float64 [N].
        patients: int [N].
        rng: of the resamples.
        hits: the values are hits, 1, and misses, 0, and their mean a proportion; a value between is from a
            map with several hottest cells, and with such the interval is the bootstrap's.
    """

    def mean(weights: Floats) -> dict[str, Floats]:
        return {"mean": weights @ values / weights.sum(1)}

    resampled = over_resamples(mean, patients, rng)["mean"]
    if hits and np.isin(values, (0.0, 1.0)).all():
        counted = np.ones(len(values), np.bool_)
        interval = proportion_interval(counted, values == 1.0, patients, resampled)
    else:
        interval = percentile_interval(resampled)
    return Estimate(float(values.mean()), interval)


def localization_report(
    located: dict[str, Located],
    patients: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Put the figures of some images into numbers for JSON.

    Args:
        located: of N images.
        patients: int [N].
        chosen: bool [N], one image or more.
        rng: of the resamples.

    Returns:
        `images`, `patients`, and by figure {value, low, high, method, even, center, other, above_chance}:
        the last tells whether the interval lies above an even map and above a centered Gaussian.
    """
    report: dict[str, Any] = {"images": int(chosen.sum()), "patients": len(np.unique(patients[chosen]))}
    for name, figure in located.items():
        of = Located(*(values[chosen] for values in figure))
        hits = name == "pointing_game"
        estimated = mean_estimate(of.own, patients[chosen], rng, hits=hits).as_json()
        even, center = float(of.even.mean()), float(of.center.mean())
        other = float(np.nanmean(of.other)) if not np.isnan(of.other).all() else None
        low = estimated["low"]
        above = isinstance(low, float) and low > max(even, center)
        report[name] = {**estimated, "even": even, "center": center, "other": other, "above_chance": above}
    return report


def judge_localization(report: dict[str, Any]) -> str:
    """Say whether the maps of a `localization_report` lie on the findings more than chance would have it."""
    pointing = report["pointing_game"]
    if not pointing["above_chance"]:
        return "the maps do not point into the findings more often than a map that does not look"
    if pointing["other"] is not None and pointing["low"] <= pointing["other"]:
        return (
            "the maps point into the findings more often than chance, but no more than maps of other "
            "patients do: the findings lie in one place"
        )
    return "the maps point into the findings more often than chance, and than maps of other patients do"
