"""Two models on the same images."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.paired import (
    paired_differences,
    paired_share_interval,
    swapped_differences,
    swapping_p,
)
from cxr_cli.evaluation.uncertainty.delong import compare_areas
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN


def two_models(images_each: int = 1) -> tuple[Answers, Answers]:
    """A good and a poor model on the same 120 images."""
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 120), np.arange(120) // images_each
    both = []
    for noise in (0.6, 2.5):
        chance = 1 / (1 + np.exp(-(2 * labels - 1 + noise * rng.normal(size=120))))
        scores = np.stack([1 - chance, chance], axis=1)
        both.append(Answers(("normal", "pneumonia"), labels, (chance > 0.5).astype(int), patients, scores, 1))
    return both[0], both[1]


def test_differences_are_the_second_s_metrics_minus_the_first_s() -> None:
    good, poor = two_models()
    found = paired_differences(good, poor)
    assert set(found) == {
        "sensitivity",
        "specificity",
        "precision",
        "npv",
        "f1",
        "auc",
        "accuracy",
        "balanced_accuracy",
    }
    right = [answers.predicted == answers.labels for answers in (good, poor)]
    assert found["accuracy"].value == pytest.approx(right[1].mean() - right[0].mean())
    assert found["accuracy"].interval.low < found["accuracy"].value < found["accuracy"].interval.high < 0
    # McNemar's exact test: the images that one alone has right are a binomial draw.
    alone = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    assert found["accuracy"].p == pytest.approx(binomtest(alone[0], sum(alone)).pvalue)
    of_class = good.labels == 1
    hits = [answers.predicted[of_class] for answers in (good, poor)]
    assert found["sensitivity"].value == pytest.approx(hits[1].mean() - hits[0].mean())
    assert good.scores is not None
    assert poor.scores is not None
    area = compare_areas(of_class, good.scores[:, 1], poor.scores[:, 1], good.patients)
    assert (found["auc"].value, found["auc"].p) == (area.value, area.p)
    assert found["auc"].interval == (area.low, area.high, "delong")
    assert np.isnan(found["precision"].p)


def test_a_model_does_not_differ_from_itself() -> None:
    good, _ = two_models(3)
    for difference in paired_differences(good, good).values():
        assert difference.value == 0
        assert np.isnan(difference.interval.low) or difference.interval.low < 0 < difference.interval.high
        assert difference.p == 1.0 or np.isnan(difference.p)


def test_of_more_classes_the_metrics_of_all_are_compared() -> None:
    labels = np.arange(30) % 3
    first = Answers(("a", "b", "c"), labels, labels, np.arange(30), np.eye(3)[labels])
    second = Answers(
        ("a", "b", "c"), labels, (labels + (np.arange(30) < 6)) % 3, np.arange(30), np.eye(3)[labels]
    )
    found = paired_differences(first, second)
    assert set(found) == {"accuracy", "balanced_accuracy", "macro_f1", "macro_auc"}
    assert found["accuracy"].value == pytest.approx(-0.2)
    # All six discordant images speak for the first.
    assert found["accuracy"].p == pytest.approx(2 / 2**6)


def test_swaps_of_patients_with_many_images_are_counted_by_patients() -> None:
    """Five patients of four images, all better: as in a sign test of five, p is 2 / 32."""
    gained, patients = np.ones(20, np.int64), np.repeat(np.arange(5), 4)
    assert swapping_p(gained, patients) == pytest.approx(1 / 16)
    assert swapping_p(np.zeros(20, np.int64), patients) == 1.0
    assert swapping_p(np.zeros(5, np.int64), np.arange(5)) == 1.0
    assert np.isnan(swapping_p(gained[:0], patients[:0]))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_every_way_to_swap_counts(totals: list[int]) -> None:
    gained = np.concatenate([np.full(abs(total), np.sign(total)) for total in totals]).astype(int)
    patients = np.repeat(np.arange(len(totals)), np.abs(totals))
    sums = [np.dot(signs, totals) for signs in product((-1, 1), repeat=len(totals))]
    expected = np.mean(np.abs(sums) >= abs(sum(totals)))
    found = swapping_p(gained, patients)
    assert found == pytest.approx(expected) if len(gained) else np.isnan(found)


def test_the_interval_of_a_paired_share_by_hand() -> None:
    # Agresti & Min 2005: of 20 pairs 5 gained and 1 lost, so that with two pairs added the difference is
    # 4 / 22, and the sum of squares 6 + 1 - 4 ** 2 / 22 where each image is of its own patient.
    gained = np.array([1] * 5 + [-1] + [0] * 14)
    found = paired_share_interval(gained, np.arange(20))
    mean = 4 / 22
    between = ((gained - mean) ** 2).sum() * 20 / 19 + 0.5 * (1 - mean) ** 2 + 0.5 * (1 + mean) ** 2 + mean**2
    half = 1.959964 * np.sqrt(between) / 22
    assert found[:2] == pytest.approx((mean - half, mean + half), abs=1e-6)
    assert found.method == "agresti-min"


def test_images_of_one_patient_that_gain_together_widen_the_interval() -> None:
    gained = np.repeat([1, 0, 0, -1, 1, 0, 0, 0, 1, 0], 4)
    alone, together = (paired_share_interval(gained, np.arange(40) // each) for each in (1, 4))
    assert together.high - together.low > 1.6 * (alone.high - alone.low)


def test_one_patient_alone_has_no_interval() -> None:
    assert paired_share_interval(np.array([1, 0]), np.zeros(2, int)) is UNKNOWN


def test_swapped_predictions_differ_around_zero_and_scores_by_rank() -> None:
    good, poor = two_models()
    assert poor.scores is not None
    chance = next(swapped_differences(good, poor, np.random.default_rng(0)))
    assert {"f1", "precision", "balanced_accuracy", "auc"} <= set(chance)
    for name, values in chance.items():
        assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values)) + 1e-3, name
    # Another scale of one model's scores changes nothing, as its ranks are the same.
    scaled = replace(poor, scores=poor.scores**3)
    again = next(swapped_differences(good, scaled, np.random.default_rng(0)))
    assert again["auc"].tolist() == chance["auc"].tolist()
