"""ROC curves of predictions, ready to plot."""

from typing import Any

import numpy as np

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.ranking import roc_points
from cxr_cli.evaluation.report import format_metric
from cxr_cli.plots.plots import Curve


def curve_of(answers: Answers, number: int, name: str, auc: dict[str, Any]) -> Curve:
    """Make the curve of a class against the rest, its AUC in its name, and a dot where the images were parted.

    Without images on both sides there is no line; the name says so, and stands in the legend.

    Args:
        answers: with scores.
        number: of the class.
        name: of the curve.
        auc: as `Estimate.as_json` gives it.
    """
    of_class, called = answers.labels == number, answers.predicted == number
    points = None if answers.scores is None else roc_points(of_class, answers.scores[:, number])
    if points is None:
        return Curve(f"{name}: images of one class alone", np.zeros(0), np.zeros(0))
    dot = (float(called[~of_class].mean()), float(called[of_class].mean()))
    return Curve(f"{name}: AUC {format_metric(auc)}", *points, dot)
