"""Planning: how wide an interval so many patients give, and how many patients a width takes."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from cxr_cli.evaluation.tables import Cell, Table
from cxr_cli.evaluation.uncertainty.intervals import Interval, area_interval, none_for_nan, wilson_interval

EXPECTED = (0.7, 0.8, 0.9, 0.95)
"""Values of a metric that a study may expect."""
MOST_PATIENTS = 100_000


@dataclass(frozen=True)
class PlannedPrecision:
    """What 95% intervals to expect of a test.

    Attributes:
        finding: the positive class.
        positives, negatives: patients with and without it.
        width: of an interval, that is asked for.
        expected: values of the metrics.
        sensitivity, specificity, auc: the interval at each value.
        needed: patients of one class that sensitivity or specificity takes for the width; of each class that
            the AUC takes.
    """

    finding: str
    positives: int
    negatives: int
    width: float
    expected: tuple[float, ...]
    sensitivity: tuple[Interval, ...]
    specificity: tuple[Interval, ...]
    auc: tuple[Interval, ...]
    needed: tuple[tuple[int, int], ...]

    def as_json(self) -> dict[str, Any]:
        """Write it as JSON values; the limits of an interval are None where there is none."""
        intervals = {"sensitivity": self.sensitivity, "specificity": self.specificity, "auc": self.auc}
        limits = {
            name: [none_for_nan({"low": of.low, "high": of.high}) for of in each]
            for name, each in intervals.items()
        }
        return {**asdict(self), **limits}

    def table(self) -> Table:
        """Lay it out, a row for each expected value."""
        headings = [
            "expected",
            f"sensitivity ({self.positives})",
            f"specificity ({self.negatives})",
            f"AUC ({self.positives}, {self.negatives})",
            "patients of a class needed",
            "for AUC, of each",
        ]
        rows = [
            [
                Cell(f"{value:g}"),
                *(_limits(each[place]) for each in (self.sensitivity, self.specificity, self.auc)),
                *(Cell(str(patients)) for patients in self.needed[place]),
            ]
            for place, value in enumerate(self.expected)
        ]
        title = f"{self.finding}: expected 95% intervals, and patients needed for a width of {self.width:g}"
        return Table(title, headings, rows)


def _limits(interval: Interval) -> Cell:
    return Cell("-" if np.isnan(interval.low) else f"{interval.low:.3f}-{interval.high:.3f}")


def plan_precision(
    finding: str, positives: int, negatives: int, width: float = 0.1, expected: Sequence[float] = EXPECTED
) -> PlannedPrecision:
    """Compute the intervals that a test of so many patients, an image each, is expected to give.

    Sensitivity and specificity by Wilson; the AUC by its variance under exponential scores (Hanley & McNeil
    1982, Radiology 143:29), on the scale of log odds.

    Args:
        finding: the positive class.
        positives, negatives: patients with and without it.
        width: of an interval, for which patients are counted, 0 < width < 1.
        expected: values, each 0 < value < 1.
    """
    return PlannedPrecision(
        finding=finding,
        positives=positives,
        negatives=negatives,
        width=width,
        expected=tuple(expected),
        sensitivity=tuple(wilson_interval(value * positives, positives) for value in expected),
        specificity=tuple(wilson_interval(value * negatives, negatives) for value in expected),
        auc=tuple(area_at(value, positives, negatives) for value in expected),
        needed=tuple(
            (
                _fewest(partial(_share_of, value), width),
                _fewest(partial(_area_of_equal_classes, value), width),
            )
            for value in expected
        ),
    )


def area_at(value: float, positives: int, negatives: int) -> Interval:
    """Compute the interval of an AUC of so many positive and negative patients."""
    if positives == 0 or negatives == 0:
        return area_interval(np.nan, np.nan, (positives, negatives))
    both_positive, both_negative = value / (2 - value), 2 * value**2 / (1 + value)
    variance = (
        value * (1 - value)
        + (positives - 1) * (both_positive - value**2)
        + (negatives - 1) * (both_negative - value**2)
    ) / (positives * negatives)
    return area_interval(value, variance, (positives, negatives))


def _share_of(value: float, patients: int) -> Interval:
    return wilson_interval(value * patients, patients)


def _area_of_equal_classes(value: float, patients: int) -> Interval:
    return area_at(value, patients, patients)


def _fewest(interval_of: Callable[[int], Interval], width: float) -> int:
    """Find the fewest patients whose interval is no wider, by bisection."""
    low, high = 1, MOST_PATIENTS
    while low < high:
        middle = (low + high) // 2
        interval = interval_of(middle)
        low, high = (low, middle) if interval.high - interval.low <= width else (middle + 1, high)
    return low
