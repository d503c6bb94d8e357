"""Ranking metrics against scikit-learn, over many weightings at once, and worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr_cli.evaluation.metrics.ranking import one_vs_rest, weighted_auc, weighted_average_precision

METRICS = [(weighted_auc, roc_auc_score), (weighted_average_precision, average_precision_score)]


@st.composite
def weighted_images(draw: st.DrawFn, classes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores with many ties, and four weightings, under some of which a class may be missing."""
    images = draw(st.integers(1, 25))
    labels = draw(npst.arrays(np.int64, images, elements=st.integers(0, classes - 1)))
    scores = draw(npst.arrays(np.int64, (images, classes), elements=st.integers(0, 8))) / 8
    weights = draw(npst.arrays(np.int64, (4, images), elements=st.integers(0, 3)))
    return labels, scores, weights.astype(np.float64)


@pytest.mark.parametrize(("metric", "reference"), METRICS)
@given(given_images=weighted_images())
def test_every_weighting_gives_scikit_learn_s_metric(
    metric: object, reference: object, given_images: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    labels, scores, weights = given_images
    found = metric(labels == 1, scores[:, 1], weights)  # type: ignore[operator]
    for value, weighting in zip(found, weights, strict=True):
        present = {int(label) for label in labels[weighting > 0]}
        if present == {0, 1}:
            expected = reference(labels, scores[:, 1], sample_weight=weighting)  # type: ignore[operator]
            assert value == pytest.approx(expected)
        elif present == {1} and metric is weighted_average_precision:
            assert value == 1.0
        else:
            assert np.isnan(value)


@given(weighted_images(classes=3))
def test_the_macro_metric_is_scikit_learn_s_where_every_class_is_there(
    given_images: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    labels, scores, weights = given_images
    of_classes = one_vs_rest(weighted_auc, labels, scores, weights)
    for value, weighting in zip(of_classes.mean(1), weights, strict=True):
        if {int(label) for label in labels[weighting > 0]} == {0, 1, 2}:
            truth = labels[:, None] == np.arange(3)
            expected = roc_auc_score(truth, scores, average="macro", sample_weight=weighting)
            assert value == pytest.approx(expected)
        else:
            assert np.isnan(value)


def test_areas_worked_by_hand() -> None:
    """Two positives at 3 and 1, two negatives at 2 and 1: of four pairs 2 are won, 1 is lost, 1 is a tie."""
    positive, scores = np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 1.0])
    # The second weighting doubles the positive at 3, so 4 of its 6 pairs are won and 1 is a tie.
    weights = np.array([[1.0, 1, 1, 1], [2.0, 1, 1, 1]])
    np.testing.assert_allclose(weighted_auc(positive, scores, weights), [2.5 / 4, 4.5 / 6])
    # Precision is 1 at a sensitivity of one half, then 2/4 at the whole.
    np.testing.assert_allclose(weighted_average_precision(positive, scores, weights[:1]), [0.75])


def test_no_image_has_no_metric() -> None:
    none = np.zeros(0)
    for metric, _ in METRICS:
        assert np.isnan(metric(none > 0, none, np.zeros((3, 0)))).tolist() == [True] * 3


def test_each_class_is_judged_by_its_own_score() -> None:
    labels, weights = np.array([0, 0, 1, 1]), np.ones((1, 4))
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.0], [0.2, 0.0]])
    np.testing.assert_allclose(one_vs_rest(weighted_auc, labels, scores, weights), [[1.0, 0.0]])
