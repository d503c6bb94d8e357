"""Every metric with its interval, and which method it is by."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import f1_score, roc_auc_score

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.uncertainty.delong import areas
from cxr_cli.evaluation.uncertainty.estimates import Estimates, estimate
from cxr_cli.evaluation.uncertainty.intervals import area_interval, wilson_interval


def study(patients: int, images_each: int, seed: int = 0) -> Answers:
    """A model of AUC 0.92 on images of two classes, a patient's images being alike."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), images_each)
    labels = (np.arange(patients) % 2)[patient]
    latent = rng.normal(size=patients)[patient] + 0.5 * rng.normal(size=len(patient)) + 2.2 * labels - 1.1
    chance = 1 / (1 + np.exp(-latent))
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("normal", "pneumonia"), labels, (chance >= 0.5).astype(int), patient, scores, 1)


def estimates_of(answers: Answers) -> Estimates:
    return estimate(answers)


def test_independent_images_have_wilson_s_and_delong_s_intervals() -> None:
    answers = study(80, 1)
    of = estimates_of(answers)
    hits = int((answers.predicted[answers.labels == 1] == 1).sum())
    assert of.per_class["sensitivity"][1].interval == wilson_interval(hits, 40)
    assert of.per_class["specificity"][0].interval == wilson_interval(hits, 40)
    called = answers.predicted == 1
    assert of.per_class["precision"][1].interval == wilson_interval(hits, int(called.sum()))
    right = int((answers.predicted == answers.labels).sum())
    assert of.overall["accuracy"].interval == wilson_interval(right, 80)
    assert answers.scores is not None
    area = of.per_class["auc"][1]
    assert area.value == pytest.approx(roc_auc_score(answers.labels, answers.scores[:, 1]))
    assert area.interval.method == "delong"
    _, variance = areas(answers.labels == 1, answers.scores[None, :, 1], answers.patients)
    assert area.interval == area_interval(area.value, variance[0, 0], (40, 40))


def test_f1_has_the_limits_of_the_share_of_hits_among_what_is_positive_or_called() -> None:
    answers = study(80, 1)
    positive, called = answers.labels == 1, answers.predicted == 1
    low, high, _ = wilson_interval(int((positive & called).sum()), int((positive | called).sum()))
    f1 = estimates_of(answers).per_class["f1"][1]
    assert f1.value == pytest.approx(f1_score(positive, called))
    assert f1.interval == (pytest.approx(2 * low / (1 + low)), pytest.approx(2 * high / (1 + high)), "wilson")


def test_balanced_accuracy_is_between_sensitivity_and_specificity_as_errors_add() -> None:
    of = estimates_of(study(80, 1))
    parts = [of.per_class["sensitivity"][number] for number in (0, 1)]
    balanced = of.overall["balanced_accuracy"]
    below = np.hypot(*(part.value - part.interval.low for part in parts)) / 2
    assert balanced.interval.low == pytest.approx(balanced.value - below)
    assert balanced.interval.method == "mover"


def test_predictive_values_elsewhere_follow_from_likelihood_ratios() -> None:
    of = estimates_of(replace(study(80, 1), prevalence=0.1)).per_class
    for ratio, value, share in (
        ("positive_likelihood_ratio", "ppv_at_prevalence", lambda odds: odds / 9 / (1 + odds / 9)),
        ("negative_likelihood_ratio", "npv_at_prevalence", lambda odds: 1 / (1 + odds / 9)),
    ):
        limits = sorted(share(limit) for limit in of[ratio][1].interval[:2])
        assert of[value][1].interval[:2] == pytest.approx(limits)
        assert of[value][1].value == pytest.approx(share(of[ratio][1].value))


def test_the_brier_score_of_three_classes_is_of_at_most_two() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 90), rng.dirichlet([1, 1, 1], 90)
    answers = Answers(("a", "b", "c"), labels, scores.argmax(1), np.arange(90), scores)
    brier = estimates_of(answers).overall["brier"]
    assert brier.value == pytest.approx(((scores - np.eye(3)[labels]) ** 2).sum(1).mean())
    assert brier.interval.low < brier.value < brier.interval.high
    sure = Answers(("a", "b", "c"), labels, labels, np.arange(90), np.eye(3)[(labels + 1) % 3])
    assert estimates_of(sure).overall["brier"].interval.high == 2.0


