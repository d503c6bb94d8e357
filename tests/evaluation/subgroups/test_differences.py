"""Differences between strata: their intervals, p values, and Holm's correction."""

import numpy as np
import pytest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups import differences
from cxr_cli.evaluation.subgroups.differences import (
    Difference,
    compared_metrics,
    differences_to_rest,
    with_holm,
)
from cxr_cli.evaluation.uncertainty.estimates import Estimator
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval

NAMES = ("normal", "pneumonia")


def answers_of(labels: list[int], predicted: list[int], patients: list[int] | None = None) -> Answers:
    scores = np.stack([1 - np.array(predicted), np.array(predicted)], axis=1).astype(float)
    numbers = np.arange(len(labels)) if patients is None else np.array(patients)
    return Answers(NAMES, np.array(labels), np.array(predicted), numbers, scores, 1)


def test_metrics_that_depend_on_class_shares_are_not_compared() -> None:
    answers = answers_of([1, 1, 0, 0, 0], [1, 0, 0, 0, 1])
    assert compared_metrics(answers) == {
        "sensitivity": ("sensitivity", 1),
        "specificity": ("specificity", 1),
        "auc": ("auc", 1),
    }


def test_of_more_classes_there_is_a_sensitivity_each() -> None:
    labels = np.array([0, 1, 2, 2])
    answers = Answers(("a", "b", "c"), labels, np.array([0, 0, 2, 2]), np.arange(4), np.eye(3)[labels])
    assert compared_metrics(answers) == {
        "sensitivity a": ("sensitivity", 0),
        "sensitivity b": ("sensitivity", 1),
        "sensitivity c": ("sensitivity", 2),
        "macro_auc": ("macro_auc", None),
    }


def study(rng: np.random.Generator, there: float, here: float) -> tuple[Answers, np.ndarray]:
    """90 patients with two images; of the positive ones this share is found in the stratum, and out of it."""
    patients = np.repeat(np.arange(90), 2)
    inside = (np.arange(90) % 3 == 0)[patients]
    labels = (np.arange(90) % 2)[patients]
    found = rng.random(180) < np.where(inside, here, there)
    return answers_of(
        labels.tolist(), np.where(labels == 1, found, ~found).astype(int).tolist(), patients.tolist()
    ), inside


def test_a_difference_has_the_sign_and_size_that_it_has() -> None:
    answers, inside = study(np.random.default_rng(0), 0.9, 0.4)
    found = differences_to_rest(answers, inside, np.random.default_rng(0), 400)
    hits = answers.predicted == answers.labels
    expected = hits[inside & (answers.labels == 1)].mean() - hits[~inside & (answers.labels == 1)].mean()
    difference = found["sensitivity"]
    assert difference.value == pytest.approx(expected)
    assert difference.interval.method == "newcombe"
    assert difference.interval.low < difference.value < difference.interval.high < 0
    assert difference.p == pytest.approx(1 / 401)
    # The rest's difference is the stratum's, turned round.
    back = differences_to_rest(answers, ~inside, np.random.default_rng(0), 400)["sensitivity"]
    assert (back.value, back.interval.low) == (
        pytest.approx(-difference.value),
        pytest.approx(-difference.interval.high),
    )


def test_a_stratum_of_one_missed_image_is_no_finding() -> None:
    answers = answers_of([1] * 11, [1] * 10 + [0])
    inside = np.arange(11) == 10
    difference = differences_to_rest(answers, inside, np.random.default_rng(0), 2000)["sensitivity"]
    assert difference.value == -1.0
    # As good as any other image might have been the one in the stratum.
    assert difference.p == pytest.approx(1 / 11)
    # One patient says nothing of another.
    assert difference.interval is UNKNOWN


def test_a_mean_over_classes_is_compared_where_both_sides_have_the_same_classes() -> None:
    labels = np.array([0, 1, 2] * 10 + [0, 1] * 10)
    scores = np.random.default_rng(0).random((50, 3)) + np.eye(3)[labels]
    answers = Answers(("a", "b", "c"), labels, scores.argmax(1), np.arange(50), scores)
    inside = np.arange(50) >= 30
    of_two = Estimator(answers.take(inside))
    # The stratum's own mean counts the two classes there.
    assert of_two.value("macro_auc") == np.mean([of_two.value("auc", one) for one in (0, 1)])
    found = differences_to_rest(answers, inside, np.random.default_rng(0), 50)
    assert np.isnan(found["macro_auc"].value)
    assert found["sensitivity a"].caution == ""
    same = differences_to_rest(answers, np.arange(50) % 2 == 0, np.random.default_rng(0), 50)
    assert not np.isnan(same["macro_auc"].value)


def test_images_of_a_patient_on_both_sides_narrow_the_interval() -> None:
    """A model that is right about patients, not images: both sides are wrong together."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    predicted = (rng.random(60) < 0.7).astype(int)[patients]
    inside = np.arange(240) % 2 == 0
    answers = answers_of([1] * 240, predicted.tolist(), patients.tolist())
    within = differences_to_rest(answers, inside, np.random.default_rng(0), 100)["sensitivity"]
    other = answers_of([1] * 240, predicted.tolist(), (patients + 60 * inside).tolist())
    between = differences_to_rest(other, inside, np.random.default_rng(0), 100)["sensitivity"]
    assert within.value == between.value == 0.0
    assert within.interval.high < 0.3 * between.interval.high


def test_of_many_patients_the_p_of_an_auc_is_by_its_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    labels, inside = np.arange(1200) % 2, np.arange(1200) % 3 == 0
    chance = 1 / (1 + np.exp(-(labels * np.where(inside, 1.0, 1.5) + rng.normal(size=1200))))
    scores = np.stack([1 - chance, chance], axis=1)
    answers = Answers(NAMES, labels, (chance > 0.5).astype(int), np.arange(1200), scores, 1)
    by_variance, sampled = (
        differences_to_rest(answers, inside, np.random.default_rng(0), 2000)["auc"].p
        for many in (200, 10_000)
        if monkeypatch.setattr(differences, "MANY_PATIENTS", many) is None
    )
    assert 0.001 < by_variance < 0.2
    assert by_variance == pytest.approx(sampled, rel=0.4)


def test_holm_s_correction_worked_by_hand() -> None:
    """Four tests: 4 * 0.005, 3 * 0.01, 2 * 0.03, and for 0.04 the larger of that and 0.04."""
    ps = [0.01, 0.03, np.nan, 0.04, 0.005]
    corrected = with_holm([Difference(0.1, Interval(0.0, 0.2, "bootstrap"), p) for p in ps])
    assert [difference.p_holm for difference in corrected] == pytest.approx(
        [0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True
    )
    assert with_holm([Difference(0.1, UNKNOWN, 0.7), Difference(0.1, UNKNOWN, 0.9)])[0].p_holm == 1.0
    assert corrected[2].as_json() == {
        "value": 0.1,
        "low": 0.0,
        "high": 0.2,
        "p": None,
        "p_holm": None,
        "method": "bootstrap",
        "caution": None,
    }
