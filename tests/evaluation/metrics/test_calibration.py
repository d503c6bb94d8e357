"""Brier's score against scikit-learn, the calibration error against a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from cxr_cli.evaluation.metrics.calibration import (
    are_probabilities,
    calibration_errors,
    squared_errors,
    weighted_calibration_error,
    weighted_calibration_intercept,
    weighted_calibration_slope,
    weighted_mean,
)


@st.composite
def chances(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, chances (0 and 1 among them) and three weightings, each with some weight."""
    images = draw(st.integers(1, 20))
    happened = draw(npst.arrays(np.bool_, images))
    chance = draw(npst.arrays(np.int64, images, elements=st.integers(0, 20))) / 20
    weights = draw(npst.arrays(np.int64, (3, images), elements=st.integers(0, 3))).astype(float)
    weights[:, 0] += 1
    return happened, chance, weights


@given(chances())
def test_brier_s_score_is_scikit_learn_s(given_images: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    happened, chance, weights = given_images
    found = weighted_mean(squared_errors(happened[:, None].astype(float), chance[:, None]), weights)
    expected = [
        brier_score_loss(happened, chance, sample_weight=row, labels=[False, True]) for row in weights
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(chances())
def test_the_calibration_error_is_that_of_a_loop_over_bins(
    given_images: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    happened, chance, weights = given_images
    for found, row in zip(weighted_calibration_error(happened, chance, weights), weights, strict=True):
        expected = 0.0
        for low in range(10):
            inside = (np.floor(chance * 10) == low) | ((low == 9) & (chance == 1))
            if row[inside].sum():
                share = np.average(happened[inside], weights=row[inside])
                expected += row[inside].sum() * abs(share - np.average(chance[inside], weights=row[inside]))
        assert found == pytest.approx(expected / row.sum())


def test_metrics_of_three_classes_worked_by_hand() -> None:
    truth, scores = np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]])
    # (0.25 + 0.09 + 0.04 + 0) / 2
    np.testing.assert_allclose(weighted_mean(squared_errors(truth, scores), np.ones((1, 2))), [0.19])


def test_without_weight_there_is_no_metric() -> None:
    nothing = np.zeros((1, 1))
    assert np.isnan(weighted_mean(squared_errors(np.ones((1, 1)), np.ones((1, 1))), nothing))
    assert np.isnan(weighted_calibration_error(np.array([True]), np.array([0.5]), nothing))


@pytest.mark.parametrize(
    ("scores", "are"),
    [
        ([[0.25, 0.75], [1.0, 0.0]], True),
        ([[0.333, 0.333, 0.333]], True),
        ([[0.9, 0.8]], False),
        ([[-1.0, 2.0]], False),
    ],
)
def test_similarities_and_logits_are_no_probabilities(scores: list[list[float]], are: bool) -> None:
    assert are_probabilities(np.array(scores)) is are


def scored(images: int = 400, slope: float = 0.6, intercept: float = -0.4) -> tuple[np.ndarray, np.ndarray]:
    """Images whose true log odds are `intercept + slope` times those of their scores."""
    rng = np.random.default_rng(5)
    odds = rng.normal(0, 2, images)
    return rng.random(images) < expit(intercept + slope * odds), expit(odds)


def test_intercept_and_slope_are_those_of_a_logistic_regression() -> None:
    happened, chance = scored()
    weights = np.stack([np.ones(400), np.random.default_rng(6).integers(0, 3, 400)]).astype(float)
    fit = weighted_calibration_slope(happened, chance, weights)
    for row, intercept, slope in zip(weights, *fit, strict=True):
        model = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(chance)[:, None], happened, row)
        assert (intercept, slope) == pytest.approx((model.intercept_[0], model.coef_[0, 0]), rel=1e-4)


def test_intercept_slope_and_their_errors_by_statsmodels() -> None:
    # statsmodels 0.15: a binomial GLM on [1, logit] and one on [1] with the logit as offset, both with
    # cov_type="cluster", groups of two, and the factor 20 / 19: errors that are too small by leverage.
    happened, chance = scored(40)
    ones, patients = np.ones((1, 40)), np.arange(40) // 2
    fit = weighted_calibration_slope(happened, chance, ones)
    alone = weighted_calibration_intercept(happened, chance, ones)
    assert (fit.intercept[0], fit.slope[0], alone[0]) == pytest.approx(
        (-0.92080222, 0.54891618, -0.93217234), rel=1e-7
    )
    errors = calibration_errors(happened, chance, patients)
    for error, sandwich in zip(errors, (0.53789440, 0.40689942, 0.22190418), strict=True):
        assert 1 < error / sandwich < 1.2
    # Fits without each patient.
    weights = np.ones((20, 40))
    weights[patients, np.arange(40)] = 0
    moved = weighted_calibration_slope(happened, chance, weights)
    refitted = [weighted_calibration_intercept(happened, chance, weights), moved.intercept, moved.slope]
    expected = [np.sqrt(19 / 20 * ((of - of.mean()) ** 2).sum()) for of in refitted]
    assert errors == pytest.approx(expected, rel=0.06)


def test_scores_that_are_calibrated_have_intercept_0_and_slope_1() -> None:
    # Four images at a score of 0.25, one of them positive; four at 0.75, three of them.
    happened = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    chance = np.repeat([0.25, 0.75], 4)
    fit = weighted_calibration_slope(happened, chance, np.ones((1, 8)))
    assert (fit.intercept[0], fit.slope[0]) == pytest.approx((0, 1), abs=1e-9)
    assert weighted_calibration_intercept(happened, chance, np.ones((1, 8)))[0] == pytest.approx(0, abs=1e-9)


def test_there_is_no_slope_where_scores_divide_the_classes_or_are_one() -> None:
    divided = weighted_calibration_slope(
        np.array([0, 0, 1, 1], bool), np.array([0.1, 0.2, 0.8, 0.9]), np.ones((1, 4))
    )
    alike = weighted_calibration_slope(np.array([0, 0, 1, 1], bool), np.full(4, 0.3), np.ones((1, 4)))
    assert np.isnan([divided.slope[0], alike.slope[0]]).all()
