"""All metrics of one test, with their intervals: for JSON and for print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import confusion_matrix
from cxr_cli.evaluation.metrics.registry import shown
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.tables import DAGGER, Cell, Table, as_html, limits
from cxr_cli.evaluation.uncertainty.estimates import UNRELIABLE, Estimate, Estimates, estimate

INTERVALS = "95% intervals by patients: proportions by Wilson, AUC by DeLong, means of metrics by MOVER"


@dataclass(frozen=True)
class MetricsReport:
    """Every metric of a test.

    Attributes:
        classes: names.
        positive: the number of the class that is the finding; None where all classes count alike.
        images, patients: how many were tested.
        confusion_matrix: int [C, C], rows true, columns predicted.
        estimates: the metrics with their 95% intervals.
        interval: how the intervals are made, in words.
        operating_point: at which score an image is called positive; None where the highest score decides.
        prevalence: of the positive class, for its predictive values elsewhere; None without.
    """

    classes: tuple[str, ...]
    positive: int | None
    images: int
    patients: int
    confusion_matrix: NDArray[np.int64]
    estimates: Estimates
    interval: str
    operating_point: OperatingPoint | None = None
    prevalence: float | None = None

    def metric(self, name: str) -> Estimate | None:
        """Find a metric of all images, or of the positive class; None where there is none of that name."""
        if name in self.estimates.overall:
            return self.estimates.overall[name]
        if self.positive is None or name not in self.estimates.per_class:
            return None
        return self.estimates.per_class[name][self.positive]

    def of_class(self, number: int) -> dict[str, Estimate]:
        """List the metrics of one class against the rest, by name."""
        return {name: of_classes[number] for name, of_classes in self.estimates.per_class.items()}

    def tables(self) -> list[Table]:
        """Lay it out as tables: overall metrics, metrics per class, confusion matrix."""
        rows = shown("classes" if self.positive is None else "finding")
        found = {row.heading: self.metric(row.name) for row in rows}
        metrics = [[Cell(heading), Cell(format_metric(of))] for heading, of in found.items() if of]
        columns = [row for row in shown("class table") if row.name in self.estimates.per_class]
        counts = self.confusion_matrix.sum(1)
        per_class = [
            [Cell(label), Cell(str(count)), *(Cell(format_metric(of[row.name])) for row in columns)]
            for label, count, of in zip(
                self.classes, counts, map(self.of_class, range(len(self.classes))), strict=True
            )
        ]
        confusion = [
            [Cell(label), *(Cell(f"{count} ({count / max(total, 1):.2f})") for count in row)]
            for label, total, row in zip(self.classes, counts, self.confusion_matrix, strict=True)
        ]
        tables = [Table("Metrics", ["metric", "value (95% interval)"], metrics)]
        if self.positive is None:
            headings = ["class", "images", *(row.column or row.heading for row in columns)]
            tables.append(Table("Metrics by class", headings, per_class))
        return [*tables, Table("Confusion matrix", ["true, predicted:", *self.classes], confusion)]

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        lines, tables = _heading(self, "images"), self.tables()
        cells = (cell.value for table in tables for row in table.rows for cell in row)
        return as_html(tables, [UNRELIABLE] if any(DAGGER in cell for cell in cells) else [], lines)

    def as_json(self) -> dict[str, Any]:
        """Write the report as JSON values.

        Returns:
            images, patients, classes, confusion_matrix, the metrics of all images, per_class; with a positive
            class its name, and its metrics beside those of all images. A metric is {"value", "low", "high",
            "method"}, None where it is undefined or has no interval.
        """
        report: dict[str, Any] = {
            "images": self.images,
            "patients": self.patients,
            "classes": list(self.classes),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "interval": self.interval,
            **_values(self.estimates.overall),
        }
        if self.positive is not None:
            report |= {"positive": self.classes[self.positive], **_values(self.of_class(self.positive))}
        if self.prevalence is not None:
            report["prevalence"] = self.prevalence
        report["per_class"] = {
            label: {"images": int(self.confusion_matrix[number].sum()), **_values(self.of_class(number))}
            for number, label in enumerate(self.classes)
        }
        if self.operating_point is not None:
            report["operating_point"] = self.operating_point.as_json()
        return report


def _values(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.as_json() for name, estimate in estimates.items()}


def classification_report(answers: Answers, operating_point: OperatingPoint | None = None) -> MetricsReport:
    """Compute every metric of a test with a 95% interval by patients.

    Args:
        answers: of one image or more.
        operating_point: by which images were called positive.
    """
    return MetricsReport(
        classes=answers.classes,
        positive=answers.positive,
        images=len(answers),
        patients=len(np.unique(answers.patients)),
        confusion_matrix=confusion_matrix(answers.labels, answers.predicted, len(answers.classes)),
        estimates=estimate(answers),
        interval=INTERVALS,
        operating_point=operating_point,
        prevalence=answers.prevalence,
    )


def format_report(report: MetricsReport, unit: str = "images") -> str:
    """Lay out a report as plain text: overall metrics, metrics per class, confusion matrix.

    Args:
        report: of a test.
        unit: what was classified, for the headings.
    """
    lines = _heading(report, unit)
    rows = shown("classes" if report.positive is None else "finding")
    found = {row.heading: report.metric(row.name) for row in rows}
    width = max(len(heading) for heading, metric in found.items() if metric)
    lines += [f"{heading:{width}}  {format_metric(metric)}" for heading, metric in found.items() if metric]
    if report.positive is None:
        lines += ["", *_class_table(report, unit)]
    if any(DAGGER in line for line in lines):
        lines.append(UNRELIABLE)
    lines += ["", *format_confusion(report.confusion_matrix.tolist(), report.classes)]
    return "\n".join(lines)


def _heading(report: MetricsReport, unit: str) -> list[str]:
    """Say what the metrics are of, in lines."""
    lines = [f"{unit} {report.images}, patients {report.patients}; {report.interval}"]
    if report.positive is not None:
        count = int(report.confusion_matrix[report.positive].sum())
        lines.append(f"positive: {report.classes[report.positive]}, {count} {unit}")
    if report.operating_point is not None:
        lines.append(format_operating_point(report.operating_point.as_json()))
    if report.prevalence is not None:
        lines.append(f"predictive values at a prevalence of {report.prevalence:g}, as given")
    return lines


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


def _class_table(report: MetricsReport, unit: str) -> list[str]:
    columns = [row for row in shown("class table") if row.name in report.estimates.per_class]
    width = max(len(name) for name in (*report.classes, "class"))
    heading = "  ".join(f"{row.column or row.heading:19}" for row in columns)
    lines = [f"{'class':{width}}  {unit:>6}  {heading}".rstrip()]
    for number, (label, row) in enumerate(zip(report.classes, report.confusion_matrix, strict=True)):
        of_class = report.of_class(number)
        metrics = "  ".join(f"{format_metric(of_class[row.name]):19}" for row in columns)
        lines.append(f"{label:{width}}  {row.sum():6}  {metrics}".rstrip())
    return lines


def format_metric(metric: Estimate | Mapping[str, Any]) -> str:
    """Write a metric as "0.812 (0.750-0.868)", "0.812 (no interval: reason)", "-" where it is undefined.

    An interval that is unreliable has a dagger.

    Args:
        metric: itself, or as it stands in JSON.
    """
    found: Mapping[str, Any] = metric.as_json() if isinstance(metric, Estimate) else metric
    caution = found.get("caution")
    if found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:.3f} ({caution})" if caution else f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({limits(found['low'], found['high'])}){DAGGER if caution else ''}"


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
