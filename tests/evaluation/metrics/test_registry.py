"""The registry of metrics: rows that tables, files and intervals follow."""

import numpy as np
import pytest

from cxr_cli.evaluation.metrics import registry
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import ratio
from cxr_cli.evaluation.metrics.registry import METRICS, Metric, Proportion, compute_metrics, heading, shown
from cxr_cli.evaluation.report import classification_report, format_report
from cxr_cli.evaluation.uncertainty import estimates
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval


def answers_with_scores() -> Answers:
    """Eight patients with an image each: of four positives one is missed, of four negatives one is called."""
    chance = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    labels = np.repeat([0, 1], 4)
    return Answers(("normal", "pneumonia"), labels, scores.argmax(1), np.arange(8), scores, 1, 0.1)


def test_names_and_headings_are_unique() -> None:
    assert (
        len({metric.name for metric in METRICS})
        == len({metric.heading for metric in METRICS})
        == len(METRICS)
    )


def test_every_metric_is_shown_somewhere() -> None:
    assert all(metric.shown for metric in METRICS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("auc", "AUC"), ("macro_f1", "macro F1"), ("sensitivity covid19", "sensitivity covid19")],
)
def test_a_heading_is_that_of_the_row(name: str, expected: str) -> None:
    assert heading(name) == expected


def test_every_metric_gives_a_value_for_each_weighting() -> None:
    answers = answers_with_scores()
    overall, per_class = compute_metrics(answers, np.ones((3, 8)))
    assert set(overall) | set(per_class) == {metric.name for metric in METRICS}
    assert {values.shape for values in overall.values()} == {(3,)}
    assert {values.shape for values in per_class.values()} == {(3, 2)}


def test_only_the_metrics_asked_for_are_computed() -> None:
    overall, per_class = compute_metrics(
        answers_with_scores(), np.ones((1, 8)), shown("difference of a finding")
    )
    assert (list(overall), list(per_class)) == ([], ["sensitivity", "specificity", "auc"])


def test_a_new_row_is_computed_printed_and_has_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Metric(
        "npv",
        "negative predictive value",
        "class",
        "predictions",
        lambda images: ratio(
            images.confusions[..., ::-1, ::-1].diagonal(axis1=-2, axis2=-1),
            images.confusions.sum(-2)[..., ::-1],
        ),
        Proportion(lambda of_class, called: (~called, ~of_class)),
        ("finding",),
    )
    rows = (*METRICS, row)
    monkeypatch.setattr(registry, "METRICS", rows)
    monkeypatch.setattr(estimates.estimate, "__defaults__", (rows,))
    monkeypatch.setitem(estimates.BY_NAME, "npv", row)
    report = classification_report(answers_with_scores())
    wilson = wilson_interval(3, 4)
    assert report.as_json()["npv"] == {
        "value": 0.75,
        "low": wilson.low,
        "high": wilson.high,
        "method": "wilson",
        "reliable": True,
        "caution": None,
    }
    assert "negative predictive value  0.750 (0.301-0.954)" in format_report(report)
