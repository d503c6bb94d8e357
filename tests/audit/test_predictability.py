"""How well something predicts the class."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from cxr_cli.audit.predictability import (
    auc_by_class,
    out_of_fold_scores,
    patient_folds,
    patient_p,
    region_classifier,
)
from cxr_cli.errors import BadInput

CLASSES = ("a", "b", "c")


def test_no_patient_and_no_image_is_on_both_sides_of_a_fold() -> None:
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 40, 150)
    labels = patients % 3
    folds = patient_folds(labels, patients, CLASSES)
    assert len(folds) == 5
    assert sorted(np.concatenate([scored for _, scored in folds])) == list(range(150))
    for fitted_on, scored in folds:
        assert not set(patients[fitted_on]) & set(patients[scored])
        assert set(labels[fitted_on]) == {0, 1, 2}


def test_few_patients_make_few_folds_and_one_is_too_few() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert len(patient_folds(labels, np.array([0, 1, 2, 3, 4, 4]), ("a", "b"))) == 2
    with pytest.raises(BadInput, match="class 'b' has 1 patient among the images that train and validate"):
        patient_folds(labels, np.array([0, 1, 2, 3, 3, 3]), ("a", "b"))


def test_scores_are_of_models_that_have_not_seen_the_patient() -> None:
    """Features that name the patient and nothing else predict no class, though they tell all images apart."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 3)
    labels = rng.integers(0, 2, 60)[patients]
    features = rng.standard_normal((60, 20))[patients]
    folds = patient_folds(labels, patients, ("a", "b"))
    scores = out_of_fold_scores(region_classifier(), features, labels, folds)
    assert roc_auc_score(labels, scores[:, 1]) < 0.65
    np.testing.assert_allclose(scores.sum(1), 1)
    features[:, 0] += 6 * labels
    assert roc_auc_score(labels, out_of_fold_scores(region_classifier(), features, labels, folds)[:, 1]) > 0.9


def test_figures_are_scikit_learns_and_lie_within_their_limits() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    scores = rng.random((90, 3))
    scores[:30, 0] += 0.4
    figures = auc_by_class(labels, scores, np.arange(90), CLASSES, rng)
    each = [roc_auc_score(labels == number, scores[:, number]) for number in range(3)]
    for name, expected in zip(CLASSES, each, strict=True):
        found = figures["per_class"][name]
        assert found["value"] == pytest.approx(expected)
        assert found["low"] < expected < found["high"]
    assert figures["auc"]["value"] == pytest.approx(np.mean(each))
    assert figures["auc"]["low"] < np.mean(each) < figures["auc"]["high"]
    assert figures["per_class"]["a"]["p"] < 0.001 < figures["per_class"]["b"]["p"]


def test_a_class_without_images_has_no_figure() -> None:
    figures = auc_by_class(
        np.array([0, 0, 1, 1]), np.eye(4, 3), np.arange(4), CLASSES, np.random.default_rng(0)
    )
    assert figures["per_class"]["c"]["value"] is None
    assert figures["per_class"]["c"]["p"] is None
    assert figures["auc"]["value"] is None


def test_a_patient_counts_once_however_many_images() -> None:
    positive = np.array([True] * 6 + [False] * 5)
    scores = np.array([0.9, 0.7, 0.8, 0.6, 0.4, 0.5, 0.1, 0.2, 0.3, 0.45, 0.55])
    expected = mannwhitneyu([0.8, 0.5], [0.2, 0.5], alternative="greater").pvalue
    assert patient_p(positive, scores, np.array([0] * 3 + [1] * 3 + [2] * 3 + [3] * 2)) == expected
    images = patient_p(positive, scores, np.arange(11))
    assert images == mannwhitneyu(scores[:6], scores[6:], alternative="greater").pvalue
    assert images is not None
    assert images < 0.05 < expected
    assert patient_p(np.ones(11, bool), scores, np.arange(11)) is None
