"""Two models on the same images: differences of their metrics."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import Metric, computable, compute_metrics, shown
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.subgroups.permutation import AT_ONCE
from cxr_cli.evaluation.uncertainty.delong import compare_areas
from cxr_cli.evaluation.uncertainty.estimates import Estimator
from cxr_cli.evaluation.uncertainty.intervals import (
    UNKNOWN,
    Interval,
    Z,
    student_quantile,
    weight_chunks,
)
from cxr_cli.evaluation.uncertainty.mover import correlations, difference_interval


def paired_differences(first: Answers, second: Answers) -> dict[str, Difference]:
    """Compute the second model's metrics minus the first's.

    The interval is made from those of both models and how they vary together over patients; of the AUC it is
    DeLong's, as is its p value; of shares of images see `paired_share_interval` and `swapping_p`. Precision,
    F1 and macro metrics have an interval and no p.

    Args:
        first, second: of the same images, in the same order.
    """
    patients, numbers = np.unique(first.patients, return_inverse=True)
    models = [Estimator(replace(of, patients=numbers)) for of in (second, first)]
    differences = {}
    for label, (name, number) in _compared(first, second).items():
        values = [of.estimate(name, number) for of in models]
        value = values[0].value - values[1].value
        interval = UNKNOWN
        if not np.isnan(value):
            together = correlations([of.influence(name, number, len(patients)) for of in models])[0, 1]
            interval = difference_interval(
                (values[0].value, values[1].value), (values[0].interval, values[1].interval), float(together)
            )
        caution = "" if interval is UNKNOWN else values[0].caution or values[1].caution
        differences[label] = Difference(value, interval, np.nan, caution=caution)
    counted = {"accuracy": np.ones(len(first), bool)}
    if first.positive is not None:
        of_class = first.labels == first.positive
        counted |= {"sensitivity": of_class, "specificity": ~of_class}
        if first.scores is not None and second.scores is not None:
            both = first.scores[:, first.positive], second.scores[:, first.positive]
            area = compare_areas(of_class, *both, first.patients)
            limits = UNKNOWN if np.isnan(area.low) else Interval(area.low, area.high, "delong")
            differences["auc"] = Difference(area.value, limits, area.p)
    gained = (second.predicted == second.labels).astype(np.int64) - (first.predicted == first.labels)
    for name, images in counted.items():
        p = swapping_p(gained[images], first.patients[images])
        interval = paired_share_interval(gained[images], first.patients[images])
        differences[name] = Difference(differences[name].value, interval, p)
    return differences


def _metrics(positive: int | None) -> list[Metric]:
    """List the metrics by which models are compared."""
    return shown("comparison of classes" if positive is None else "comparison of a finding")


def _compared(first: Answers, second: Answers) -> dict[str, tuple[str, int | None]]:
    """Name the metrics by which models are compared, that both have: each with its class's number."""
    positive = first.positive
    rows = computable(second, computable(first, _metrics(positive)))
    of_class: dict[str, tuple[str, int | None]] = {
        row.name: (row.name, positive) for row in rows if row.of == "class" and positive is not None
    }
    return of_class | {row.name: (row.name, None) for row in rows if row.of == "all"}


def paired_share_interval(gained: NDArray[np.int64], patients: NDArray[np.int64]) -> Interval:
    """Compute the interval of the difference of two models' shares of images that are right.

    Wald's with two pairs added (Agresti & Min 2005, Statistics in Medicine 24:729). Where patients have
    several images, with the variance between patients, and Student's quantile. It covers small samples better
    than the percentile bootstrap does (tests/benchmarks/coverage.py).

    Args:
        gained: int [N], 1 where the second alone is right, -1 where the first alone is.
        patients: int [N].
    """
    names, patient = np.unique(patients, return_inverse=True)
    if len(names) < 2:
        return UNKNOWN
    # Of the two added pairs a quarter each is in the cells of both right, both wrong, and one right alone.
    images = len(gained) + 2
    mean = float(gained.sum() / images)
    of_patients = np.bincount(patient, gained - mean)
    squares = float((of_patients**2).sum()) * len(names) / (len(names) - 1)
    added = 0.5 * (1 - mean) ** 2 + 0.5 * (1 + mean) ** 2 + mean**2
    quantile = Z if len(names) == len(gained) else student_quantile(len(names) - 1)
    half = quantile * np.sqrt(squares + added) / images
    return Interval(max(mean - half, -1.0), min(mean + half, 1.0), "agresti-min")


def swapping_p(gained: NDArray[np.int64], patients: NDArray[np.int64]) -> float:
    """Compute the exact p value of two models being right equally often.

    If they are, either might as well have given the other's answers on a patient's images. Where every image
    is of its own patient that is McNemar's exact test.

    Args:
        gained: int [N], 1 where the second alone is right, -1 where the first alone is.
        patients: int [N].
    """
    if len(gained) == 0:
        return np.nan
    _, patient = np.unique(patients, return_inverse=True)
    sizes, numbers = np.unique(np.abs(np.bincount(patient, gained)), return_counts=True)
    most = int(sizes @ numbers)
    # The chance of each sum of totals, each with either sign: their characteristic functions are cosines.
    length = 2 * most + 1
    angles = 2 * np.pi / length * np.arange(most + 1)
    spectrum = np.ones(most + 1)
    for size, number in zip(sizes, numbers, strict=True):
        spectrum *= np.cos(size * angles) ** number
    chances = np.fft.irfft(spectrum, length)
    sums = np.minimum(np.arange(length), length - np.arange(length))
    return float(np.clip(chances[sums >= abs(int(gained.sum()))].sum(), 0.0, 1.0))


def swapped_differences(
    first: Answers, second: Answers, rng: np.random.Generator
) -> Iterator[dict[str, Floats]]:
    """Sample the differences that there would be if the models' predictions were exchangeable, without end.

    Predictions are swapped at random, patient by patient; the same generator swaps alike whichever model is
    first. Scores are replaced by their ranks within each
    model, for a metric of ranks must not depend on the scale of a model's scores.

    Args:
        first, second: of the same images, in the same order.
        rng: of the swaps.

    Yields:
        Differences [R] by metric.
    """
    both = Answers(
        classes=first.classes,
        labels=np.tile(first.labels, 2),
        predicted=np.concatenate([first.predicted, second.predicted]),
        patients=np.tile(first.patients, 2),
        scores=None
        if first.scores is None or second.scores is None
        else np.concatenate([rankdata(of.scores, axis=0) for of in (first, second)]),
        positive=first.positive,
    )
    patient, names = pd.factorize(first.patients)
    size = min(AT_ONCE, next(weight_chunks(len(both), AT_ONCE)))
    while True:
        swap = rng.integers(0, 2, (size, len(names))).astype(np.float64)[:, patient]
        of_first, of_second = (
            _comparable(both, np.concatenate(weights, axis=1))
            for weights in ((1 - swap, swap), (swap, 1 - swap))
        )
        yield {name: of_second[name] - of_first[name] for name in of_first}


def _comparable(answers: Answers, weights: Floats) -> dict[str, Floats]:
    """Compute the metrics [R] by which models are compared."""
    positive = answers.positive
    overall, per_class = compute_metrics(answers, weights, _metrics(positive))
    return ({} if positive is None else {name: of[:, positive] for name, of in per_class.items()}) | overall
