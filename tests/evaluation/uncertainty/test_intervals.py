"""Intervals: resampled patients, Wilson's, and DeLong's on log odds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.evaluation.metrics.calibration import weighted_mean
from cxr_cli.evaluation.uncertainty import intervals
from cxr_cli.evaluation.uncertainty.estimates import area_estimate
from cxr_cli.evaluation.uncertainty.intervals import (
    UNKNOWN,
    area_interval,
    average_precision_interval,
    bounded_mean_interval,
    over_resamples,
    patient_weights,
    percentile_interval,
    proportion_interval,
    weight_chunks,
    wilson_interval,
)


def test_images_of_a_patient_are_drawn_as_often_as_the_patient() -> None:
    weights = patient_weights(np.array([7, 2, 7, 9]), np.random.default_rng(0), 4000)
    assert weights.shape == (4000, 4)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    # Three patients are drawn each time; any one comes once on average, with the binomial's variance.
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(1), 3)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.06)
    np.testing.assert_allclose(weights.var(0), 2 / 3, atol=0.06)


@given(seed=st.integers(0, 1000), images=st.integers(1, 30))
def test_weights_are_those_of_a_plain_loop_over_the_drawn_patients(seed: int, images: int) -> None:
    patients = np.random.default_rng(seed).choice([3, 8, 9, 40], images)
    weights = patient_weights(patients, np.random.default_rng(seed), 5)
    names = np.unique(patients)
    for drawn, row in zip(np.random.default_rng(seed).choice(names, (5, len(names))), weights, strict=True):
        assert row.tolist() == [(drawn == patient).sum() for patient in patients]


def test_a_generator_decides_the_resamples() -> None:
    first, again, other = (patient_weights(np.arange(9), np.random.default_rng(i), 20) for i in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_many_images_are_resampled_a_few_at_a_time_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = []

    def metric(weights: np.ndarray) -> dict[str, np.ndarray]:
        sizes.append(len(weights))
        return {"mean": weighted_mean(np.arange(10.0), weights)}

    whole = over_resamples(metric, np.arange(10), np.random.default_rng(0), 25)
    monkeypatch.setattr(intervals, "IMAGES_AT_ONCE", 100)
    parts = over_resamples(metric, np.arange(10), np.random.default_rng(0), 25)
    assert sizes == [25, 10, 10, 5]
    np.testing.assert_array_equal(whole["mean"], parts["mean"])
    monkeypatch.setattr(intervals, "IMAGES_AT_ONCE", 3)
    assert list(weight_chunks(10, 2)) == [1, 1]


def test_limits_are_the_middle_95_percent_of_the_resamples_that_have_the_metric() -> None:
    values = np.append(np.arange(1001) / 1000, [np.nan] * 7)
    assert percentile_interval(values) == (pytest.approx(0.025), pytest.approx(0.975), "bootstrap")


@pytest.mark.parametrize("values", [[0.7] * 5, [np.nan] * 5])
def test_resamples_that_are_all_alike_give_no_interval(values: list[float]) -> None:
    assert percentile_interval(np.array(values)) is UNKNOWN


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    expected = (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5), "wilson")
    assert wilson_interval(successes, trials) == expected
    assert wilson_interval(0, 0) is UNKNOWN


def test_a_proportion_of_independent_images_has_wilson_s_interval() -> None:
    counted, hits = np.array([True] * 29 + [False]), np.array([True] + [False] * 28 + [True])
    found = proportion_interval(counted, hits, np.arange(30))
    assert found == wilson_interval(1, 29)


def test_images_of_the_same_patients_count_as_many_as_their_variance_says() -> None:
    """Ten patients with four images, all hits of six and none of four."""
    patients, hits = np.arange(40) // 4, np.arange(40) < 24
    found = proportion_interval(np.ones(40, bool), hits, patients)
    # Between patients: (4 x 0.4)^2 six times and (4 x 0.6)^2 four times, over 40 x 0.24 of images; with
    # clusters of four the factor for the degrees of freedom is 1 + 3/4 / 9. Four patients decide, and 1.5
    # more stand for images that are copies.
    observed = (6 * 1.6**2 + 4 * 2.4**2) / (40 * 0.24) * (1 + 0.75 / 9)
    ratio = (4 * observed + 1.5 * 4) / 5.5
    trials = 40 / ratio * (1 - 0.75 * (1 - (1.959964 / 2.262157) ** 2))
    assert found[:2] == pytest.approx(wilson_interval(0.6 * trials, trials)[:2], abs=1e-6)
    assert found.method == "wilson"


def test_images_are_never_worth_more_than_they_are() -> None:
    patients, hits = np.arange(40) // 2, np.arange(40) % 2 == 0  # one hit and one miss of each patient
    found = proportion_interval(np.ones(40, bool), hits, patients)
    trials = 40 / ((20 + 1.5 * 2) / 21.5) * (1 - 0.5 * (1 - (1.959964 / 2.093024) ** 2))
    assert found[:2] == pytest.approx(wilson_interval(trials / 2, trials)[:2], abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_one_patient_with_two_images_changes_no_interval_by_much(seed: int) -> None:
    """As if that image were of a patient of its own, but for what one image in sixty is worth."""
    rng = np.random.default_rng(seed)
    right, errors, positive = rng.random(60) < 0.9, rng.random(60) ** 3, rng.random(60) < 0.3
    scores = positive + rng.normal(size=60)
    apart, together = (
        (
            proportion_interval(np.ones(60, bool), right, patients),
            bounded_mean_interval(errors, patients),
            area_estimate(positive, scores, patients).interval,
        )
        for patients in (np.arange(60), np.r_[np.arange(59), 0])
    )
    for one, other in zip(apart, together, strict=True):
        assert one[:2] == pytest.approx(other[:2], abs=0.02)
        assert one.method == other.method


def test_a_proportion_that_never_failed_is_as_uncertain_as_its_patients_are_few() -> None:
    """Six images of three patients, all hits: Wilson's lower limit of 3 in 3 is 3 / (3 + 1.96^2)."""
    patients = np.repeat([4, 5, 6, 7], 2)
    counted = patients != 7
    found = proportion_interval(counted, np.ones(8, bool), patients)
    assert found == (pytest.approx(3 / (3 + 1.959964**2)), 1.0, "wilson")
    mirrored = proportion_interval(counted, np.zeros(8, bool), patients)
    assert mirrored == (0.0, pytest.approx(1 - found.low), "wilson")
    assert proportion_interval(np.zeros(8, bool), counted, patients) is UNKNOWN


