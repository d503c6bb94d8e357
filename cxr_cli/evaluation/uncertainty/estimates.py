"""Every figure of a test with its interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers, figures
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.uncertainty.delong import areas
from cxr_cli.evaluation.uncertainty.intervals import (
    RESAMPLES,
    UNKNOWN,
    Interval,
    area_interval,
    none_for_nan,
    over_resamples,
    percentile_interval,
    proportion_interval,
)

Mask = NDArray[np.bool_]

# What is counted, and which of it are hits, by a class's images and the images called so.
PROPORTIONS: dict[str, Callable[[Mask, Mask], tuple[Mask, Mask]]] = {
    "sensitivity": lambda of_class, called: (of_class, called),
    "specificity": lambda of_class, called: (~of_class, ~called),
    "precision": lambda of_class, called: (called, of_class),
}


@dataclass(frozen=True)
class Estimate:
    """A figure, NaN where it is undefined, and its interval."""

    value: float
    interval: Interval

    def as_json(self) -> dict[str, float | str | None]:
        """Value, low, high (None where unknown) and the method of the interval."""
        numbers = {"value": self.value, "low": self.interval.low, "high": self.interval.high}
        return {**none_for_nan(numbers), "method": self.interval.method}


@dataclass(frozen=True)
class Estimates:
    """Figures of all images by name, and of each class by name and class number."""

    overall: dict[str, Estimate]
    per_class: dict[str, list[Estimate]]


def estimate(answers: Answers, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimates:
    """Compute every figure with its 95 % interval.

    Proportions have intervals as `proportion_interval` chooses them, AUCs as `area_interval`, all other
    figures the middle of the bootstrap over patients. The calibration error has none: resamples of it are far
    too high, for it grows with every image that counts twice.

    Args:
        answers: of one image or more.
        rng: draws patients.
        resamples: of patients.
    """
    overall, per_class = figures(answers, np.ones((1, len(answers))))
    resampled = over_resamples(lambda weights: _both(answers, weights), answers.patients, rng, resamples)
    correct = answers.labels == answers.predicted
    of_all = {name: percentile_interval(resampled[name]) for name in overall}
    of_all["accuracy"] = proportion_interval(
        np.ones_like(correct), correct, answers.patients, resampled["accuracy"]
    )
    if "calibration_error" in of_all:
        of_all["calibration_error"] = UNKNOWN
    return Estimates(
        {name: Estimate(float(values[0]), of_all[name]) for name, values in overall.items()},
        {
            name: [
                Estimate(float(values[0, number]), _class_interval(answers, name, number, resampled))
                for number in range(len(answers.classes))
            ]
            for name, values in per_class.items()
        },
    )


def _both(answers: Answers, weights: Floats) -> dict[str, Floats]:
    overall, per_class = figures(answers, weights)
    return {**overall, **{f"class {name}": values for name, values in per_class.items()}}


def _class_interval(answers: Answers, name: str, number: int, resampled: dict[str, Floats]) -> Interval:
    of_class = answers.labels == number
    over = resampled[f"class {name}"][:, number]
    if name in PROPORTIONS:
        counted, hits = PROPORTIONS[name](of_class, answers.predicted == number)
        return proportion_interval(counted, hits, answers.patients, over)
    if name == "auc" and answers.scores is not None:
        return area_estimate(of_class, answers.scores[:, number], answers.patients).interval
    return percentile_interval(over)


def area_estimate(positive: Mask, scores: NDArray[np.floating], patients: NDArray[np.int64]) -> Estimate:
    """Estimate the AUC of positive images [N] against the others, with its interval by patients."""
    values, covariance = areas(positive, scores[None], patients)
    pairs = min(len(np.unique(patients[images])) for images in (positive, ~positive))
    value = float(values[0])
    return Estimate(value, area_interval(value, float(covariance[0, 0]), pairs))
