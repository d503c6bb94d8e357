"""Every metric of a test with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers, Weighted
from cxr_cli.evaluation.metrics.calibration import calibration_errors
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.influence import (
    area_influence,
    average_precision_influence,
    share_influence,
)
from cxr_cli.evaluation.metrics.registry import (
    BY_NAME,
    METRICS,
    MeanOf,
    Metric,
    NoInterval,
    Proportion,
    RateRatio,
    computable,
)
from cxr_cli.evaluation.tables import DAGGER
from cxr_cli.evaluation.uncertainty.delong import area_covariance
from cxr_cli.evaluation.uncertainty.intervals import (
    UNKNOWN,
    Interval,
    area_interval,
    average_precision_interval,
    bounded_mean_interval,
    none_for_nan,
    proportion_interval,
    student_interval,
)
from cxr_cli.evaluation.uncertainty.mover import mean_interval, ratio_interval

Mask = NDArray[np.bool_]

UNRELIABLE = (
    f"{DAGGER} few patients of the rarest class: such intervals hold the truth less often than they say"
)
NO_INTERVAL = "no interval"
TOO_FEW = "too few patients"


@dataclass(frozen=True)
class Estimate:
    """A metric, NaN where it is undefined, its interval, and why that is unreliable or missing."""

    value: float
    interval: Interval
    caution: str = ""

    @property
    def reason(self) -> str:
        """Why the interval is unreliable or missing; "" where neither is so."""
        missing = np.isnan(self.interval.low) and not np.isnan(self.value)
        return self.caution or (f"{NO_INTERVAL}: alike in all resamples" if missing else "")

    def as_json(self) -> dict[str, float | str | bool | None]:
        """Value, low, high (None where unknown), method, whether the interval is reliable, and why not."""
        numbers = {"value": self.value, "low": self.interval.low, "high": self.interval.high}
        return {
            **none_for_nan(numbers),
            "method": self.interval.method,
            "reliable": not self.reason,
            "caution": self.reason or None,
        }


@dataclass(frozen=True)
class Estimates:
    """Metrics of all images by name, and of each class by name and class number."""

    overall: dict[str, Estimate]
    per_class: dict[str, list[Estimate]]


def estimate(answers: Answers, metrics: Sequence[Metric] = METRICS) -> Estimates:
    """Compute metrics with their 95% intervals, by the rules of their rows in the registry.

    Args:
        answers: of one image or more.
        metrics: which; those that need scores or probabilities that there are not are left out.
    """
    return Estimator(answers).estimates(metrics)


class Estimator:
    """Metrics of the same images with their intervals; what several are made from is computed once."""

    def __init__(self, answers: Answers) -> None:
        """Of one image or more; patients are numbered from 0."""
        self.answers = answers
        self._images = Weighted(answers, np.ones((1, len(answers))))
        self._values: dict[str, Floats] = {}
        self._estimates: dict[tuple[str, int | None], Estimate] = {}
        self._areas: dict[int, Floats] = {}
        self._calibration: dict[int, tuple[float, float, float]] = {}

    def estimates(self, metrics: Sequence[Metric] = METRICS) -> Estimates:
        """Compute metrics with their intervals; those that there are no scores for are left out."""
        rows, classes = computable(self.answers, metrics), range(len(self.answers.classes))
        return Estimates(
            {row.name: self.estimate(row.name) for row in rows if row.of == "all"},
            {
                row.name: [self.estimate(row.name, one) for one in classes]
                for row in rows
                if row.of == "class"
            },
        )

    def value(self, name: str, number: int | None = None) -> float:
        """Compute a metric of all images, or of a class with its number; NaN where it is undefined."""
        if name not in self._values:
            self._values[name] = BY_NAME[name].function(self._images)[0]
        return float(self._values[name] if number is None else self._values[name][number])

    def estimate(self, name: str, number: int | None = None) -> Estimate:
        """Compute a metric of all images, or of a class with its number, and its interval."""
        if (name, number) not in self._estimates:
            value = self.value(name, number)
            interval = UNKNOWN if np.isnan(value) else self._interval(name, number, value)
            caution = self._caution(BY_NAME[name], number, value, interval)
            self._estimates[name, number] = Estimate(value, interval, caution)
        return self._estimates[name, number]

    def influence(self, name: str, number: int | None, patients: int) -> Floats:
        """Compute what each patient adds to a metric: [patients].

        Args:
            name, number: of a share of images, a metric of ranks, or a mean of such.
            patients: how many there are, of these images and others.
        """
        rule = BY_NAME[name].interval
        if isinstance(rule, MeanOf):
            parts = [(rule.name, number) for number in self.classes_of(rule)]
            return np.asarray(np.mean([self.influence(*part, patients) for part in parts], axis=0))
        if isinstance(rule, Proportion):
            counted, hits = self._counted(rule, number)
            of_images = share_influence(counted, hits)
            if rule.slope is not None:
                of_images = of_images * rule.slope(float(hits[counted].mean()))
        else:
            assert number is not None
            positive, scores = self._ranked(number)
            of_images = (
                self._area_influence(number)
                if rule == "auc"
                else average_precision_influence(positive, scores).influences
            )
        return np.bincount(self.answers.patients, of_images, patients).astype(np.float64)

    def classes_of(self, rule: MeanOf) -> list[int]:
        """Number the classes that a mean is over: those that have images, and the metric."""
        there = np.unique(self.answers.labels).tolist()
        return [number for number in there if not np.isnan(self.value(rule.name, number))]

    def _interval(self, name: str, number: int | None, value: float) -> Interval:
        rule, patients = BY_NAME[name].interval, self.answers.patients
        if isinstance(rule, NoInterval):
            return UNKNOWN
        if isinstance(rule, Proportion):
            low, high, method = proportion_interval(*self._counted(rule, number), patients)
            limits = (low, high) if rule.value is None else (rule.value(low), rule.value(high))
            return Interval(*limits, method)
        if isinstance(rule, MeanOf):
            parts = [(rule.name, one) for one in self.classes_of(rule)]
            each = [self.estimate(*part) for part in parts]
            influences = [self.influence(*part, int(patients.max()) + 1) for part in parts]
            return mean_interval([of.value for of in each], [of.interval for of in each], influences)
        if isinstance(rule, RateRatio):
            return self._ratio_interval(rule, number)
        if rule == "brier":
            # Of more classes than two it is the sum over all of them, of at most 2.
            most = 1 if self.answers.positive is not None else 2
            low, high, method = bounded_mean_interval(self._images.squared_errors / most, patients)
            return Interval(low * most, high * most, method)
        assert number is not None
        positive, scores = self._ranked(number)
        if rule == "calibration":
            if number not in self._calibration:
                self._calibration[number] = calibration_errors(positive, scores, patients)
            of_intercept, _, of_slope = self._calibration[number]
            error = of_slope if name == "calibration_slope" else of_intercept
            return student_interval(value, error, min(_units(positive, patients)))
        if rule == "auc":
            return _area_interval(value, self._area_influence(number), positive, patients)
        added, bias = average_precision_influence(positive, scores)
        variance, units = variance_by_patient(added, patients), _units(positive, patients)[0]
        return average_precision_interval(value, variance, bias, int(positive.sum()), units)

    def _ratio_interval(self, rule: RateRatio, number: int | None) -> Interval:
        found, missed = self.estimate("sensitivity", number), self.estimate("specificity", number)
        first, second = (found, _complement(missed)) if rule.positive else (_complement(found), missed)
        limits = ratio_interval((first.value, second.value), (first.interval, second.interval))
        if rule.value is None or limits is UNKNOWN:
            return limits
        assert self.answers.prevalence is not None
        low, high = sorted(rule.value(limit, self.answers.prevalence) for limit in limits[:2])
        return Interval(low, high, limits.method)

    def _counted(self, rule: Proportion, number: int | None) -> tuple[Mask, Mask]:
        answers = self.answers
        if number is None:
            return rule.parts(answers.labels, answers.predicted)
        return rule.parts(answers.labels == number, answers.predicted == number)

    def _ranked(self, number: int) -> tuple[Mask, NDArray[np.floating]]:
        assert self.answers.scores is not None
        return self.answers.labels == number, self.answers.scores[:, number]

    def _area_influence(self, number: int) -> Floats:
        if number not in self._areas:
            positive, scores = self._ranked(number)
            self._areas[number] = area_influence(positive, scores[None]).influences[0]
        return self._areas[number]

    def _caution(self, row: Metric, number: int | None, value: float, interval: Interval) -> str:
        if np.isnan(value):
            return "undefined for these images"
        if isinstance(row.interval, NoInterval):
            return f"{NO_INTERVAL}: {row.interval.reason}"
        if np.isnan(interval.low):
            return f"{NO_INTERVAL}: {TOO_FEW}"
        labels = self.answers.labels if number is None else self.answers.labels == number
        classes = np.unique(labels) if row.of == "all" else (False, True)
        rarest = min(_count(self.answers.patients[labels == one]) for one in classes)
        if rarest < row.fewest:
            return f"unreliable: {rarest} patients of the rarest class, fewer than {row.fewest}"
        return ""


def _complement(of: Estimate) -> Estimate:
    low, high, method = of.interval
    return Estimate(1 - of.value, Interval(1 - high, 1 - low, method))


def variance_by_patient(influences: Floats, patients: NDArray[np.int64]) -> float:
    """Compute the variance of a metric over samples of patients from what each image adds to it [N]."""
    units = _count(patients)
    squares = float((np.bincount(patients, influences) ** 2).sum())
    return squares * units / (units - 1) if units > 1 else np.nan


def area_estimate(positive: Mask, scores: NDArray[np.floating], patients: NDArray[np.int64]) -> Estimate:
    """Estimate the AUC of positive images [N] against the others, with its interval by patients."""
    values, influences = area_influence(positive, scores[None])
    value = float(values[0])
    return Estimate(value, _area_interval(value, influences[0], positive, patients))


def _area_interval(value: float, influence: Floats, positive: Mask, patients: NDArray[np.int64]) -> Interval:
    covariance = area_covariance(positive, influence[None], patients)
    images = int(positive.sum()), int((~positive).sum())
    return area_interval(value, float(covariance[0, 0]), _units(positive, patients), images)


def _units(positive: Mask, patients: NDArray[np.int64]) -> tuple[int, int]:
    """Count the patients with a positive image, and with a negative one."""
    return _count(patients[positive]), _count(patients[~positive])


def _count(patients: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(np.bincount(patients)))
