"""Confidence intervals by resampling patients."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_cli.evaluation.metrics import Floats

LEVEL = 0.95
RESAMPLES = 2000


def patient_weights(
    patients: NDArray[np.int64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """Draw patients with replacement, and count how often each film came in.

    Films of one patient are alike, so patients, not films, are the unit (Efron & Tibshirani 1993, ch. 8).

    Args:
        patients: int [N], any numbers; equal means the same patient.
        rng: the draw.
        resamples: how many, R.

    Returns:
        float64 [R, N], whole numbers; films of one patient have the same.
    """
    _, patient = np.unique(patients, return_inverse=True)
    count = int(patient.max()) + 1
    drawn = rng.integers(0, count, (resamples, count)) + count * np.arange(resamples)[:, None]
    times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
    return times[:, patient].astype(np.float64)


def resampled_confusions(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Floats:
    """Draw patients with replacement and count confusion matrices.

    Films of one patient are alike, so patients, not films, are the unit (Efron & Tibshirani 1993, ch. 8).

    Args:
        labels, predicted: int [N], class numbers.
        patients: int [N], any numbers; equal means the same patient.
        classes: number of classes.
        rng: the draw.
        resamples: how many.

    Returns:
        float64 [resamples, classes, classes].
    """
    _, patient = np.unique(patients, return_inverse=True)
    count = int(patient.max()) + 1
    per_patient = np.zeros((count, classes * classes))
    np.add.at(per_patient, (patient, labels * classes + predicted), 1.0)
    times_drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return (times_drawn @ per_patient).reshape(resamples, classes, classes)


def percentile_interval(figure: Callable[[ArrayLike], Floats], confusions: Floats) -> tuple[Floats, Floats]:
    """Take the middle 95 % of a figure over resampled confusion matrices [R, C, C].

    Resamples in which the figure is undefined are left out.

    Returns:
        Lower and upper limits, each shaped like the figure of one matrix; NaN where it never is defined.
    """
    values = figure(confusions)
    defined = ~np.isnan(values).all(0)
    limits = np.full((2, *values.shape[1:]), np.nan)
    tail = (1 - LEVEL) / 2
    limits[:, defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0)
    return limits[0], limits[1]
