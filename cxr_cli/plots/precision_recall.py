"""Precision-recall curves as figures."""

from collections.abc import Sequence
from pathlib import Path

from sklearn.metrics import precision_recall_curve

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.plots.curves import Curve, Point, draw_curves, one_threshold_decides, without_line


def precision_recall_of(answers: Answers, number: int, name: str, average_precision: Estimate) -> Curve:
    """Make the curve of a class against the rest, with its average precision, and what was predicted.

    Without scores, or without images of both kinds, there is no line.

    Args:
        answers: of the images.
        number: of the class.
        name: of the curve.
        average_precision: of the class.
    """
    of_class, called = answers.labels == number, answers.predicted == number
    if answers.scores is None or of_class.all() or not of_class.any():
        return without_line(name, answers, number)
    precision, recall, _ = precision_recall_curve(of_class, answers.scores[:, number])
    point = None
    if called.any():
        found, right = float(called[of_class].mean()), float(of_class[called].mean())
        text = f"recall {found:.3f}, precision {right:.3f}"
        point = Point(found, right, text, one_threshold_decides(answers, number))
    images = int(of_class.sum()), int((~of_class).sum())
    metric = f"average precision {format_metric(average_precision)}"
    return Curve(name, recall, precision, metric, images, point)


def precision_recall_curves(
    curves: Sequence[Curve], prevalence: float | None, title: str, path: Path
) -> None:
    """Draw precision-recall curves in one figure with their operating points.

    Args:
        curves: one or more, of recall and precision.
        prevalence: share of positive images, the precision of a classifier that knows nothing; None where
            each curve has its own.
        title: of the figure.
        path: the file to write.
    """
    draw_curves(
        curves,
        title,
        path,
        labels=("recall (sensitivity)", "precision"),
        chance=([], []) if prevalence is None else ([0, 1], [prevalence] * 2),
        drawstyle="steps-post",
    )
