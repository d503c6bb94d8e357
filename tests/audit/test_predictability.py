"""How well something predicts the class."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from cxr_cli.audit.association import characteristic_classifier
from cxr_cli.audit.predictability import (
    _weighted_area,
    auc_by_class,
    out_of_fold_scores,
    patient_folds,
    patient_p,
    refitted_p,
    region_classifier,
)
from cxr_cli.errors import BadInput
from cxr_cli.evaluation.uncertainty.intervals import area_interval

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


def test_an_auc_out_of_fold_is_of_pairs_within_a_fold() -> None:
    """Three images of fold 0, of which 1 of 2 pairs is won, and four of fold 1, of which 3 of 4 are."""
    labels = np.array([1, 0, 0, 1, 1, 0, 0])
    scores = np.array([0.5, 0.4, 0.6, 0.02, 0.04, 0.03, 0.01])
    folds = [(np.arange(3, 7), np.arange(3)), (np.arange(3), np.arange(3, 7))]
    each = np.stack([1 - scores, scores], axis=1)
    rng = np.random.default_rng(0)
    figures = auc_by_class(labels, each, np.arange(7), ("a", "b"), rng, (folds, [0.2, 0.1]))
    assert figures["per_class"]["b"]["p"] == 0.1
    assert [of["value"] for of in figures["per_class"].values()] == pytest.approx([4 / 6, 4 / 6])
    assert figures["auc"]["value"] == pytest.approx(4 / 6)
    # Influences of the images: won minus expected pairs, over the six pairs.
    influence = (np.array([1, 0, 1, 1, 2, 1, 2]) - np.array([2, 1, 1, 2, 2, 2, 2]) * 2 / 3) / 6
    variance = (influence**2).sum() * 3 / 2
    assert figures["per_class"]["b"]["low"] == pytest.approx(area_interval(4 / 6, variance, (3, 4)).low)


def in_five(patients: int) -> list[tuple[np.ndarray, np.ndarray]]:
    fold = np.arange(patients) % 5
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(5)]


def test_what_has_no_bearing_on_the_class_has_an_auc_of_one_half() -> None:
    """Pooled over folds it is below, for a model that lacks a fold's images expects fewer of its classes."""
    rng = np.random.default_rng(0)
    fold, ones = np.arange(60) % 5, np.ones((1, 60))
    within, pooled = [], []
    for _ in range(30):
        labels = rng.permutation(np.arange(60) % 2)
        features = rng.choice(["x", "y"], 60).astype(object)[:, None]
        scores = out_of_fold_scores(characteristic_classifier(), features, labels, in_five(60))[:, 1]
        within.append(_weighted_area(labels == 1, scores, ones, fold)[0])
        pooled.append(_weighted_area(labels == 1, scores, ones, np.zeros(60, int))[0])
    assert np.mean(pooled) < 0.47
    assert np.mean(within) == pytest.approx(0.5, abs=0.03)


def test_chance_alone_is_significant_as_often_as_it_should_be() -> None:
    rng = np.random.default_rng(1)
    patients, found = np.arange(40), []
    for _ in range(100):
        features, labels = rng.standard_normal((40, 3)), rng.permutation(patients % 2)
        found.append(refitted_p(features, labels, patients, in_five(40), 4.0, rng)[1])
    assert np.mean(np.array(found) < 0.1) < 0.15
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.12)


def test_what_predicts_a_class_is_significant_even_among_many_tests() -> None:
    """No permutation reaches it: p is the normal tail, which a correction for many tests needs."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = np.stack([labels == 0, rng.integers(0, 2, 90)], axis=1).astype(float)
    p = refitted_p(features, labels, np.arange(90), in_five(90), 4.0, rng)
    assert p[0] < 1e-6
    # Of few patients there are few permutations, of which some do as well.
    few = refitted_p(features[:9], labels[:9], np.arange(9), in_five(9), 4.0, rng)
    assert 0.001 < few[0] < 0.3


def test_images_of_one_patient_do_not_count_as_many() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(10) % 2
    features = rng.standard_normal((10, 2)) + 0.8 * labels[:, None]
    once = refitted_p(features, labels, np.arange(10), in_five(10), 4.0, np.random.default_rng(0))
    images = np.repeat(np.arange(10), 30)
    folds = [(np.flatnonzero(images % 5 != fold), np.flatnonzero(images % 5 == fold)) for fold in range(5)]
    again = refitted_p(
        np.repeat(features, 30, axis=0),
        np.repeat(labels, 30),
        images,
        folds,
        4.0,
        np.random.default_rng(0),
    )
    assert again == once
