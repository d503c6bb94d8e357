"""Similarity of saliency maps: rank correlation and largest difference."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Maps = NDArray[np.floating]
Floats = NDArray[np.float64]


def rank_correlation(maps: Maps, others: Maps) -> Floats:
    """Compute Spearman's rank correlation of maps [N, h, w] with others, image by image: float64 [N].

    Tied cells share their mean rank. The ranks of a constant map are undefined: the correlation is NaN where
    the first map is constant, for it shows nothing that could change, and 0 where only the other is.
    """
    first, second = (_centered_ranks(each) for each in (maps, others))
    norms = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    product = np.maximum(norms[0] * norms[1], 1e-12)
    return np.asarray(np.where(norms[0] > 0, (first * second).sum(1) / product, np.nan))


def between_patients(maps: Maps, patients: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Compute the rank correlation of each map with that of a random image of another patient: [N].

    It is the baseline: the similarity of maps of different images. NaN where there is no other patient.
    """
    others = patients[:, None] != patients[None]
    drawn = np.where(others, rng.random(others.shape), -1.0).argmax(1)
    return np.asarray(np.where(others.any(1), rank_correlation(maps, maps[drawn]), np.nan))


def largest_difference(maps: Maps, again: Maps) -> float:
    """Return the largest difference of two maps of an image, relative to the image's largest value.

    Two maps without positive values count as equal.
    """
    scale = np.maximum(maps.max((1, 2)), again.max((1, 2)))
    apart = np.abs(maps.astype(np.float64) - again).max((1, 2))
    return float(np.max(apart / np.where(scale > 0, scale, 1), initial=0.0))


def mean_of_known(values: Floats) -> float | None:
    """Return the mean of the values that are not NaN, None where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _centered_ranks(maps: Maps) -> Floats:
    cells = maps.reshape(len(maps), -1)
    ranks = np.asarray(rankdata(cells, axis=1), np.float64)
    return np.asarray(ranks - ranks.mean(1, keepdims=True))
