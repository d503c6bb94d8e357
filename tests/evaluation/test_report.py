"""The report of a test: every metric with its interval."""

import json
from typing import Any

import numpy as np
import pytest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.report import (
    MetricsReport,
    classification_report,
    format_confusion,
    format_metric,
    format_operating_point,
    format_report,
)
from cxr_cli.evaluation.uncertainty.estimates import UNRELIABLE

CLASSES = ("covid19", "normal", "pneumonia")


def report_of(images: int = 120, seed: int = 0) -> dict[str, Any]:
    """The report of a model that is right on about 0.8 of the images, two images a patient."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    predicted = np.where(rng.random(images) < 0.8, labels, rng.integers(0, 3, images))
    return classification_report(Answers(CLASSES, labels, predicted, np.arange(images) // 2)).as_json()


def test_the_report_is_plain_json_and_the_same_each_time() -> None:
    assert json.dumps(report_of(), allow_nan=False) == json.dumps(report_of(), allow_nan=False)


def test_the_report_counts_images_patients_and_classes() -> None:
    report = report_of()
    assert (report["images"], report["patients"], report["classes"]) == (120, 60, list(CLASSES))
    matrix = np.array(report["confusion_matrix"])
    assert matrix.sum() == 120
    assert [report["per_class"][name]["images"] for name in CLASSES] == matrix.sum(1).tolist()
    assert report["accuracy"]["value"] == pytest.approx(np.trace(matrix) / 120)


def test_an_interval_narrows_with_more_images() -> None:
    few, many = report_of(240)["accuracy"], report_of(3840)["accuracy"]
    # A fourth of the width from sixteen times the images.
    assert (many["high"] - many["low"]) / (few["high"] - few["low"]) == pytest.approx(1 / 4, rel=0.3)


def test_a_perfect_test_of_few_images_is_uncertain_where_that_can_be_known() -> None:
    labels = np.repeat([0, 1, 2], 4)
    report = classification_report(Answers(CLASSES, labels, labels, np.arange(12))).as_json()
    # Wilson's lower limit of 12 in 12 is 12 / (12 + 1.96^2).
    low = pytest.approx(12 / (12 + 1.959964**2))
    known = {"value": 1.0, "low": low, "high": 1.0, "method": "wilson", "reliable": True, "caution": None}
    assert report["accuracy"] == known
    # Three times 4 in 4, whose lower limit is 4 / (4 + 1.96^2); as errors add, nearer by the root of three.
    f1 = 2 * 4 / (4 + 1.959964**2) / (1 + 4 / (4 + 1.959964**2))
    assert report["macro_f1"]["low"] == pytest.approx(1 - (1 - f1) / 3**0.5)
    assert (report["macro_f1"]["high"], report["macro_f1"]["reliable"]) == (1.0, False)


def test_what_is_undefined_is_null_and_printed_as_a_dash() -> None:
    labels = np.array([0, 0, 1, 1])
    result = classification_report(Answers(CLASSES, labels, labels, np.arange(4)))
    report = result.as_json()
    nothing = {"value": None, "low": None, "high": None, "method": "none", "reliable": False}
    nothing["caution"] = "undefined for these images"
    of_class = report["per_class"]["pneumonia"]
    assert [of_class[name] for name in ("sensitivity", "precision", "f1")] == [nothing] * 3
    row = next(line for line in format_report(result).splitlines() if line.startswith("pneumonia"))
    assert row.split() == ["pneumonia", "0", "-", "1.000", "(0.510-1.000)", "-", "-"]


def test_a_metric_is_printed_with_its_interval() -> None:
    assert format_metric({"value": 0.8123, "low": 0.75, "high": 0.8678}) == "0.812 (0.750-0.868)"
    assert format_metric({"value": 1.0, "low": None, "high": None}) == "1.000"
    assert format_metric({"value": None, "low": None, "high": None}) == "-"


def test_the_printed_report_of_classes() -> None:
    labels = np.repeat([0, 1], [2, 2])
    answers = Answers(("normal", "pneumonia"), labels, labels, np.array([0, 0, 1, 2]))  # of one, and of two
    few = "1.000 (no interval: too few patients)"
    assert format_report(classification_report(answers), "trials").splitlines() == [
        "trials 4, patients 3; 95% intervals by patients: proportions by Wilson, AUC by DeLong, "
        "means of metrics by MOVER",
        "accuracy           1.000 (0.439-1.000)",
        f"balanced accuracy  {few}",
        f"macro F1           {few}",
        "",
        "class      trials  sensitivity          specificity          precision            F1",
        f"normal          2  {few}  1.000 (0.342-1.000)  {few}  {few}",
        f"pneumonia       2  1.000 (0.342-1.000)  {few}  1.000 (0.342-1.000)†  1.000 (0.510-1.000)†",
        UNRELIABLE,
        "",
        "true, predicted:        normal     pneumonia",
        "normal                2 (1.00)      0 (0.00)",
        "pneumonia             0 (0.00)      2 (1.00)",
    ]


def two_class_report(point: OperatingPoint | None = None) -> MetricsReport:
    """Four images, of which one positive is missed at 0.5."""
    chance = np.array([0.1, 0.2, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    return classification_report(
        Answers(CLASSES[1:], labels, predicted, np.arange(4), scores, 1), operating_point=point
    )


def test_the_printed_report_of_a_finding() -> None:
    report = two_class_report(OperatingPoint("pneumonia", 0.5, "Youden's index", 0.9, 0.8, 10, 20))
    lines = format_report(report).splitlines()
    assert lines[:4] == [
        "images 4, patients 4; 95% intervals by patients: proportions by Wilson, AUC by DeLong, "
        "means of metrics by MOVER",
        "positive: pneumonia, 2 images",
        "operating point: score_pneumonia >= 0.5, Youden's index on validation",
        "  reached there: sensitivity 0.900 (10 images), specificity 0.800 (20 images)",
    ]
    assert [line.split("  ")[0] for line in lines[4:19]] == [
        "sensitivity",
        "specificity",
        "accuracy",
        "balanced accuracy",
        "precision",
        "NPV",
        "F1",
        "AUC",
        "average precision",
        "Brier score",
        "calibration error",
        "calibration intercept",
        "calibration slope",
        "positive likelihood ratio",
        "negative likelihood ratio",
    ]
    assert lines[4] == "sensitivity                0.500 (0.095-0.905)"
    assert lines[11] == "AUC                        1.000 (0.342-1.000)"
    assert json.loads(json.dumps(report.as_json(), allow_nan=False)) == report.as_json()


def test_the_finding_s_metrics_stand_beside_those_of_all_images() -> None:
    report = two_class_report().as_json()
    for name in ("sensitivity", "specificity", "precision", "f1", "auc", "average_precision"):
        assert report[name] == report["per_class"]["pneumonia"][name]
    assert report["sensitivity"]["value"] == 0.5
    # 0.1^2, 0.2^2, 0.7^2 and 0.1^2
    assert report["brier"]["value"] == pytest.approx((0.01 + 0.04 + 0.49 + 0.01) / 4)


def test_a_given_operating_point_was_chosen_on_no_image() -> None:
    record = OperatingPoint("pneumonia", 0.5, "as given").as_json()
    assert record["chosen_on"] is None
    assert format_operating_point(record) == "operating point: score_pneumonia >= 0.5, as given"


def test_a_matrix_is_printed_as_counts_and_shares_of_the_true_class() -> None:
    assert format_confusion([[3, 1], [0, 0]], ("a class of long name", "b")) == [
        "true, predicted:      a class of long name                     b",
        "a class of long name              3 (0.75)              1 (0.25)",
        "b                                 0 (0.00)              0 (0.00)",
    ]
