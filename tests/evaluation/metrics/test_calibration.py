"""Brier's score against scikit-learn, the calibration error against a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import brier_score_loss

from cxr_cli.evaluation.metrics.calibration import (
    are_probabilities,
    weighted_brier,
    weighted_calibration_error,
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
    found = weighted_brier(happened[:, None].astype(float), chance[:, None], weights)
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
    np.testing.assert_allclose(weighted_brier(truth, scores, np.ones((1, 2))), [0.19])


def test_without_weight_there_is_no_metric() -> None:
    nothing = np.zeros((1, 1))
    assert np.isnan(weighted_brier(np.ones((1, 1)), np.ones((1, 1)), nothing))
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
