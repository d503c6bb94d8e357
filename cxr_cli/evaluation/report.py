"""All figures of one test, with their intervals, as plain numbers for JSON and for print."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.intervals import percentile_interval, resampled_confusions
from cxr_cli.evaluation.metrics import OVERALL, PER_CLASS, Floats, confusion_matrix

INTERVAL_SEED = 0


def classification_report(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: Sequence[str],
) -> dict[str, Any]:
    """Compute every figure of a multi-class test with a 95 % interval by patients.

    Args:
        labels, predicted: int [N], class numbers.
        patients: int [N], patient numbers.
        classes: class names.

    Returns:
        films, patients, confusion_matrix (rows true, columns predicted), the overall figures and per_class;
        a figure is {"value", "low", "high"}, None where it is undefined.
    """
    confusion = confusion_matrix(labels, predicted, len(classes))
    rng = np.random.default_rng(INTERVAL_SEED)
    resamples = resampled_confusions(labels, predicted, patients, len(classes), rng)
    report: dict[str, Any] = {
        "films": len(labels),
        "patients": len(np.unique(patients)),
        "classes": list(classes),
        "confusion_matrix": confusion.tolist(),
        "interval": "95 %, percentile bootstrap over patients, 2000 resamples",
    }
    for name, figure in OVERALL.items():
        report[name] = _with_limits(figure(confusion), *percentile_interval(figure, resamples))
    report["per_class"] = {label: {"films": int(confusion[i].sum())} for i, label in enumerate(classes)}
    for name, figure in PER_CLASS.items():
        values, (low, high) = figure(confusion), percentile_interval(figure, resamples)
        for i, label in enumerate(classes):
            report["per_class"][label][name] = _with_limits(values[i], low[i], high[i])
    return report


def _with_limits(value: Floats, low: Floats, high: Floats) -> dict[str, float | None]:
    numbers = {"value": float(value), "low": float(low), "high": float(high)}
    return {name: None if np.isnan(number) else number for name, number in numbers.items()}


def format_report(report: dict[str, Any], unit: str = "films") -> str:
    """Lay out a report as plain text: overall figures, figures per class, confusion matrix.

    Args:
        report: as `classification_report` makes it.
        unit: what was classified, for the headings.
    """
    lines = [f"{unit} {report['films']}, patients {report['patients']}; 95 % intervals by patients"]
    lines += [f"{name.replace('_', ' '):18} {format_figure(report[name])}" for name in OVERALL]
    classes = report["classes"]
    width = max(len(name) for name in (*classes, "class"))
    heading = "  ".join(f"{name:22}" for name in PER_CLASS)
    lines += ["", f"{'class':{width}}  {unit:>6}  {heading}".rstrip()]
    for label in classes:
        of = report["per_class"][label]
        figures = "  ".join(f"{format_figure(of[name]):22}" for name in PER_CLASS)
        lines.append(f"{label:{width}}  {of['films']:6}  {figures}".rstrip())
    lines += ["", *format_confusion(report["confusion_matrix"], classes)]
    return "\n".join(lines)


def format_figure(figure: dict[str, float | None]) -> str:
    """Write a figure as "0.812 (0.750-0.868)", or "-" where it is undefined."""
    if figure["value"] is None:
        return "-"
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