def test_an_interval_of_few_patients_of_a_class_is_marked() -> None:
    few, enough = (estimates_of(study(patients, 2)) for patients in (39, 40))
    for of, reliable in ((few, False), (enough, True)):
        marked = [of.overall["brier"], of.overall["balanced_accuracy"], of.per_class["average_precision"][1]]
        assert [metric.as_json()["reliable"] for metric in marked] == [reliable] * 3
        assert of.per_class["auc"][1].as_json()["reliable"] is True
    assert few.overall["brier"].caution == "unreliable: 19 patients of the rarest class, fewer than 20"


def test_images_of_the_same_patients_have_wider_intervals() -> None:
    of = estimates_of(study(40, 4))
    answers = study(40, 4)
    as_if_alone = estimates_of(
        Answers(answers.classes, answers.labels, answers.predicted, np.arange(160), answers.scores, 1)
    )
    for name in ("sensitivity", "specificity", "precision", "f1", "auc", "average_precision"):
        wide, narrow = of.per_class[name][1].interval, as_if_alone.per_class[name][1].interval
        assert wide.high - wide.low > 1.1 * (narrow.high - narrow.low), name
    assert of.per_class["sensitivity"][1].interval.method == "wilson"


def test_every_metric_lies_in_its_interval() -> None:
    of = estimates_of(study(60, 2))
    every = [*of.overall.items(), *((name, one) for name, both in of.per_class.items() for one in both)]
    assert len(every) == 7 + 2 * 11
    unbounded = ("calibration_intercept", "calibration_slope", "positive_likelihood_ratio")
    for name, metric in every:
        if name != "calibration_error":
            assert metric.interval.low < metric.value < metric.interval.high, name
            assert name in unbounded or 0 <= metric.interval.low < metric.interval.high <= 1, name


def test_the_calibration_error_has_no_interval() -> None:
    metric = estimates_of(study(60, 1)).overall["calibration_error"].as_json()
    assert (metric["low"], metric["high"], metric["method"], metric["reliable"]) == (
        None,
        None,
        "none",
        False,
    )
    assert str(metric["caution"]).startswith("no interval: ")


def test_a_class_without_images_has_neither_metric_nor_interval() -> None:
    whole = study(20, 1)
    of = estimates_of(whole.take(whole.labels == 0))
    nothing = {"value": None, "low": None, "high": None, "method": "none", "reliable": False}
    for name in ("sensitivity", "auc"):
        assert of.per_class[name][1].as_json() == {**nothing, "caution": "undefined for these images"}
    assert of.per_class["specificity"][1].as_json()["value"] is not None


@pytest.mark.parametrize("images_each", [1, 3])
@pytest.mark.parametrize("perfect", [True, False])
def test_every_metric_of_a_few_images_has_an_interval_or_a_reason(images_each: int, perfect: bool) -> None:
    whole = study(4, images_each)
    answers = replace(whole, predicted=whole.labels, scores=np.eye(2)[whole.labels]) if perfect else whole
    of = estimates_of(answers)
    for metric in [*of.overall.values(), *(one for both in of.per_class.values() for one in both)]:
        assert not np.isnan(metric.interval.low) or metric.caution


@st.composite
def any_answers(draw: st.DrawFn) -> Answers:
    """A few images of a few patients and two or three classes, scores with ties and at the ends."""
    images, classes = draw(st.integers(1, 12)), draw(st.sampled_from([2, 3]))
    numbers = st.lists(st.integers(0, classes - 1), min_size=images, max_size=images)
    patients = draw(st.lists(st.integers(0, 4), min_size=images, max_size=images))
    parts = draw(npst.arrays(np.int64, (images, classes), elements=st.integers(0, 3))) + 1e-9
    return Answers(
        classes=("a", "b", "c")[:classes],
        labels=np.array(draw(numbers)),
        predicted=np.array(draw(numbers)),
        patients=np.array(patients),
        scores=parts / parts.sum(1, keepdims=True),
        positive=draw(st.sampled_from([0, 1])) if classes == 2 else None,
        prevalence=0.1,
    )


@given(any_answers())
def test_whatever_the_images_every_metric_lies_in_its_interval_or_has_none_for_a_reason(
    answers: Answers,
) -> None:
    of = estimates_of(answers)
    for name, metric in [
        *of.overall.items(),
        *((name, one) for name, each in of.per_class.items() for one in each),
    ]:
        low, high, _ = metric.interval
        if np.isnan(low) or np.isnan(metric.value):
            assert metric.caution, name
        else:
            assert low <= metric.value + 1e-12, name
            assert metric.value <= high + 1e-12, name
        assert json.dumps(metric.as_json(), allow_nan=False)
