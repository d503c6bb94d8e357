"""Confidence intervals, 95%, by patient: by formula where one holds, else by resampling patients.

The formulas share an idea. Of independent images the variance of a metric is known from its value, nearly:
of a proportion exactly, of an AUC by Newcombe's model. `n` images of the patients at hand are worth as many
independent ones as the variance between patients says. That variance is itself estimated, and badly so from a
few patients who decide; so its ratio to the known one is a mean of what is observed and of what it would be
if all images of a patient were copies of one, the latter having the weight of a fixed number of patients. How
often each interval holds the truth is measured by tests/benchmarks/coverage.py.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from cxr_cli.evaluation.metrics.confusion import Floats

LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))
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


def student_interval(value: float, error: float, patients: int) -> Interval:
    """Compute the interval of an estimate from its standard error by patient, with Student's quantile.

    Args:
        value, error: NaN where unknown.
        patients: of the rarer class.
    """
    if np.isnan(value + error) or error <= 0 or patients < 2:
        return UNKNOWN
    half = student_quantile(patients - 1) * error
    return Interval(float(value - half), float(value + half), "jackknife")


def wilson_interval(hits: float, trials: float) -> Interval:
    """Compute the score interval of a proportion (Wilson 1927); hits and trials need not be whole."""
    if trials == 0:
        return UNKNOWN
    share = hits / trials
    z2 = Z**2
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
    between patients and Student's quantile (Korn & Graubard 1998, Survey Methodology 24:193; Dean & Pagano
    2015, Journal of Survey Statistics and Methodology 3:484). Where all images are hits, or none, patients
    are the trials. Of one image a patient it is Wilson's own.

    Args:
        counted, hits: bool [N].
        patients: int [N], 0 or more.
    """
    images = np.bincount(patients[counted])
    right = np.bincount(patients[counted & hits], minlength=len(images))
    right, images = right[images > 0], images[images > 0]
    count, units = int(images.sum()), len(images)
    if units < 2:  # one patient says nothing of another
        return UNKNOWN
    share, each = float(right.sum() / count), count / units
    deciding = min(int((right > 0).sum()), int((right < images).sum()))
    if deciding == 0:
        return wilson_interval(share * units, units)
    clustered = 1 - 1 / each  # 0 where each patient has one image
    between = float(((right - share * images) ** 2).sum()) * (1 + clustered / (units - 1))
    ratio = _moderated(max(between / (count * share * (1 - share)), 1), deciding, each, 1.5)
    trials = count / ratio * (1 - clustered * (1 - (Z / student_quantile(units - 1)) ** 2))
    return wilson_interval(share * trials, trials)


def area_interval(
    value: float, variance: float, patients: tuple[int, int], images: tuple[int, int] | None = None
) -> Interval:
    """Compute the interval of an AUC from its DeLong variance.

    Newcombe's method 5 (2006, Statistics in Medicine 25:559), whose variance is Hanley and McNeil's at the
    limit, not at the estimate; here it is that in the ratio which DeLong's variance has to it at the
    estimate, moderated towards 1 by the weight of 20 patients. So it is Newcombe's of few patients, and of
    many DeLong's. An AUC of 1 or 0 has no variance: as many pairs of a positive and a negative patient as can
    be made without using one twice are independent trials, all won or all lost, and Wilson's interval is
    theirs.

    Args:
        value: the AUC, NaN where undefined.
        variance: of it, NaN where unknown.
        patients: with a positive image, and with a negative one.
        images: positive and negative ones; None for one a patient.
    """
    rarer = min(patients)
    if np.isnan(value) or rarer < 2:  # one patient says nothing of another
        return UNKNOWN
    if value in (0.0, 1.0):
        return wilson_interval(int(value) * rarer, rarer)
    positives, negatives = images or patients
    each = (positives + negatives) / sum(patients)

    def known(area: float) -> float:
        mean = (positives + negatives) / 2 - 1
        pairs = 1 + mean * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * pairs / (positives * negatives)

    observed = variance / known(value) * (student_quantile(rarer - 1) / Z) ** 2
    ratio = _moderated(observed, rarer - 1, each, 20)

    def beyond(area: float) -> float:
        return (area - value) ** 2 - Z**2 * ratio * known(area)

    # The variance is 0 at the ends, so that a limit lies between the value and each of them.
    low, high = brentq(beyond, 0, value), brentq(beyond, value, 1)
    return Interval(float(low), float(high), "delong")


def average_precision_interval(
    value: float, variance: float, bias: float, positives: int, patients: int
) -> Interval:
    """Compute the interval of an average precision, as of a proportion of the positive images.

    The binomial variance is that of Boyd, Eng & Page 2013 (ECML PKDD, LNCS 8190:451). It is centered below
    the value: each positive image counts itself among those that are called at its score.

    Args:
        value: NaN where undefined.
        variance: by patient.
        bias: see `average_precision_influence`.
        positives: images.
        patients: with a positive image.
    """
    if np.isnan(value) or patients < 2:  # one patient says nothing of another
        return UNKNOWN
    each = positives / patients
    ratio = each
    if 0 < value < 1:
        observed = variance / (value * (1 - value) / positives) * (student_quantile(patients - 1) / Z) ** 2
        ratio = _moderated(observed, patients - 1, each, 10)
    center = max(value - bias, 0.0)
    low, high, _ = wilson_interval(center * positives / ratio, positives / ratio)
    return Interval(min(low, value), max(high, value), "wilson")


def bounded_mean_interval(errors: NDArray[np.floating], patients: NDArray[np.int64]) -> Interval:
    """Compute the interval of a mean of numbers of 0 ... 1, such as squared errors of probabilities.

    As of a proportion, whose variance is the largest that such numbers have. A few large errors decide over
    the mean; those that decide are counted by Kish's effective number.

    Args:
        errors: [N], 0 ... 1.
        patients: int [N], 0 or more.
    """
    images = np.bincount(patients)
    summed = np.bincount(patients, errors)[images > 0]
    images = images[images > 0]
    count, units = int(images.sum()), len(images)
    if units < 2:  # one patient says nothing of another
        return UNKNOWN
    value, each = float(summed.sum() / count), count / units
    ratio = each
    if 0 < value < 1:
        between = float(((summed - value * images) ** 2).sum()) * units / (units - 1)
        observed = between / (count * value * (1 - value)) * (student_quantile(units - 1) / Z) ** 2
        deciding = float(summed.sum() ** 2 / (summed**2).sum())
        ratio = _moderated(observed, deciding, each, 3)
    return wilson_interval(value * count / ratio, count / ratio)


def _moderated(observed: float, patients: float, images_each: float, weight: float) -> float:
    """Average a ratio of variances observed in patients with that of images that are copies."""
    return (patients * observed + weight * images_each) / (patients + weight)


def student_quantile(degrees: int) -> float:
    """Return how many standard errors an interval reaches to each side, of so few degrees of freedom."""
    return float(student.ppf((1 + LEVEL) / 2, degrees))
