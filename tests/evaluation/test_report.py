"""The report of a test: every figure with its interval."""

import json
from typing import Any

import numpy as np
import pytest

from cxr_cli.evaluation.report import (
    classification_report,
    format_confusion,
    format_figure,
    format_report,
)

CLASSES = ("covid19", "normal", "pneumonia")


def report_of(films: int = 120, seed: int = 0) -> dict[str, Any]:
    """The report of a net that is right on about 0.8 of the films, two films a patient."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, films)
    predicted = np.where(rng.random(films) < 0.8, labels, rng.integers(0, 3, films))
    return classification_report(labels, predicted, np.arange(films) // 2, CLASSES)


def test_the_report_is_plain_json_and_the_same_each_time() -> None:
    assert json.dumps(report_of(), allow_nan=False) == json.dumps(report_of(), allow_nan=False)


def test_the_report_counts_films_patients_and_classes() -> None:
    report = report_of()
    assert (report["films"], report["patients"], report["classes"]) == (120, 60, list(CLASSES))
    matrix = np.array(report["confusion_matrix"])
    assert matrix.sum() == 120
    assert [report["per_class"][name]["films"] for name in CLASSES] == matrix.sum(1).tolist()
    assert report["accuracy"]["value"] == pytest.approx(np.trace(matrix) / 120)


def test_every_figure_lies_in_its_interval() -> None:
    report = report_of()
    figures = [report[name] for name in ("accuracy", "balanced_accuracy", "macro_f1")]
    figures += [
        report["per_class"][name][kind] for name in CLASSES for kind in ("accuracy", "precision", "f1")
    ]
    for figure in figures:
        assert 0 <= figure["low"] < figure["value"] < figure["high"] <= 1


def test_an_interval_narrows_with_more_films() -> None:
    few, many = report_of(240)["accuracy"], report_of(3840)["accuracy"]
    # A fourth of the width from sixteen times the films.
    assert (many["high"] - many["low"]) / (few["high"] - few["low"]) == pytest.approx(1 / 4, rel=0.3)


def test_a_perfect_test_has_no_width() -> None:
    labels = np.repeat([0, 1, 2], 4)
    report = classification_report(labels, labels, np.arange(12), CLASSES)
    assert report["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_what_is_undefined_is_null_and_printed_as_a_dash() -> None:
    labels = np.array([0, 0, 1, 1])
    report = classification_report(labels, labels, np.arange(4), CLASSES)
    assert report["per_class"]["pneumonia"] == {
        "films": 0,
        **{name: {"value": None, "low": None, "high": None} for name in ("accuracy", "precision", "f1")},
    }
    row = next(line for line in format_report(report).splitlines() if line.startswith("pneumonia"))
    assert row.split() == ["pneumonia", "0", "-", "-", "-"]


def test_a_figure_is_printed_with_its_interval() -> None:
    assert format_figure({"value": 0.8123, "low": 0.75, "high": 0.8678}) == "0.812 (0.750-0.868)"
    assert format_figure({"value": None, "low": None, "high": None}) == "-"


def test_the_printed_report() -> None:
    labels = np.repeat([0, 1], [2, 2])
    report = classification_report(labels, np.array([0, 0, 1, 1]), np.arange(4), ("normal", "pneumonia"))
    assert format_report(report).splitlines() == [
        "films 4, patients 4; 95 % intervals by patients",
        "accuracy           1.000 (1.000-1.000)",
        "balanced accuracy  1.000 (1.000-1.000)",
        "macro f1           1.000 (1.000-1.000)",
        "",
        "class       films  accuracy                precision               f1",
        "normal          2  1.000 (1.000-1.000)     1.000 (1.000-1.000)     1.000 (1.000-1.000)",
        "pneumonia       2  1.000 (1.000-1.000)     1.000 (1.000-1.000)     1.000 (1.000-1.000)",
        "",
        "true, predicted:        normal     pneumonia",
        "normal                2 (1.00)      0 (0.00)",
        "pneumonia             0 (0.00)      2 (1.00)",
    ]


def test_a_matrix_is_printed_as_counts_and_shares_of_the_true_class() -> None:
    assert format_confusion([[3, 1], [0, 0]], ("a class of long name", "b")) == [
        "true, predicted:      a class of long name                     b",
        "a class of long name              3 (0.75)              1 (0.25)",
        "b                                 0 (0.00)              0 (0.00)",
    ]
