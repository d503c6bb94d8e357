"""All figures of one test, with their intervals, as plain numbers for JSON and for print."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import confusion_matrix
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.uncertainty.estimates import Estimate, estimate
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES

INTERVAL_SEED = 0
WITHOUT_A_POSITIVE = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", "macro_average_precision")
OF_THE_POSITIVE = ("sensitivity", "specificity", "precision", "f1", "auc", "average_precision")
CALIBRATION = ("brier", "calibration_error")
HEADINGS = {
    "f1": "F1",
    "macro_f1": "macro F1",
    "auc": "AUC",
    "macro_auc": "macro AUC",
    "brier": "Brier score",
}


def classification_report(
    answers: Answers, resamples: int = RESAMPLES, seed: int = INTERVAL_SEED
) -> dict[str, Any]:
    """Compute every figure of a test with a 95 % interval by patients.

    Args:
        answers: of one image or more.
        resamples: of patients.
        seed: of the resamples.

    Returns:
        images, patients, classes, confusion_matrix (rows true, columns predicted), figures of all images,
        per_class; with a positive class its name, and its figures beside those of all images.
        A figure is {"value", "low", "high", "method"}, None where it is undefined or has no interval.
    """
    estimates = estimate(answers, np.random.default_rng(seed), resamples)
    confusion = confusion_matrix(answers.labels, answers.predicted, len(answers.classes))
    report: dict[str, Any] = {
        "images": len(answers),
        "patients": len(np.unique(answers.patients)),
        "classes": list(answers.classes),
        "confusion_matrix": confusion.tolist(),
        "interval": f"95 % intervals by patients: {interval_methods(answers)}",
        "resamples": resamples,
        "interval_seed": seed,
        **{name: figure.as_json() for name, figure in estimates.overall.items()},
    }
    if answers.positive is not None:
        report["positive"] = answers.classes[answers.positive]
        of_positive = estimates.per_class.items()
        report |= {name: figures[answers.positive].as_json() for name, figures in of_positive}
    report["per_class"] = {
        label: {"images": int(confusion[i].sum()), **_of_class(estimates.per_class, i)}
        for i, label in enumerate(answers.classes)
    }
    return report


def interval_methods(answers: Answers) -> str:
    """Say by which methods the intervals are made."""
    independent = len(np.unique(answers.patients)) == len(answers)
    proportions = "proportions by Wilson, " if independent else ""
    areas = "AUC by DeLong, " if answers.scores is not None else ""
    return f"{proportions}{areas}{'the rest by ' if proportions or areas else ''}bootstrap"


def _of_class(per_class: dict[str, list[Estimate]], number: int) -> dict[str, Any]:
    return {name: figures[number].as_json() for name, figures in per_class.items()}


def operating_point_record(point: OperatingPoint, positive: str) -> dict[str, Any]:
    """Put an operating point into words for JSON; what it reached is of the validation images."""
    return {"score": f"score_{positive}", "chosen_on": "val" if point.positives else None, **asdict(point)}


def format_report(report: dict[str, Any], unit: str = "images") -> str:
    """Lay out a report as plain text: overall figures, figures per class, confusion matrix.

    Args:
        report: as `classification_report` makes it.
        unit: what was classified, for the headings.
    """
    classes, positive = report["classes"], report.get("positive")
    lines = [f"{unit} {report['images']}, patients {report['patients']}; {report['interval']}"]
    names: tuple[str, ...] = WITHOUT_A_POSITIVE
    if positive is not None:
        lines.append(f"positive: {positive}, {report['per_class'][positive]['images']} {unit}")
        names = (*OF_THE_POSITIVE[:2], *WITHOUT_A_POSITIVE[:2], *OF_THE_POSITIVE[2:])
    if "operating_point" in report:
        lines.append(format_operating_point(report["operating_point"]))
    shown = [name for name in (*names, *CALIBRATION) if name in report]
    width = max(len(_heading(name)) for name in shown)
    lines += [f"{_heading(name):{width}}  {format_figure(report[name])}" for name in shown]
    if positive is None:
        lines += ["", *_class_table(report, unit)]
    lines += ["", *format_confusion(report["confusion_matrix"], classes)]
    return "\n".join(lines)


def format_operating_point(point: dict[str, Any]) -> str:
    """Say at which score an image is called positive, and how that was chosen."""
    line = f"operating point: {point['score']} >= {point['threshold']:.4g}, {point['rule']}"
    if point["sensitivity"] is None:
        return line
    return (
        f"{line} on validation\n"
        f"  reached there: sensitivity {point['sensitivity']:.3f} ({point['positives']} images), "
        f"specificity {point['specificity']:.3f} ({point['negatives']} images)"
    )


def _class_table(report: dict[str, Any], unit: str) -> list[str]:
    classes = report["classes"]
    columns = [name for name in OF_THE_POSITIVE[:5] if name in report["per_class"][classes[0]]]
    width = max(len(name) for name in (*classes, "class"))
    heading = "  ".join(f"{_heading(name):19}" for name in columns)
    lines = [f"{'class':{width}}  {unit:>6}  {heading}".rstrip()]
    for label in classes:
        of = report["per_class"][label]
        figures = "  ".join(f"{format_figure(of[name]):19}" for name in columns)
        lines.append(f"{label:{width}}  {of['images']:6}  {figures}".rstrip())
    return lines


def _heading(name: str) -> str:
    return HEADINGS.get(name, name.replace("_", " "))


def format_figure(figure: dict[str, Any]) -> str:
    """Write a figure as "0.812 (0.750-0.868)", "0.812" without an interval, "-" where it is undefined."""
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def format_confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    """Lay out a confusion matrix: counts, and shares of each true class."""
    corner = "true, predicted:"
    width = max(len(name) for name in (*classes, corner))
    column = max(12, *(len(name) for name in classes))
    lines = [f"{corner:{width}}  " + "  ".join(f"{name:>{column}}" for name in classes)]
    for name, row in zip(classes, counts, strict=True):
        total = max(sum(row), 1)
        cells = "  ".join(f"{f'{count} ({count / total:.2f})':>{column}}" for count in row)
        lines.append(f"{name:{width}}  {cells}")
    return lines
