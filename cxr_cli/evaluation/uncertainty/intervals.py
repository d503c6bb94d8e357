"""Confidence intervals, 95%: by resampling patients, and by formula where one holds better."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest, norm

from cxr_cli.evaluation.metrics.confusion import Floats

LEVEL = 0.95
RESAMPLES = 2000
# Weights held at once: 32 MiB, however many images and resamples there are.
IMAGES_AT_ONCE = 1 << 22


class Interval(NamedTuple):
    """Lower and upper limit, NaN where there is none, and the method, in a word."""

    low: float
    high: float
    method: str


def none_for_nan(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Make plain numbers for JSON, None where one is NaN."""
    return {name: None if np.isnan(number) else float(number) for name, number in numbers.items()}


UNKNOWN = Interval(np.nan, np.nan, "none")


def patient_weights(
    patients: NDArray[np.int64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """Sample patients with replacement, and count how often each image is in the sample.

    Images of one patient are alike, so patients, not images, are the unit (Efron & Tibshirani 1993, ch. 8).

    Args:
        patients: int [N], any numbers; equal means the same patient.
        rng: samples patients.
        resamples: how many, R.

    Returns:
        float64 [R, N], whole numbers; images of one patient have the same.
    """
    _, patient = np.unique(patients, return_inverse=True)
    count = int(patient.max()) + 1
    sampled = rng.integers(0, count, (resamples, count)) + count * np.arange(resamples)[:, None]
    times = np.bincount(sampled.ravel(), minlength=resamples * count).reshape(resamples, count)
    return times[:, patient].astype(np.float64)


def over_resamples(
    metrics: Callable[[Floats], dict[str, Floats]],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> dict[str, Floats]:
    """Compute metrics over resampled patients, as many resamples at a time as `IMAGES_AT_ONCE` allows.

    Args:
        metrics: maps weights [r, N] to metrics [r, ...] by name.
        patients, rng, resamples: as `patient_weights`.

    Returns:
        The metrics, [resamples, ...].
    """
    parts = [
        metrics(patient_weights(patients, rng, size)) for size in weight_chunks(len(patients), resamples)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def weight_chunks(images: int, resamples: int) -> Iterator[int]:
    """Divide a number of resamples into chunks that `IMAGES_AT_ONCE` allows."""
    most = max(IMAGES_AT_ONCE // max(images, 1), 1)
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def percentile_interval(values: Floats) -> Interval:
    """Take the middle 95% of a metric over resamples [R]; those in which it is undefined are left out.

    Where all resamples give the same there is no interval: they say nothing of other patients.
    """
    known = values[~np.isnan(values)]
    if known.size == 0 or np.ptp(known) < 1e-12:
        return UNKNOWN
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high), "bootstrap")


def normal_interval(value: float, error: float) -> Interval:
    """Compute the interval of an estimate that is normally distributed, from its standard error."""
    if np.isnan(value + error) or error <= 0:
        return UNKNOWN
    half = norm.ppf((1 + LEVEL) / 2) * error
    return Interval(float(value - half), float(value + half), "sandwich")


def wilson_interval(hits: int, trials: int) -> Interval:
    """Compute the score interval of a proportion from independent trials (Wilson 1927)."""
    if trials == 0:
        return UNKNOWN
    low, high = binomtest(hits, trials).proportion_ci(LEVEL, method="wilson")
    return Interval(float(low), float(high), "wilson")


def proportion_interval(
    counted: NDArray[np.bool_], hits: NDArray[np.bool_], patients: NDArray[np.int64], resampled: Floats
) -> Interval:
    """Choose the interval of a proportion: hits among the images that are counted.

    Wilson's, where each image of the test is of its own patient. Else the bootstrap over patients; but where
    all images are hits, or none, it has no width, and Wilson's is taken with patients as trials.

    Args:
        counted, hits: bool [N].
        patients: int [N].
        resampled: [R], the proportion over resampled patients.
    """
    trials = int(counted.sum())
    won = int((hits & counted).sum())
    if len(np.unique(patients)) == len(patients):
        return wilson_interval(won, trials)
    if won in (0, trials):
        units = len(np.unique(patients[counted]))
        return wilson_interval(units if won else 0, units)
    return percentile_interval(resampled)


def area_interval(value: float, variance: float, pairs: int) -> Interval:
    """Compute the interval of an AUC from its DeLong variance, on the scale of log odds.

    There it covers small samples and areas near 1 better than the percentile bootstrap does, and stays within
    0 ... 1 (measured by tests/benchmarks/coverage.py). An AUC of 1 or 0 has no variance: as many pairs of a
    positive and a negative patient as can be made without using one twice are independent trials, all won or
    all lost, and Wilson's interval is theirs.

    Args:
        value: the AUC, NaN where undefined.
        variance: of it, NaN where unknown.
        pairs: patients with a positive image, or with a negative one, whichever are fewer.
    """
    if np.isnan(value) or pairs == 0:
        return UNKNOWN
    if value in (0.0, 1.0):
        return wilson_interval(int(value) * pairs, pairs)
    if np.isnan(variance) or variance <= 0:
        return UNKNOWN
    half = norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance) / (value * (1 - value))
    return Interval(float(expit(logit(value) - half)), float(expit(logit(value) + half)), "delong")
