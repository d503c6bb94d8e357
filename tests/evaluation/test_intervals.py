"""Intervals: resampled patients, and Wilson's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.evaluation.intervals import patient_weights, percentile_interval, resampled_confusions
from cxr_cli.evaluation.metrics import accuracy, class_accuracy, confusion_matrix


@given(seed=st.integers(0, 1000), classes=st.integers(2, 4), films=st.integers(1, 30))
def test_resamples_are_those_of_a_plain_loop_over_the_drawn_patients(
    seed: int, classes: int, films: int
) -> None:
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, classes, (2, films))
    patients = rng.choice([3, 8, 9, 40], films)
    resamples = resampled_confusions(labels, predicted, patients, classes, np.random.default_rng(seed), 5)

    names = np.unique(patients)
    draws = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=5)
    for draw, resample in zip(draws, resamples, strict=True):
        expected = np.zeros((classes, classes))
        for name, times in zip(names, draw, strict=True):
            of_patient = patients == name
            expected += times * confusion_matrix(labels[of_patient], predicted[of_patient], classes)
        np.testing.assert_array_equal(resample, expected)


def test_films_of_one_patient_come_and_go_together() -> None:
    labels, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1])
    resamples = resampled_confusions(labels, predicted, np.array([7, 7, 7, 2]), 2, np.random.default_rng(0))
    assert set(map(tuple, resamples.reshape(-1, 4).tolist())) == {
        (6.0, 0.0, 0.0, 0.0),
        (3.0, 0.0, 0.0, 1.0),
        (0.0, 0.0, 0.0, 2.0),
    }


def test_a_generator_decides_the_resamples() -> None:
    labels, predicted, patients = np.random.default_rng(0).integers(0, 3, (3, 50))
    first, again, other = (
        resampled_confusions(labels, predicted, patients, 3, np.random.default_rng(seed), 20)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def matrices_of_accuracy(hits: np.ndarray, films: int) -> np.ndarray:
    """Matrices with so many hits among films of one class of two."""
    matrices = np.zeros((len(hits), 2, 2))
    matrices[:, 0, 0], matrices[:, 0, 1] = hits, films - hits
    return matrices


def test_limits_are_the_middle_95_percent() -> None:
    low, high = percentile_interval(accuracy, matrices_of_accuracy(np.arange(1001), 1000))
    assert (float(low), float(high)) == (pytest.approx(0.025), pytest.approx(0.975))


def test_limits_are_given_for_each_class_and_undefined_resamples_left_out() -> None:
    matrices = matrices_of_accuracy(np.arange(1001), 1000)
    matrices[::2, 1, 1] = 4
    low, high = percentile_interval(class_accuracy, matrices)
    np.testing.assert_allclose(low, [0.025, 1.0])
    np.testing.assert_allclose(high, [0.975, 1.0])


def test_a_figure_that_is_never_defined_has_no_limits() -> None:
    low, high = percentile_interval(class_accuracy, matrices_of_accuracy(np.array([1, 2]), 4))
    assert np.isnan(low[1])
    assert np.isnan(high[1])
    low, high = percentile_interval(accuracy, np.zeros((3, 2, 2)))
    assert np.isnan([low, high]).all()


def clustered_answers(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """60 patients with 6 films each: patients are right with 0.5 to 1.0, so 0.75 of the films are."""
    patients = np.repeat(np.arange(60), 6)
    return patients, (rng.random(360) < rng.choice([0.5, 1.0], 60)[patients]).astype(np.int64)


def covers(units_are_patients: bool) -> float:
    """How often the interval holds the true accuracy, 0.75, over 200 drawn studies."""
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        patients, right = clustered_answers(rng)
        units = patients if units_are_patients else np.arange(len(patients))
        resamples = resampled_confusions(np.ones_like(right), right, units, 2, rng, 300)
        low, high = percentile_interval(accuracy, resamples)
        inside.append(low <= 0.75 <= high)
    return float(np.mean(inside))


def test_resampling_patients_covers_the_truth_where_resampling_films_does_not() -> None:
    # 200 studies: 0.95 +- 3 standard errors is 0.90 ... 1.00
    assert covers(units_are_patients=True) >= 0.90
    assert covers(units_are_patients=False) < 0.85


def test_films_of_a_patient_are_drawn_as_often_as_the_patient() -> None:
    weights = patient_weights(np.array([7, 2, 7, 9]), np.random.default_rng(0), 4000)
    assert weights.shape == (4000, 4)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    # Three patients are drawn each time; any one comes once on average, with the binomial's variance.
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(1), 3)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.06)
    np.testing.assert_allclose(weights.var(0), 2 / 3, atol=0.06)
