"""How alike maps of heat are, by the ranks of their cells."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Maps = NDArray[np.floating]
Floats = NDArray[np.float64]

UNCHANGED = 0.9
"""Rank correlation from which on a map is the same map."""
ALIKE = 0.5
"""Rank correlation from which on a map is much the same."""


def rank_correlation(maps: Maps, others: Maps) -> Floats:
    """Compute Spearman's rank correlation of maps [N, h, w] with others, image by image: float64 [N].

    Cells of equal heat share their mean rank. A map of one value everywhere has no ranks: NaN where it is
    the first, for it shows nothing that could change, and 0 where it is the other alone.
    """
    first, second = (_centered_ranks(each) for each in (maps, others))
    norms = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    product = np.maximum(norms[0] * norms[1], 1e-12)
    return np.asarray(np.where(norms[0] > 0, (first * second).sum(1) / product, np.nan))


def between_images(maps: Maps, patients: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Compute the rank correlation of each map with that of another patient's image, drawn at random: [N].

    This much maps are alike that explain different images. NaN where there is no other patient.
    """
    others = patients[:, None] != patients[None]
    drawn = np.where(others, rng.random(others.shape), -1.0).argmax(1)
    return np.asarray(np.where(others.any(1), rank_correlation(maps, maps[drawn]), np.nan))


def largest_difference(maps: Maps, again: Maps) -> float:
    """Return the largest difference of two maps of an image, as a share of the image's largest heat.

    Images without heat in both count as equal.
    """
    scale = np.maximum(maps.max((1, 2)), again.max((1, 2)))
    apart = np.abs(maps.astype(np.float64) - again).max((1, 2))
    return float(np.max(apart / np.where(scale > 0, scale, 1), initial=0.0))


def mean_of_known(values: Floats) -> float | None:
    """Return the mean of the values that are not NaN, None where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def judge_forgetting(correlations: NDArray[np.floating]) -> str:
    """Judge maps by how much they are like those of models that have forgotten.

    Args:
        correlations: [stages, draws, images], NaN where an image's map has no ranks; in every stage the head
            at least is drawn anew.
    """
    means = [mean for stage in correlations if (mean := mean_of_known(stage)) is not None]
    if not means:
        return "no explanation: the maps are flat, or without heat"
    closest = max(means)
    if closest >= UNCHANGED:
        return "no explanation: the maps stay as they are when the model forgets what it has learnt"
    if closest >= ALIKE:
        return "weak: much of the maps is there without what the model has learnt"
    return "sound: the maps change when the model forgets what it has learnt"


def _centered_ranks(maps: Maps) -> Floats:
    cells = maps.reshape(len(maps), -1)
    ranks = np.asarray(rankdata(cells, axis=1), np.float64)
    return np.asarray(ranks - ranks.mean(1, keepdims=True))
