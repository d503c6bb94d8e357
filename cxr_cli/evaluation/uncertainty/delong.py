"""AUCs of several models on the same images, and how they vary together.

DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; several images of one patient as Obuchowski 1997,
Biometrics 53:567.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.influence import area_influence
from cxr_cli.evaluation.uncertainty.intervals import Z


class Areas(NamedTuple):
    """AUCs [M] and their covariance [M, M]; NaN where a class has images of fewer than two patients."""

    values: Floats
    covariance: Floats


class AreaDifference(NamedTuple):
    """The second AUC minus the first, its 95% limits, and a two-sided p value; NaN where unknown."""

    value: float
    low: float
    high: float
    p: float


def areas(positive: NDArray[np.bool_], scores: NDArray[np.floating], patients: NDArray[np.int64]) -> Areas:
    """Compute the AUC of each model, and the covariance of these AUCs over samples of patients.

    Where each image is of its own patient the covariance is DeLong's; else the placements of a patient's
    images are summed first, for they vary together.

    Args:
        positive: bool [N].
        scores: [M, N], a row a model.
        patients: int [N].
    """
    values, influences = area_influence(positive, scores)
    return Areas(values, area_covariance(positive, influences, patients))


def area_covariance(positive: NDArray[np.bool_], influences: Floats, patients: NDArray[np.int64]) -> Floats:
    """Compute the covariance [M, M] of AUCs from what each image adds to them [M, N]; see `areas`."""
    sides = [np.bincount(patients, of_class) for of_class in (positive, ~positive)]
    counts = [int((side > 0).sum()) for side in sides]
    if min(counts) < 2:
        return np.full((len(influences), len(influences)), np.nan)
    of_positives, of_negatives = (
        np.stack([np.bincount(patients, row * of_class) for row in influences])
        for of_class in (positive, ~positive)
    )
    across = of_positives @ of_negatives.T
    both = int(((sides[0] > 0) | (sides[1] > 0)).sum())
    return np.asarray(
        _unbiased(counts[0]) * of_positives @ of_positives.T
        + _unbiased(counts[1]) * of_negatives @ of_negatives.T
        + _unbiased(both) * (across + across.T)
    )


def compare_areas(
    positive: NDArray[np.bool_],
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    patients: NDArray[np.int64],
) -> AreaDifference:
    """Compare the AUCs of two models on the same images; p is 1 where no placement differs.

    Args:
        positive: bool [N].
        first, second: [N], their scores.
        patients: int [N].
    """
    values, covariance = areas(positive, np.stack([first, second]), patients)
    value = float(values[1] - values[0])
    error = float(np.sqrt(np.maximum(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0)))
    if error < 1e-9:  # the same ranks, but for rounding
        return AreaDifference(value, np.nan, np.nan, 1.0 if abs(value) < 1e-9 else np.nan)
    half = Z * error
    return AreaDifference(value, value - half, value + half, float(2 * norm.sf(abs(value) / error)))


def _unbiased(clusters: int) -> float:
    return clusters / (clusters - 1)
