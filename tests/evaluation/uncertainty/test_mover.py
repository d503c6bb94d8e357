"""Intervals of means, differences and ratios, from published examples and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval, wilson_interval
from cxr_cli.evaluation.uncertainty.mover import (
    correlations,
    difference_interval,
    mean_interval,
    ratio_interval,
)


def test_newcombe_s_published_example() -> None:
    """56 in 70 against 48 in 80: 0.2, 0.0524 to 0.3339 (Newcombe 1998, 17:873, table II (a), method 10)."""
    sides = wilson_interval(56, 70), wilson_interval(48, 80)
    found = difference_interval((56 / 70, 48 / 80), sides)
    assert found == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5), "newcombe")
    assert difference_interval((0.5, np.nan), (sides[0], UNKNOWN)) is UNKNOWN


def test_values_that_vary_together_differ_with_more_certainty() -> None:
    sides = Interval(0.6, 0.8, "wilson"), Interval(0.4, 0.6, "wilson")
    apart, together, alike = (difference_interval((0.7, 0.5), sides, rho) for rho in (0.0, 0.5, 1.0))
    assert apart[:2] == pytest.approx((0.2 - 0.1 * 2**0.5, 0.2 + 0.1 * 2**0.5))
    assert together[:2] == pytest.approx((0.1, 0.3))
    assert alike[:2] == pytest.approx((0.2, 0.2), abs=1e-8)


def test_the_limits_of_a_mean_are_added_as_standard_errors_are() -> None:
    intervals = [Interval(0.6, 0.8, ""), Interval(0.2, 0.7, "")]
    apart = [np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0, -2.0])]
    low, high, method = mean_interval([0.7, 0.5], intervals, apart)
    assert (low, high) == pytest.approx((0.6 - np.hypot(0.1, 0.3) / 2, 0.6 + np.hypot(0.1, 0.2) / 2))
    assert method == "mover"
    together = [apart[0], apart[0]]
    assert mean_interval([0.7, 0.5], intervals, together)[:2] == pytest.approx((0.4, 0.75))
    assert mean_interval([], [], []) is UNKNOWN
    assert mean_interval([0.7, np.nan], [intervals[0], UNKNOWN], apart) is UNKNOWN


def test_metrics_that_do_not_vary_are_uncorrelated() -> None:
    one = np.array([1.0, -1.0])
    expected = [[1, -1, 0], [-1, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(correlations([one, -one, np.zeros(2)]), expected)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_limits_of_a_ratio_are_donner_and_zou_s(first: float, second: float) -> None:
    one, other = wilson_interval(first * 30, 30), wilson_interval(second * 50, 50)
    low, high, _ = ratio_interval((first, second), (one, other))
    product = first * second
    for limit, mine, its, sign in ((low, one.low, other.high, -1), (high, one.high, other.low, 1)):
        root = np.sqrt(product**2 - mine * its * (2 * first - mine) * (2 * second - its))
        assert limit * its * (2 * second - its) == pytest.approx(product + sign * root, abs=1e-9)


def test_a_ratio_of_or_by_zero_has_the_limit_that_it_can_have() -> None:
    none, some = wilson_interval(0, 20), wilson_interval(15, 20)
    low, high, _ = ratio_interval((0.0, 0.75), (none, some))
    assert low == 0
    assert 0 < high < 1
    low, high, _ = ratio_interval((0.75, 0.0), (some, none))
    assert 1 < low < high == np.inf
    assert ratio_interval((0.0, 0.0), (none, none)) is UNKNOWN
    assert ratio_interval((np.nan, 0.5), (UNKNOWN, some)) is UNKNOWN