def test_an_area_s_interval_is_newcombe_s_where_its_variance_is_the_model_s() -> None:
    """Method 5's equation: (limit - area)^2 = z^2 V(limit), V of 30 and 40 images by Hanley and McNeil."""

    def variance(area: float) -> float:
        pairs = 1 + 34 * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * pairs / (30 * 40)

    # Student's factor of 29 degrees is taken out of DeLong's, so that what is observed is the model's.
    smaller = (1.959964 / 2.045230) ** 2
    low, high, method = area_interval(0.9, variance(0.9) * smaller, (30, 40))
    for limit in (low, high):
        assert (limit - 0.9) ** 2 == pytest.approx(1.959964**2 * variance(limit), rel=1e-5)
    assert (low < 0.9 < high, method) == (True, "delong")


def test_an_area_of_many_patients_has_delong_s_error_and_of_few_is_moderated() -> None:
    model = 0.9 * 0.1 * (1 + 9999 * (0.1 / 1.1 + 0.9 / 1.9)) / 1e8
    low, high, _ = area_interval(0.9, 4 * model, (10_000, 10_000))
    assert (high - low) / 2 == pytest.approx(1.96 * 2 * model**0.5, rel=0.01)
    few = 0.9 * 0.1 * (1 + 4 * (0.1 / 1.1 + 0.9 / 1.9)) / 25
    doubled, single = (area_interval(0.9, factor * few, (5, 5)) for factor in (2, 1))
    assert 1 < (doubled.high - doubled.low) / (single.high - single.low) < 1.2


def test_an_area_of_one_is_as_uncertain_as_its_pairs_are_few() -> None:
    assert area_interval(1.0, 0.0, (7, 9)) == wilson_interval(7, 7)
    assert area_interval(0.0, 0.0, (9, 7)) == wilson_interval(0, 7)


def test_one_patient_of_a_class_says_nothing_of_others() -> None:
    assert area_interval(np.nan, np.nan, (0, 4)) is UNKNOWN
    assert area_interval(0.75, 0.01, (1, 4)) is UNKNOWN
    assert average_precision_interval(0.8, 0.01, 0.0, 3, 1) is UNKNOWN
    every = np.ones(3, bool)
    assert proportion_interval(every, every, np.zeros(3, np.int64)) is UNKNOWN
    assert bounded_mean_interval(np.full(3, 0.1), np.zeros(3, np.int64)) is UNKNOWN


def test_an_average_precision_is_a_proportion_of_the_positive_images() -> None:
    # Twenty patients, an image each; the variance is the binomial one, less Student's factor of 19 degrees.
    variance = 0.8 * 0.2 / 20 * (1.959964 / 2.093024) ** 2
    found = average_precision_interval(0.8, variance, 0.0, 20, 20)
    expected = wilson_interval(16, 20 / ((19 + 10) / 29))
    assert found[:2] == pytest.approx(expected[:2], abs=1e-6)
    below = average_precision_interval(0.8, variance, 0.05, 20, 20)
    assert below.low < found.low
    assert average_precision_interval(1.0, 0.0, 0.0, 20, 5) == wilson_interval(5, 5)
    assert average_precision_interval(np.nan, np.nan, np.nan, 0, 0) is UNKNOWN


def test_a_mean_of_zeros_and_ones_is_a_proportion() -> None:
    errors = np.repeat([0.0, 1.0], [15, 5])
    low, high, _ = bounded_mean_interval(errors, np.arange(20))
    # Five decide; the observed ratio is 20 / 19 and Student's factor of 19 degrees.
    ratio = (5 * 20 / 19 * (2.093024 / 1.959964) ** 2 + 3) / 8
    assert (low, high) == pytest.approx(wilson_interval(5 / ratio, 20 / ratio)[:2], abs=1e-6)
    assert bounded_mean_interval(np.zeros(8), np.arange(8) // 2) == wilson_interval(0, 4)


def clustered_answers(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """60 patients with 6 images each: patients are right with 0.5 to 1.0, so 0.75 of the images are."""
    patients = np.repeat(np.arange(60), 6)
    return patients, rng.random(360) < rng.choice([0.5, 1.0], 60)[patients]


def covers(units_are_patients: bool) -> float:
    """How often the interval holds the true accuracy, 0.75, over 200 drawn studies."""
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        patients, right = clustered_answers(rng)
        units = patients if units_are_patients else np.arange(len(patients))
        resampled = weighted_mean(right, patient_weights(units, rng, 200))
        low, high, _ = percentile_interval(resampled)
        inside.append(low <= 0.75 <= high)
    return float(np.mean(inside))


def test_resampling_patients_covers_the_truth_where_resampling_images_does_not() -> None:
    # 200 studies: 0.95 +- 3 standard errors is 0.90 ... 1.00
    assert covers(units_are_patients=True) >= 0.90
    assert covers(units_are_patients=False) < 0.85
