"""Holm's correction."""

import numpy as np

from cxr_cli.evaluation.uncertainty.holm import holm


def test_p_values_worked_by_hand() -> None:
    # Rising: 0.01 x 3, then the larger of that and 0.02 x 2, then the larger of that and 0.03 x 1.
    np.testing.assert_allclose(holm(np.array([0.03, 0.01, 0.02])), [0.04, 0.03, 0.04])


def test_unknown_p_values_do_not_count() -> None:
    np.testing.assert_allclose(holm(np.array([np.nan, 0.02, 0.5])), [np.nan, 0.04, 0.5])


def test_none_is_above_one() -> None:
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


def test_p_values_are_those_of_statsmodels() -> None:
    # statsmodels 0.15: multipletests(..., method="holm").
    expected = [0.005, 0.09, 0.09, 0.2, 0.048]
    np.testing.assert_allclose(holm(np.array([0.001, 0.04, 0.03, 0.2, 0.012])), expected, rtol=1e-12)
