"""Every metric of a test with its interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.calibration import calibration_errors
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import BY_NAME, METRICS, NoInterval, Proportion, compute_metrics
from cxr_cli.evaluation.uncertainty.delong import areas
from cxr_cli.evaluation.uncertainty.intervals import (
    RESAMPLES,
    UNKNOWN,
    Interval,
    area_interval,
    none_for_nan,
    normal_interval,
    over_resamples,
    percentile_interval,
    proportion_interval,
)

Mask = NDArray[np.bool_]


RESAMPLED = [row for row in METRICS if row.interval == "bootstrap"]


@dataclass(frozen=True)
class Estimate:
    """A metric, NaN where it is undefined, and its interval."""

    value: float
    interval: Interval

    def as_json(self) -> dict[str, float | str | None]:
        """Value, low, high (None where unknown) and the method of the interval."""
        numbers = {"value": self.value, "low": self.interval.low, "high": self.interval.high}
        return {**none_for_nan(numbers), "method": self.interval.method}


@dataclass(frozen=True)
class Estimates:
    """Metrics of all images by name, and of each class by name and class number."""

    overall: dict[str, Estimate]
    per_class: dict[str, list[Estimate]]


def estimate(answers: Answers, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimates:
    """Compute every metric with its 95% interval, by the rule of its row in the registry.

    Args:
        answers: of one image or more.
        rng: draws patients.
        resamples: of patients.
    """
    overall, per_class = compute_metrics(answers, np.ones((1, len(answers))))

    def resampled_metrics(weights: Floats) -> dict[str, Floats]:
        of_all, of_classes = compute_metrics(answers, weights, RESAMPLED)
        return of_all | of_classes

    resampled = over_resamples(resampled_metrics, answers.patients, rng, resamples)

    def of_all(name: str) -> Interval:
        match BY_NAME[name].interval:
            case Proportion(parts):
                counted, hits = parts(answers.labels, answers.predicted)
                return proportion_interval(counted, hits, answers.patients)
            case NoInterval():
                return UNKNOWN
        return percentile_interval(resampled[name])

    def of_class(name: str, number: int) -> Interval:
        is_class, called = answers.labels == number, answers.predicted == number
        match BY_NAME[name].interval:
            case Proportion(parts):
                return proportion_interval(*parts(is_class, called), answers.patients)
            case "delong" if answers.scores is not None:
                return area_estimate(is_class, answers.scores[:, number], answers.patients).interval
            case "sandwich" if answers.scores is not None:
                value = float(per_class[name][0, number])
                error = calibration_error(name, is_class, answers.scores[:, number], answers.patients)
                return normal_interval(value, error)
            case NoInterval():
                return UNKNOWN
        return percentile_interval(resampled[name][:, number])

    return Estimates(
        {name: Estimate(float(values[0]), of_all(name)) for name, values in overall.items()},
        {
            name: [Estimate(float(value), of_class(name, number)) for number, value in enumerate(values[0])]
            for name, values in per_class.items()
        },
    )


def calibration_error(
    name: str, happened: Mask, chance: NDArray[np.floating], patients: NDArray[np.int64]
) -> float:
    """Compute the standard error of the calibration intercept or slope, by patient."""
    of_intercept, _, of_slope = calibration_errors(happened, chance, patients)
    return of_slope if name == "calibration_slope" else of_intercept


def area_estimate(positive: Mask, scores: NDArray[np.floating], patients: NDArray[np.int64]) -> Estimate:
    """Estimate the AUC of positive images [N] against the others, with its interval by patients."""
    values, covariance = areas(positive, scores[None], patients)
    pairs = min(len(np.unique(patients[images])) for images in (positive, ~positive))
    value = float(values[0])
    return Estimate(value, area_interval(value, float(covariance[0, 0]), pairs))
