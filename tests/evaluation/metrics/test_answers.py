"""Every metric under every weighting is scikit-learn's with those sample weights."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics as sklearn_metrics
from sklearn.exceptions import UndefinedMetricWarning

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import compute_metrics

NAMES = ("covid19", "normal", "pneumonia")


@st.composite
def weighted_answers(draw: st.DrawFn) -> tuple[Answers, np.ndarray]:
    """Answers about images of two or three classes with ties, and two weightings of all classes."""
    classes = draw(st.integers(2, 3))
    images = draw(st.integers(classes, 20))
    labels = np.concatenate([np.arange(classes), draw_numbers(draw, images - classes, classes)])
    levels = draw(npst.arrays(np.int64, (images, classes), elements=st.integers(1, 6)))
    scores = levels / levels.sum(1, keepdims=True)
    weights = draw(npst.arrays(np.int64, (2, images), elements=st.integers(0, 3))).astype(float)
    weights[:, :classes] += 1
    predicted = draw_numbers(draw, images, classes)
    positive = draw(st.sampled_from([None, 0, 1])) if classes == 2 else None
    return Answers(NAMES[:classes], labels, predicted, np.arange(images), scores, positive), weights


def draw_numbers(draw: st.DrawFn, count: int, below: int) -> np.ndarray:
    return draw(npst.arrays(np.int64, count, elements=st.integers(0, below - 1)))


def expected_of_class(answers: Answers, number: int, weights: np.ndarray) -> dict[str, float]:
    assert answers.scores is not None
    truth, called = answers.labels == number, answers.predicted == number
    options: dict[str, Any] = {"sample_weight": weights, "zero_division": np.nan}
    return {
        "sensitivity": sklearn_metrics.recall_score(truth, called, **options),
        "specificity": sklearn_metrics.recall_score(~truth, ~called, **options),
        "precision": sklearn_metrics.precision_score(truth, called, **options),
        "f1": sklearn_metrics.f1_score(truth, called, **options),
        "npv": sklearn_metrics.precision_score(~truth, ~called, **options),
        **likelihood_ratios(truth, called, weights),
        "auc": sklearn_metrics.roc_auc_score(truth, answers.scores[:, number], sample_weight=weights),
        "average_precision": sklearn_metrics.average_precision_score(
            truth, answers.scores[:, number], sample_weight=weights
        ),
    }


def likelihood_ratios(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """scikit-learn's, NaN where it has them infinite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        positive, negative = sklearn_metrics.class_likelihood_ratios(truth, called, sample_weight=weights)
    return {"positive_likelihood_ratio": positive, "negative_likelihood_ratio": negative}


@settings(max_examples=20)
@given(weighted_answers())
def test_metrics_are_scikit_learn_s(given_answers: tuple[Answers, np.ndarray]) -> None:
    answers, weights = given_answers
    overall, per_class = compute_metrics(answers, weights)
    for place, row in enumerate(weights):
        of_classes = [expected_of_class(answers, i, row) for i in range(len(answers.classes))]
        for number, expected in enumerate(of_classes):
            found = {name: per_class[name][place, number] for name in expected}
            assert found == pytest.approx(expected, nan_ok=True)
        numbers = list(range(len(answers.classes)))
        reference: dict[str, Callable[..., float]] = {
            "accuracy": sklearn_metrics.accuracy_score,
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score,
        }
        for name, metric in reference.items():
            assert overall[name][place] == pytest.approx(
                metric(answers.labels, answers.predicted, sample_weight=row)
            )
        for name in ("auc", "average_precision"):
            mean = np.mean([of_class[name] for of_class in of_classes])
            assert overall[f"macro_{name}"][place] == pytest.approx(mean)
        assert answers.scores is not None
        if answers.positive is None:
            brier = sklearn_metrics.brier_score_loss(
                np.eye(len(numbers))[answers.labels].argmax(1),
                answers.scores,
                sample_weight=row,
                labels=numbers,
                scale_by_half=False,
            )
        else:
            brier = sklearn_metrics.brier_score_loss(
                answers.labels == answers.positive, answers.scores[:, answers.positive], sample_weight=row
            )
        assert overall["brier"][place] == pytest.approx(brier)


def test_images_without_scores_have_the_metrics_of_their_classes_alone() -> None:
    answers = Answers(NAMES[:2], np.array([0, 1]), np.array([0, 1]), np.arange(2))
    overall, per_class = compute_metrics(answers, np.ones((1, 2)))
    assert set(overall) == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert set(per_class) == {
        "sensitivity",
        "specificity",
        "precision",
        "npv",
        "f1",
        "positive_likelihood_ratio",
        "negative_likelihood_ratio",
    }


def test_similarities_are_ranked_but_are_no_probabilities() -> None:
    answers = Answers(NAMES[:2], np.array([0, 1]), np.array([0, 1]), np.arange(2), np.full((2, 2), 0.9), 1)
    overall, per_class = compute_metrics(answers, np.ones((1, 2)))
    assert {"brier", "calibration_error"}.isdisjoint(overall)
    assert per_class["auc"].tolist() == [[0.5, 0.5]]


def test_one_class_against_the_rest_keeps_its_own_metrics() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 3, (2, 40))
    scores = rng.dirichlet(np.ones(3), 40)
    answers = Answers(NAMES, labels, predicted, np.arange(40), scores)
    weights = rng.integers(0, 3, (5, 40)).astype(float)
    _, whole = compute_metrics(answers, weights)
    alone = answers.against_rest(2)
    assert (alone.classes, alone.positive) == (("not pneumonia", "pneumonia"), 1)
    _, of_two = compute_metrics(alone, weights)
    for name, values in whole.items():
        np.testing.assert_allclose(of_two[name][:, 1], values[:, 2], err_msg=name)


def test_some_of_the_images() -> None:
    answers = Answers(
        NAMES[:2], np.array([0, 1, 1]), np.array([1, 0, 1]), np.array([5, 6, 7]), np.eye(3)[:, :2]
    )
    some = answers.take(np.array([False, True, True]))
    assert (some.labels.tolist(), some.predicted.tolist(), some.patients.tolist()) == ([1, 1], [0, 1], [6, 7])
    assert some.scores is not None
    assert some.scores.tolist() == [[0, 1], [0, 0]]
    assert len(some) == 2
