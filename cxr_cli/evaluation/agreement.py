"""Agreement between readers beyond chance: Cohen's and Fleiss' kappa with intervals."""

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.confusion import Floats, ratio
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import (
    RESAMPLES,
    UNKNOWN,
    Interval,
    Z,
    over_resamples,
    percentile_interval,
)


def cohen_kappa(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    classes: int,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Estimate the agreement of two readers (Cohen 1960).

    The interval is that of Fleiss, Cohen & Everitt 1969 where each image is of its own patient, else the
    bootstrap over patients.

    Args:
        first, second: int [N], the class each reader gave each image.
        classes: how many there are.
        patients: int [N].
        rng, resamples: of patients.

    Returns:
        Kappa; NaN where chance alone gives full agreement, as with one class.
    """
    table = np.zeros((len(first), classes * classes))
    table[np.arange(len(first)), first * classes + second] = 1

    def kappa(weights: Floats) -> Floats:
        shares = (weights @ table).reshape(len(weights), classes, classes) / weights.sum(1)[:, None, None]
        by_chance = (shares.sum(2) * shares.sum(1)).sum(1)
        return ratio(np.trace(shares, axis1=1, axis2=2) - by_chance, 1 - by_chance)

    value = float(kappa(np.ones((1, len(first))))[0])
    if len(np.unique(patients)) == len(patients):
        return Estimate(value, _asymptotic(value, table.mean(0).reshape(classes, classes), len(first)))
    resampled = over_resamples(lambda weights: {"kappa": kappa(weights)}, patients, rng, resamples)
    return Estimate(value, percentile_interval(resampled["kappa"]))


def _asymptotic(value: float, shares: Floats, images: int) -> Interval:
    """Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72:323, equation 13."""
    if np.isnan(value):
        return UNKNOWN
    first, second = shares.sum(1), shares.sum(0)
    agreed, chance = np.trace(shares), first @ second
    on_diagonal = np.diag(shares) @ ((1 - chance) - (first + second) * (1 - agreed)) ** 2
    everywhere = (shares * (second[:, None] + first[None, :]) ** 2).sum()
    off_diagonal = everywhere - np.diag(shares) @ (first + second) ** 2
    variance = (
        on_diagonal + (1 - agreed) ** 2 * off_diagonal - (agreed * chance - 2 * chance + agreed) ** 2
    ) / (images * (1 - chance) ** 4)
    half = Z * np.sqrt(max(variance, 0))
    return Interval(value - half, min(value + half, 1.0), "asymptotic") if half > 0 else UNKNOWN


def fleiss_kappa(
    calls: NDArray[np.int64],
    classes: int,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Estimate the agreement of several readers who each read every image (Fleiss 1971).

    Args:
        calls: int [N, R], the class each of R readers gave each image; R is 2 or more.
        classes: how many there are.
        patients: int [N].
        rng, resamples: of patients, for the bootstrap interval.
    """
    readers = calls.shape[1]
    counts = np.stack([(calls == number).sum(1) for number in range(classes)], axis=1).astype(np.float64)
    agreed = ((counts**2).sum(1) - readers) / (readers * (readers - 1))

    def kappa(weights: Floats) -> Floats:
        images = weights.sum(1)
        by_chance = ((weights @ counts / (images * readers)[:, None]) ** 2).sum(1)
        return ratio(weights @ agreed / images - by_chance, 1 - by_chance)

    resampled = over_resamples(lambda weights: {"kappa": kappa(weights)}, patients, rng, resamples)
    return Estimate(float(kappa(np.ones((1, len(calls))))[0]), percentile_interval(resampled["kappa"]))
