"""Figures of merit against scikit-learn, hand-worked numbers and their own rules."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics as sklearn_metrics

from cxr_cli.evaluation.metrics.confusion import (
    accuracy,
    balanced_accuracy,
    class_f1,
    class_precision,
    class_sensitivity,
    class_specificity,
    confusion_matrix,
    macro_f1,
)

OF_ALL = (accuracy, balanced_accuracy, macro_f1)
OF_CLASSES = (class_sensitivity, class_specificity, class_precision, class_f1)

# 10 images of class 0, 5 of class 1, 5 of class 2.
WORKED = np.array([[7, 2, 1], [0, 4, 1], [1, 1, 3]])


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Labels, predictions, and the number of classes, some of which may be in neither."""
    classes = draw(st.integers(2, 5))
    count = draw(st.integers(1, 40))
    numbers = npst.arrays(np.int64, count, elements=st.integers(0, classes - 1))
    return draw(numbers), draw(numbers), classes


def test_a_matrix_counts_true_classes_in_rows() -> None:
    counts = confusion_matrix(np.array([0, 0, 2, 1]), np.array([0, 2, 1, 1]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]


@given(answers())
def test_the_matrix_is_scikit_learn_s(given_answers: tuple[np.ndarray, np.ndarray, int]) -> None:
    labels, predicted, classes = given_answers
    reference = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(classes))
    assert confusion_matrix(labels, predicted, classes).tolist() == reference.tolist()


@given(answers())
def test_metrics_are_scikit_learn_s(given_answers: tuple[np.ndarray, np.ndarray, int]) -> None:
    labels, predicted, classes = given_answers
    counts = confusion_matrix(labels, predicted, classes)
    precision, recall, f1, images = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=np.nan
    )
    assert accuracy(counts) == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    np.testing.assert_allclose(class_sensitivity(counts), recall)
    np.testing.assert_allclose(class_precision(counts), precision)
    np.testing.assert_allclose(class_f1(counts), f1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on classes that are not there
        reference = sklearn_metrics.balanced_accuracy_score(labels, predicted)
    assert balanced_accuracy(counts) == pytest.approx(reference)
    # Over the classes that have images: another class was predicted, but cannot be missed.
    macro = sklearn_metrics.f1_score(labels, predicted, labels=np.unique(labels), average="macro")
    assert macro_f1(counts) == pytest.approx(macro)
    assert images.tolist() == counts.sum(1).tolist()


def test_metrics_worked_by_hand() -> None:
    assert accuracy(WORKED) == pytest.approx(14 / 20)
    np.testing.assert_allclose(class_sensitivity(WORKED), [7 / 10, 4 / 5, 3 / 5])
    np.testing.assert_allclose(class_specificity(WORKED), [9 / 10, 12 / 15, 13 / 15])
    np.testing.assert_allclose(class_precision(WORKED), [7 / 8, 4 / 7, 3 / 5])
    np.testing.assert_allclose(class_f1(WORKED), [14 / 18, 8 / 12, 6 / 10])
    assert balanced_accuracy(WORKED) == pytest.approx(2.1 / 3)
    assert macro_f1(WORKED) == pytest.approx((7 / 9 + 2 / 3 + 3 / 5) / 3)


def test_metrics_of_the_paper_s_matrices() -> None:
    """Rows of shares, as printed for the siamese model: the mean of the diagonal is the balanced accuracy."""
    siamese = np.array([[0.65, 0.13, 0.23], [0.01, 0.87, 0.12], [0.01, 0.11, 0.88]])
    assert balanced_accuracy(siamese) == pytest.approx(0.80, abs=0.005)


def test_a_class_without_images_has_no_sensitivity_and_does_not_count() -> None:
    counts = np.array([[3, 0, 1], [0, 4, 0], [0, 0, 0]])
    np.testing.assert_array_equal(class_sensitivity(counts), [0.75, 1.0, np.nan])
    np.testing.assert_array_equal(class_precision(counts), [1.0, 1.0, 0.0])
    np.testing.assert_array_equal(class_specificity(counts), [1.0, 1.0, 7 / 8])
    np.testing.assert_allclose(class_f1(counts), [6 / 7, 1.0, 0.0])
    assert balanced_accuracy(counts) == pytest.approx(0.875)


def test_a_class_never_predicted_has_no_precision_and_an_f1_of_0() -> None:
    counts = np.array([[4, 0], [2, 0]])
    np.testing.assert_array_equal(class_precision(counts), [4 / 6, np.nan])
    np.testing.assert_allclose(class_f1(counts), [0.8, 0.0])
    assert macro_f1(counts) == pytest.approx(0.4)


def test_a_class_in_neither_has_no_f1_and_does_not_count() -> None:
    counts = np.array([[4, 0, 0], [2, 2, 0], [0, 0, 0]])
    assert np.isnan(class_f1(counts)[2])
    assert macro_f1(counts) == pytest.approx((0.8 + 2 / 3) / 2)


@pytest.mark.parametrize("metric", OF_ALL)
def test_no_image_is_no_metric(metric: object) -> None:
    assert np.isnan(metric(np.zeros((3, 3))))  # type: ignore[operator]


@given(
    npst.arrays(
        np.int64,
        st.tuples(st.integers(0, 4), st.integers(1, 3), st.just(3), st.just(3)),
        elements=st.integers(0, 5),
    )
)
def test_many_matrices_at_once_are_the_same_as_one_by_one(counts: np.ndarray) -> None:
    for metric in (*OF_ALL, *OF_CLASSES):
        together = metric(counts)
        for place in np.ndindex(counts.shape[:2]):
            np.testing.assert_array_equal(together[place], metric(counts[place]))
