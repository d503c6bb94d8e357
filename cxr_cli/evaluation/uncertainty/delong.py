"""AUCs of several models on the same images, and how they vary together.

DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837, by midranks as Sun & Xu 2014, IEEE Signal Processing
Letters 21:1389; several images of one patient as Obuchowski 1997, Biometrics 53:567.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from cxr_cli.evaluation.metrics.confusion import Floats


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

    An image's placement is the share of the other class's images that it is rightly ranked against, ties
    half. Where each image is of its own patient the covariance is DeLong's; else the placements of a
    patient's images are summed first, for they vary together.

    Args:
        positive: bool [N].
        scores: [M, N], a row a model.
        patients: int [N].
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    unknown = np.full((len(scores), len(scores)), np.nan)
    if positives == 0 or negatives == 0:
        return Areas(unknown[0], unknown)
    ranks = rankdata(scores, axis=1)
    above = (ranks[:, positive] - rankdata(scores[:, positive], axis=1)) / negatives
    below = 1 - (ranks[:, ~positive] - rankdata(scores[:, ~positive], axis=1)) / positives
    values = above.mean(1)

    _, patient = np.unique(patients, return_inverse=True)
    count = int(patient.max()) + 1
    counts = (len(np.unique(patient[positive])), len(np.unique(patient[~positive])))
    if min(counts) < 2:
        return Areas(values, unknown)
    of_positives = _sum_by_patient((above - values[:, None]) / positives, patient[positive], count)
    of_negatives = _sum_by_patient((below - values[:, None]) / negatives, patient[~positive], count)
    across = of_positives @ of_negatives.T
    covariance = (
        _unbiased(counts[0]) * of_positives @ of_positives.T
        + _unbiased(counts[1]) * of_negatives @ of_negatives.T
        + _unbiased(count) * (across + across.T)
    )
    return Areas(values, covariance)


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
    half = norm.ppf(0.975) * error
    return AreaDifference(value, value - half, value + half, float(2 * norm.sf(abs(value) / error)))


def _sum_by_patient(deviations: Floats, patient: NDArray[np.int64], count: int) -> Floats:
    return np.stack([np.bincount(patient, row, minlength=count) for row in deviations])


def _unbiased(clusters: int) -> float:
    return clusters / (clusters - 1)
