"""Every metric with its interval, and which method it is by."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.uncertainty.delong import areas
from cxr_cli.evaluation.uncertainty.estimates import Estimates, estimate
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval


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
    return estimate(answers, np.random.default_rng(0), 400)


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
    # On the scale of log odds the interval is even about the metric, by DeLong's error.
    _, variance = areas(answers.labels == 1, answers.scores[None, :, 1], answers.patients)
    low, value, high = (np.log(x / (1 - x)) for x in (area.interval.low, area.value, area.interval.high))
    assert high - value == pytest.approx(value - low)
    expected = 1.959964 * variance[0, 0] ** 0.5 / (area.value * (1 - area.value))
    assert high - value == pytest.approx(expected, rel=1e-5)


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
    assert of.overall["brier"].interval.method == "bootstrap"


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
    metric = estimates_of(study(60, 1)).overall["calibration_error"]
    assert metric.as_json() == {"value": metric.value, "low": None, "high": None, "method": "none"}


def test_a_class_without_images_has_neither_metric_nor_interval() -> None:
    whole = study(20, 1)
    of = estimates_of(whole.take(whole.labels == 0))
    nothing = {"value": None, "low": None, "high": None, "method": "none"}
    for name in ("sensitivity", "auc"):
        assert of.per_class[name][1].as_json() == nothing
    assert of.per_class["specificity"][1].as_json()["value"] is not None
