"""Two models on the same images: differences of their metrics."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, rankdata
from scipy.stats import t as student

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import compute_metrics, shown
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.uncertainty.delong import compare_areas
from cxr_cli.evaluation.uncertainty.intervals import (
    LEVEL,
    RESAMPLES,
    UNKNOWN,
    Interval,
    over_resamples,
    percentile_interval,
    weight_chunks,
)


def paired_differences(
    first: Answers, second: Answers, rng: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Difference]:
    """Compute the second model's metrics minus the first's.

    Intervals are percentiles of the bootstrap over patients, both models on the same ones; of the AUC
    DeLong's, as is its p value; of shares of images see `paired_share_interval`. Of shares p is McNemar's
    exact one, or `swapping_p` where patients have several images. Precision, F1 and macro metrics have an
    interval and no p.

    Args:
        first, second: of the same images, in the same order.
        rng: draws patients, and swaps.
        resamples: of each.
    """
    values = _minus(first, second, np.ones((1, len(first))))
    resampled = over_resamples(lambda weights: _minus(first, second, weights), first.patients, rng, resamples)
    differences = {
        name: Difference(float(value[0]), percentile_interval(resampled[name]), np.nan)
        for name, value in values.items()
    }
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
        p = swapping_p(gained[images], first.patients[images], rng, resamples)
        interval = paired_share_interval(gained[images], first.patients[images])
        differences[name] = Difference(differences[name].value, interval, p)
    return differences


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
    tail = (1 + LEVEL) / 2
    quantile = norm.ppf(tail) if len(names) == len(gained) else student.ppf(tail, len(names) - 1)
    half = quantile * np.sqrt(squares + added) / images
    return Interval(max(mean - half, -1.0), min(mean + half, 1.0), "agresti-min")


def swapping_p(
    gained: NDArray[np.int64], patients: NDArray[np.int64], rng: np.random.Generator, resamples: int
) -> float:
    """Compute the p value of two models being right equally often.

    If they are, either might as well have given the other's answers on a patient's images. Where every image
    is of its own patient that is McNemar's exact test; else answers are swapped at random, patient by
    patient.

    Args:
        gained: int [N], 1 where the second alone is right, -1 where the first alone is.
        patients: int [N].
        rng, resamples: of the swaps.
    """
    if len(gained) == 0:
        return np.nan
    names, patient = np.unique(patients, return_inverse=True)
    if len(names) == len(patients):
        discordant = int((gained != 0).sum())
        return float(binomtest(int((gained > 0).sum()), discordant).pvalue) if discordant else 1.0
    totals = np.bincount(patient, gained)
    totals = totals[totals != 0]
    swapped = np.concatenate(
        [
            np.abs((2 * rng.integers(0, 2, (size, len(totals))) - 1) @ totals)
            for size in weight_chunks(len(totals), resamples)
        ]
    )
    return float((1 + (swapped >= abs(totals.sum()) - 1e-9).sum()) / (1 + resamples))


def swapped_differences(
    first: Answers, second: Answers, rng: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Floats]:
    """Compute the differences [R] that there would be if the models' predictions were exchangeable.

    Predictions are swapped at random, patient by patient. Scores are replaced by their ranks within each
    model, for a metric of ranks must not depend on the scale of a model's scores.

    Args:
        first, second: of the same images, in the same order.
        rng, resamples: of the swaps.
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
    names, patient = np.unique(first.patients, return_inverse=True)
    parts = []
    for size in weight_chunks(len(both), resamples):
        swap = rng.integers(0, 2, (size, len(names))).astype(np.float64)[:, patient]
        of_first, of_second = (
            _comparable(both, np.concatenate(weights, axis=1))
            for weights in ((1 - swap, swap), (swap, 1 - swap))
        )
        parts.append({name: of_second[name] - of_first[name] for name in of_first})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _minus(first: Answers, second: Answers, weights: Floats) -> dict[str, Floats]:
    """Compute the second model's metrics minus the first's under each weighting."""
    of_first, of_second = _comparable(first, weights), _comparable(second, weights)
    return {name: of_second[name] - values for name, values in of_first.items() if name in of_second}


def _comparable(answers: Answers, weights: Floats) -> dict[str, Floats]:
    """Compute the metrics [R] by which models are compared."""
    positive = answers.positive
    place = shown("comparison of classes" if positive is None else "comparison of a finding")
    overall, per_class = compute_metrics(answers, weights, place)
    return ({} if positive is None else {name: of[:, positive] for name, of in per_class.items()}) | overall
