"""What each image adds to a metric: its derivative by the image's weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr_cli.evaluation.metrics.influence import (
    area_influence,
    average_precision_influence,
    share_influence,
)

STEP = 1e-6


@st.composite
def scored_images(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Images of both classes, and scores with ties."""
    count = draw(st.integers(4, 15))
    positive = np.array([True, False, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))])
    return positive, draw(npst.arrays(np.int64, count, elements=st.integers(0, 6))) / 6


def slopes(metric, images: int) -> np.ndarray:
    """Change the weight of one image after another."""
    weights = np.ones(images) + STEP * np.eye(images)
    return np.array([metric(row) - metric(np.ones(images)) for row in weights]) / STEP


@given(scored_images())
def test_of_an_area(images: tuple[np.ndarray, np.ndarray]) -> None:
    positive, scores = images
    (value,), (found,) = area_influence(positive, scores[None])
    assert value == pytest.approx(roc_auc_score(positive, scores))
    expected = slopes(lambda row: roc_auc_score(positive, scores, sample_weight=row), len(scores))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@given(scored_images())
def test_of_an_average_precision(images: tuple[np.ndarray, np.ndarray]) -> None:
    positive, scores = images
    expected = slopes(lambda row: average_precision_score(positive, scores, sample_weight=row), len(scores))
    np.testing.assert_allclose(average_precision_influence(positive, scores).influences, expected, atol=1e-4)


def test_the_bias_of_an_average_precision_by_hand() -> None:
    """Called one by one: hit, miss, hit. A third of the second hit's precision, 2/3, is itself."""
    found = average_precision_influence(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
    assert found.bias == pytest.approx((0 + (1 - 2 / 3) / 3) / 2)


def test_of_a_share() -> None:
    counted, hits = np.array([True, True, True, True, False]), np.array([True, False, False, False, True])
    assert share_influence(counted, hits).tolist() == [0.1875, -0.0625, -0.0625, -0.0625, 0.0]


def test_without_images_there_is_none() -> None:
    none = np.zeros(3, bool)
    assert np.isnan(share_influence(none, none)).all()
    assert np.isnan(area_influence(none, np.zeros((1, 3))).influences).all()
    assert np.isnan(average_precision_influence(none, np.zeros(3)).influences).all()
