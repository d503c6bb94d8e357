"""ROC curves as figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.ranking import roc_points
from cxr_cli.evaluation.report import format_metric
from cxr_cli.plots.curves import Curve, Point, draw_curves, one_threshold_decides, without_line


def curve_of(answers: Answers, number: int, name: str, auc: dict[str, Any]) -> Curve:
    """Make the curve of a class against the rest, with its AUC, and the point of what was predicted.

    Without images of both kinds there is no line.

    Args:
        answers: with scores.
        number: of the class.
        name: of the curve.
        auc: as `Estimate.as_json` gives it.
    """
    of_class, called = answers.labels == number, answers.predicted == number
    points = None if answers.scores is None else roc_points(of_class, answers.scores[:, number])
    if points is None:
        return without_line(name, answers, number)
    found, false = float(called[of_class].mean()), float(called[~of_class].mean())
    text = f"sensitivity {found:.3f}, specificity {1 - false:.3f}"
    point = Point(false, found, text, one_threshold_decides(answers, number))
    images = int(of_class.sum()), int((~of_class).sum())
    return Curve(name, *points, f"AUC {format_metric(auc)}", images, point)


def roc_curves(
    curves: Sequence[Curve], title: str, path: Path, readers: Mapping[str, tuple[float, float]] | None = None
) -> None:
    """Draw ROC curves in one figure with their operating points (Figures 5 and 6 of the second paper).

    Args:
        curves: one or more, of 1 - specificity and sensitivity.
        title: of the figure.
        path: the file to write.
        readers: false and true positive rate of each human reader, by name.
    """
    draw_curves(
        curves,
        title,
        path,
        labels=("1 - specificity", "sensitivity"),
        chance=([0, 1], [0, 1]),
        readers=readers,
    )
