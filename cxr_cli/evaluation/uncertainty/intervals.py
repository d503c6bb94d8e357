"""Confidence intervals, 95%: by resampling patients, and by formula where one holds better."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

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


def wilson_interval(hits: float, trials: float) -> Interval:
    """Compute the score interval of a proportion (Wilson 1927); hits and trials need not be whole."""
    if trials == 0:
        return UNKNOWN
    share = hits / trials
    z2 = float(norm.ppf((1 + LEVEL) / 2)) ** 2
    center = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(z2 * share * (1 - share) / trials + z2**2 / (4 * trials**2)) / (1 + z2 / trials)
    # Exactly 0 and 1 where they are, whatever rounding says.
    low = 0.0 if share == 0 else float(center - half)
    high = 1.0 if share == 1 else float(center + half)
    return Interval(low, high, "wilson")


def proportion_interval(
    counted: NDArray[np.bool_], hits: NDArray[np.bool_], patients: NDArray[np.int64]
) -> Interval:
    """Compute the interval of a proportion by patient: hits among the images that are counted.

    Wilson's, of as many independent images as the images of these patients are worth, by the variance
    between patients (Korn & Graubard 1998, Survey Methodology 24:193; Dean & Pagano 2015, Journal of Survey
    Statistics and Methodology 3:484). Where all images are hits, or none, patients are the trials. It covers
    what it claims where the bootstrap over patients does not (tests/benchmarks/coverage.py).

    Args:
        counted, hits: bool [N].
        patients: int [N].
    """
    of_counted, names = hits[counted], patients[counted]
    images, units = len(of_counted), len(np.unique(names))
    if images == 0:
        return UNKNOWN
    share = float(of_counted.mean())
    if units == images:
        return wilson_interval(float(of_counted.sum()), images)
    if share in (0.0, 1.0) or units == 1:
        return wilson_interval(share * units, units)
    _, patient = np.unique(names, return_inverse=True)
    of_patients = np.bincount(patient, of_counted - share)
    variance = float((of_patients**2).sum()) * units / (units - 1) / images**2
    effective = share * (1 - share) / variance if variance > 0 else np.inf
    shrunk = (norm.ppf((1 + LEVEL) / 2) / student.ppf((1 + LEVEL) / 2, units - 1)) ** 2
    trials = float(min(effective, images) * shrunk)
    return wilson_interval(share * trials, trials)


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
