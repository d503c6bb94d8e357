"""Differences between strata: their intervals, the permutation test, and Holm's correction."""

from itertools import permutations

import numpy as np
import pytest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.differences import (
    Difference,
    difference_metrics,
    differences_to_rest,
    newcombe_interval,
    permutation_p,
    permuted_strata,
    with_holm,
)
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval, wilson_interval

NAMES = ("normal", "pneumonia")


def answers_of(labels: list[int], predicted: list[int], patients: list[int] | None = None) -> Answers:
    scores = np.stack([1 - np.array(predicted), np.array(predicted)], axis=1).astype(float)
    numbers = np.arange(len(labels)) if patients is None else np.array(patients)
    return Answers(NAMES, np.array(labels), np.array(predicted), numbers, scores, 1)


def test_difference_metrics_do_not_depend_on_class_shares() -> None:
    answers = answers_of([1, 1, 0, 0, 0], [1, 0, 0, 0, 1])
    once = difference_metrics(answers, np.array([[1.0, 1, 1, 1, 1]]))
    more_negatives = difference_metrics(answers, np.array([[1.0, 1, 9, 9, 9]]))
    assert set(once) == {"sensitivity", "specificity", "auc"}
    assert once["sensitivity"] == 0.5
    assert once["specificity"] == pytest.approx(2 / 3)
    for name, values in once.items():
        assert more_negatives[name] == pytest.approx(values), name


def test_of_more_classes_there_is_a_sensitivity_each() -> None:
    labels = np.array([0, 1, 2, 2])
    answers = Answers(("a", "b", "c"), labels, np.array([0, 0, 2, 2]), np.arange(4), np.eye(3)[labels])
    found = difference_metrics(answers, np.ones((1, 4)))
    expected = {"sensitivity a": 1, "sensitivity b": 0, "sensitivity c": 1, "macro_auc": 1}
    assert {name: float(value[0]) for name, value in found.items()} == expected


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
    sides = ({}, {})
    differences = differences_to_rest(answers, inside, sides, np.random.default_rng(0), 400)
    hits = answers.predicted == answers.labels
    expected = hits[inside & (answers.labels == 1)].mean() - hits[~inside & (answers.labels == 1)].mean()
    difference = differences["sensitivity"]
    assert difference.value == pytest.approx(expected)
    assert difference.interval.method == "bootstrap"
    assert difference.interval.low < difference.value < difference.interval.high < 0
    assert difference.p == pytest.approx(1 / 401)
    # The rest's difference is the stratum's, turned round.
    back = differences_to_rest(answers, ~inside, sides, np.random.default_rng(0), 400)["sensitivity"]
    assert (back.value, back.interval.low) == (
        pytest.approx(-difference.value),
        pytest.approx(-difference.interval.high),
    )


def test_a_stratum_of_one_missed_image_is_no_finding() -> None:
    """The bootstrap would be sure of it: that one image is missed in every resample."""
    answers = answers_of([1] * 11, [1] * 10 + [0])
    inside = np.arange(11) == 10
    known = dict.fromkeys(("specificity", "auc"), UNKNOWN)
    sides = {**known, "sensitivity": wilson_interval(0, 1)}, {**known, "sensitivity": wilson_interval(10, 10)}
    difference = differences_to_rest(answers, inside, sides, np.random.default_rng(0), 2000)["sensitivity"]
    assert difference.value == -1.0
    # As good as any other image might have been the one in the stratum.
    assert difference.p == pytest.approx(1 / 11, abs=0.02)
    # Wilson's upper limit of 0 in 1 is 0.7935, and 1 minus his lower limit of 10 in 10 is 0.2775.
    assert difference.interval == (-1.0, pytest.approx(-1 + np.hypot(0.7935, 0.2775), abs=1e-4), "newcombe")


def test_newcombe_s_published_example() -> None:
    """56 in 70 against 48 in 80: 0.2, 0.0524 to 0.3339 (Newcombe 1998, 17:873, table II (a), method 10)."""
    sides = wilson_interval(56, 70), wilson_interval(48, 80)
    found = newcombe_interval((56 / 70, 48 / 80), sides)
    assert found == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5), "newcombe")
    assert newcombe_interval((0.5, np.nan), (sides[0], UNKNOWN)) is UNKNOWN


def test_permutations_are_all_those_of_whole_patients_of_the_same_classes() -> None:
    """Patients 0, 1, 2 have a positive image each, 3 and 4 two negative ones; 0 and 3 are in the stratum."""
    labels, patients = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([0, 1, 2, 3, 3, 4, 4])
    inside = np.isin(patients, [0, 3])
    drawn = permuted_strata(labels, patients, inside, np.random.default_rng(0), 400)
    expected = {
        (*one, *np.repeat(other, 2).tolist())
        for one in set(permutations((True, False, False)))
        for other in set(permutations((True, False)))
    }
    assert {tuple(row) for row in drawn.tolist()} == expected


def test_a_patient_with_images_on_both_sides_changes_them_class_by_class() -> None:
    labels, patients = np.array([1, 1, 0, 0]), np.array([5, 5, 5, 5])
    inside = np.array([True, False, True, False])
    drawn = permuted_strata(labels, patients, inside, np.random.default_rng(0), 200)
    assert {tuple(row) for row in drawn.tolist()} == {
        (first, not first, second, not second) for first in (True, False) for second in (True, False)
    }


def test_without_a_difference_p_is_spread_evenly() -> None:
    """Of 120 studies without a difference about one in twenty has p <= 0.05."""
    ps = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(40), 3)
        hits = rng.random(120) < rng.choice([0.4, 1.0], 40)[patients]
        inside = (rng.random(40) < 0.4)[patients]
        member = permuted_strata(np.ones(120, int), patients, inside, rng, 99).astype(float)
        chance = member @ hits / member.sum(1) - (1 - member) @ hits / (1 - member).sum(1)
        ps.append(permutation_p(float(hits[inside].mean() - hits[~inside].mean()), chance))
    assert np.mean(np.array(ps) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.1)


def test_a_p_value_counts_the_observed_difference_and_leaves_out_what_is_undefined() -> None:
    chance = np.array([0.1, -0.3, 0.3, np.nan, 0.0])
    assert permutation_p(-0.3, chance) == pytest.approx(3 / 5)
    assert np.isnan(permutation_p(np.nan, chance))
    assert np.isnan(permutation_p(0.1, np.array([np.nan])))


def test_holm_s_correction_worked_by_hand() -> None:
    """Four tests: 4 * 0.005, 3 * 0.01, 2 * 0.03, and for 0.04 the larger of that and 0.04."""
    ps = [0.01, 0.03, np.nan, 0.04, 0.005]
    differences = with_holm([Difference(0.1, Interval(0.0, 0.2, "bootstrap"), p) for p in ps])
    assert [difference.p_holm for difference in differences] == pytest.approx(
        [0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True
    )
    assert with_holm([Difference(0.1, UNKNOWN, 0.7), Difference(0.1, UNKNOWN, 0.9)])[0].p_holm == 1.0
    assert differences[2].as_json() == {
        "value": 0.1,
        "low": 0.0,
        "high": 0.2,
        "p": None,
        "p_holm": None,
        "method": "bootstrap",
    }
