"""Precision-recall curves as figures."""

from collections.abc import Sequence
from pathlib import Path

from sklearn.metrics import precision_recall_curve

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.plots.curves import Curve, draw_curves, without_line


def precision_recall_of(answers: Answers, number: int, name: str, average_precision: Estimate) -> Curve:
    """Make the curve of a class against the rest, its average precision in its name.

    Without scores, or without images of both kinds, there is no line, and the name says so.

    Args:
        answers: of the images.
        number: of the class.
        name: of the curve.
        average_precision: of the class.
    """
    of_class, called = answers.labels == number, answers.predicted == number
    if answers.scores is None or of_class.all() or not of_class.any():
        return without_line(name)
    precision, recall, _ = precision_recall_curve(of_class, answers.scores[:, number])
    dot = (float(called[of_class].mean()), float(of_class[called].mean())) if called.any() else None
    return Curve(f"{name}: average precision {format_metric(average_precision)}", recall, precision, dot)


def precision_recall_curves(curves: Sequence[Curve], prevalence: float, title: str, path: Path) -> None:
    """Draw precision-recall curves in one figure, operating points as dots.

    Args:
        curves: one or more, of recall and precision.
        prevalence: share of positive images, the precision of a classifier that knows nothing.
        title: of the figure.
        path: the file to write.
    """
    draw_curves(
        curves,
        title,
        path,
        labels=("recall (sensitivity)", "precision"),
        xlim=(0, 1.01),
        chance=([0, 1.01], [prevalence] * 2),
        drawstyle="steps-post",
    )
