"""ROC curves as figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.ranking import roc_points
from cxr_cli.evaluation.report import format_metric
from cxr_cli.plots.curves import Curve, draw_curves, without_line


def curve_of(answers: Answers, number: int, name: str, auc: dict[str, Any]) -> Curve:
    """Make the curve of a class against the rest, its AUC in its name, and a dot at its operating point.

    Without images of both kinds there is no line, and the name in the legend says so.

    Args:
        answers: with scores.
        number: of the class.
        name: of the curve.
        auc: as `Estimate.as_json` gives it.
    """
    of_class, called = answers.labels == number, answers.predicted == number
    points = None if answers.scores is None else roc_points(of_class, answers.scores[:, number])
    if points is None:
        return without_line(name)
    dot = (float(called[~of_class].mean()), float(called[of_class].mean()))
    return Curve(f"{name}: AUC {format_metric(auc)}", *points, dot)


def roc_curves(
    curves: Sequence[Curve], title: str, path: Path, readers: Mapping[str, tuple[float, float]] | None = None
) -> None:
    """Draw ROC curves in one figure, operating points as dots (Figures 5 and 6 of the second paper).

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
        xlim=(-0.01, 1),
        chance=([0, 1], [0, 1]),
        readers=readers,
    )
