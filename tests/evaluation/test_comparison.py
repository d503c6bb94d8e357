"""Several models, and readers, on the same images: against hand-worked tables and plain loops."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_curve

from cxr_cli.evaluation.comparison import (
    Comparison,
    agreement_of,
    compare_models,
    compare_reader,
    is_noninferior,
)
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval

NAMES = ("normal", "pneumonia")


def answers_of(
    chance: np.ndarray, labels: np.ndarray, patients: np.ndarray, threshold: float = 0.5
) -> Answers:
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(NAMES, labels, (chance >= threshold).astype(np.int64), patients, scores, 1)


def models(
    images: int = 80, noises: tuple[float, ...] = (0.5, 1.0, 3.0), images_each: int = 2
) -> dict[str, Answers]:
    rng = np.random.default_rng(3)
    labels, patients = np.arange(images) % 2, np.arange(images) // images_each
    return {
        f"noise {noise}": answers_of(
            norm.cdf((2 * labels - 1) + noise * rng.normal(size=images)), labels, patients
        )
        for noise in noises
    }


@pytest.fixture(scope="module")
def compared() -> list[Comparison]:
    inside = np.arange(80) < 30
    strata = {"sex": {"F": inside, "M": ~inside}}
    return compare_models(models(), strata, 0, 200)


def test_all_images_come_first_then_each_stratum(compared: list[Comparison]) -> None:
    assert [(group.by, group.name, group.images, group.patients) for group in compared] == [
        ("", "all images", 80, 40),
        ("sex", "F", 30, 15),
        ("sex", "M", 50, 25),
    ]
    assert compared[1].of_class == {"normal": 15, "pneumonia": 15}
    assert [group.small for group in compared] == [False, True, False]


def test_every_two_models_are_a_pair(compared: list[Comparison]) -> None:
    pairs = [(pair.first, pair.second) for pair in compared[0].pairs]
    assert pairs == [("noise 0.5", "noise 1.0"), ("noise 0.5", "noise 3.0"), ("noise 1.0", "noise 3.0")]
    for pair in compared[0].pairs:
        for name in ("accuracy", "balanced_accuracy"):
            both = [compared[0].estimates[model].overall[name].value for model in (pair.first, pair.second)]
            assert pair.differences[name].value == pytest.approx(both[1] - both[0])


def test_every_difference_has_a_p_value(compared: list[Comparison]) -> None:
    for pair in compared[0].pairs:
        assert all(0 < difference.p <= 1 for difference in pair.differences.values())
    far = compared[0].pairs[1].differences
    assert all(far[name].p < 0.05 for name in ("accuracy", "auc", "f1", "precision", "balanced_accuracy"))


def test_holm_is_over_the_pairs_metric_by_metric(compared: list[Comparison]) -> None:
    for name in ("accuracy", "auc"):
        p = np.array([pair.differences[name].p for pair in compared[0].pairs])
        # Holm by hand: the smallest times 3, the next times 2, the last as it is, and never falling.
        order = np.argsort(p)
        steps = p[order] * [3, 2, 1]
        expected = np.empty(3)
        expected[order] = np.minimum(np.maximum.accumulate(steps), 1)
        found = [pair.differences[name].p_holm for pair in compared[0].pairs]
        assert found == pytest.approx(expected)


def test_holm_of_a_characteristic_is_over_its_pairs_and_strata(compared: list[Comparison]) -> None:
    pairs = [pair for group in compared[1:] for pair in group.pairs]
    p = [pair.differences["accuracy"].p for pair in pairs]
    smallest = pairs[int(np.argmin(p))].differences["accuracy"]
    assert smallest.p_holm == pytest.approx(min(6 * min(p), 1))


@pytest.mark.parametrize(("low", "expected"), [(-0.04, True), (-0.05, False), (-0.06, False), (np.nan, None)])
def test_noninferior_is_a_lower_limit_above_the_margin(low: float, expected: bool | None) -> None:
    interval = UNKNOWN if np.isnan(low) else Interval(low, 0.1, "bootstrap")
    assert is_noninferior(Difference(0.01, interval, 0.5), 0.05) is expected


def test_a_reader_is_compared_at_the_reader_s_own_specificity() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    chance = np.array([0.1, 0.2, 0.6, 0.7, 0.3, 0.65, 0.8, 0.9])
    calls = np.array([0, 0, 0, 1, 1, 0, 0, 1])
    model = answers_of(chance, labels, np.arange(8))
    found = compare_reader("A", calls, {"model": model}, np.random.default_rng(0), 200)
    # The reader: 3 of 4 negatives and 2 of 4 positives. At one false alarm in four, 0.7, the model finds 2
    # (0.8, 0.9) before it and, at the corner above 0.6, 3 of 4 (0.65 too).
    assert (found.specificity.value, found.sensitivity.value, found.images) == (0.75, 0.5, 8)
    rates, hits, _ = roc_curve(labels, chance, drop_intermediate=False)
    expected = max(hit for rate, hit in zip(rates, hits, strict=True) if rate == 0.25)
    assert found.model_sensitivity["model"].value == expected == 0.75
    assert found.model_difference["model"].value == 0.25


def test_images_that_a_reader_did_not_read_do_not_count() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    chance = np.array([0.2, 0.8, 0.4, 0.6, 0.9, 0.1])
    calls = np.array([0, 1, 0, 1, -1, -1])
    model = answers_of(chance, labels, np.arange(6))
    found = compare_reader("A", calls, {"model": model}, np.random.default_rng(0), 100)
    assert (found.images, found.sensitivity.value, found.specificity.value) == (4, 1.0, 1.0)
    assert found.model_sensitivity["model"].value == 1.0


def test_a_reader_s_interval_is_by_patient() -> None:
    alone, together = (models(80, (1.0,), each)["noise 1.0"] for each in (1, 4))
    calls = np.where(np.random.default_rng(1).random(80) < 0.8, alone.labels, 1 - alone.labels)
    found = [compare_reader("A", calls, {"m": of}, np.random.default_rng(0), 400) for of in (alone, together)]
    widths = [of.sensitivity.interval.high - of.sensitivity.interval.low for of in found]
    assert widths[1] != widths[0]
    for of in found:
        interval = of.model_difference["m"].interval
        assert interval.low < of.model_difference["m"].value < interval.high


def test_readers_agree_two_by_two_and_all_together() -> None:
    first = np.array([0, 0, 1, 1, 1, -1])
    second = np.array([0, 1, 1, 1, -1, 0])
    third = np.array([0, 0, 1, 1, 0, 0])
    calls = {"A": first, "B": second, "C": third}
    found = agreement_of(calls, 2, np.arange(6), np.random.default_rng(0), 100)
    assert [(one.readers, one.images, one.share) for one in found] == [
        (("A", "B"), 4, 0.75),
        (("A", "C"), 5, 0.8),
        (("B", "C"), 5, pytest.approx(0.8)),
        (("A", "B", "C"), 4, 0.75),
    ]
    # A and B by hand: 0.75 agreed, by chance 0.5 * 0.25 + 0.5 * 0.75 = 0.5.
    assert found[0].kappa.value == pytest.approx(0.5)


def test_readers_without_a_common_image_have_no_agreement() -> None:
    calls = {"A": np.array([0, 1, -1, -1]), "B": np.array([-1, -1, 0, 1])}
    assert agreement_of(calls, 2, np.arange(4), np.random.default_rng(0), 100) == []


def test_a_comparison_has_one_p_from_both_sides_and_beside_others() -> None:
    every = models()
    [there] = compare_models(every, {}, 0, 100)
    [back] = compare_models(dict(reversed(every.items())), {}, 0, 100)
    ps = {(pair.first, pair.second): {m: of.p for m, of in pair.differences.items()} for pair in there.pairs}
    for pair in back.pairs:
        of_pair = {m: of.p for m, of in pair.differences.items()}
        assert of_pair == pytest.approx(ps[pair.second, pair.first], rel=1e-9)
