"""Intervals of means, differences and ratios of metrics, from the metrics' own intervals.

Each limit is as far from the value as the limits of the parts are from theirs, added as standard errors are:
the method of variance estimates recovery (Zou & Donner 2008, Statistics in Medicine 27:1693; Zou, Huang &
Zhang 2009, Computational Statistics & Data Analysis 53:1080; of two independent proportions it is Newcombe's
method 10, 1998, Statistics in Medicine 17:873).
"""

from collections.abc import Sequence

import numpy as np

from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval


def correlations(influences: Sequence[Floats]) -> Floats:
    """Correlate metrics over samples of patients: [K, K].

    Args:
        influences: what each patient adds to each metric, K times [P].
    """
    together = np.array([[float(one @ other) for other in influences] for one in influences])
    spread = np.sqrt(np.diag(together))
    scale = np.outer(spread, spread)
    found = np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(np.clip(found, -1, 1))


def mean_interval(
    values: Sequence[float], intervals: Sequence[Interval], influences: Sequence[Floats]
) -> Interval:
    """Combine intervals of metrics into that of their mean.

    Args:
        values, intervals: of K metrics.
        influences: what each patient adds to each, K times [P].
    """
    below = np.array([value - interval.low for value, interval in zip(values, intervals, strict=True)])
    above = np.array([interval.high - value for value, interval in zip(values, intervals, strict=True)])
    if not values or np.isnan(below + above).any():
        return UNKNOWN
    together, mean = correlations(influences), float(np.mean(values))
    low, high = (np.sqrt(max(float(of @ together @ of), 0.0)) / len(values) for of in (below, above))
    return Interval(float(mean - low), float(mean + high), "mover")


def difference_interval(
    values: tuple[float, float], intervals: tuple[Interval, Interval], correlation: float = 0.0
) -> Interval:
    """Combine intervals of two values into one of the first minus the second.

    Args:
        values, intervals: of both.
        correlation: of both over samples of patients; 0 of other patients.
    """
    (first, second), (of_first, of_second) = values, intervals
    low = first - second - _distance(first - of_first.low, of_second.high - second, correlation)
    high = first - second + _distance(of_first.high - first, second - of_second.low, correlation)
    return UNKNOWN if np.isnan(low + high) else Interval(float(low), float(high), "newcombe")


def _distance(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0)))


def ratio_interval(values: tuple[float, float], intervals: tuple[Interval, Interval]) -> Interval:
    """Combine intervals of two independent values, 0 or more, into one of the first over the second.

    Source: Donner & Zou 2012, Statistical Methods in Medical Research 21:347, so written that a value or a
    limit of 0 does no harm. The upper limit is infinite where the second's lower limit is 0.
    """
    (first, second), ((first_low, first_high, _), (second_low, second_high, _)) = values, intervals
    product = first * second
    lower, upper = (
        np.sqrt(product**2 - one * other * (2 * first - one) * (2 * second - other))
        for one, other in ((first_low, second_high), (first_high, second_low))
    )
    if np.isnan(lower + upper) or first == second == 0:
        return UNKNOWN
    low = first_low * (2 * first - first_low) / (product + lower) if first > 0 else 0.0
    high = (product + upper) / (second_low * (2 * second - second_low)) if second_low > 0 else np.inf
    return Interval(float(low), float(high), "mover")
