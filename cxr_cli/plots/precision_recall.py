"""Precision-recall curves as figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.plots.save import save


class PrecisionRecallCurve(NamedTuple):
    """Recall and precision [K], the curve's name, and the operating point on it."""

    name: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    operating_point: tuple[float, float] | None = None


def precision_recall_of(
    answers: Answers, number: int, name: str, average_precision: Estimate
) -> PrecisionRecallCurve:
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
        return PrecisionRecallCurve(f"{name}: images of one class only", np.zeros(0), np.zeros(0))
    precision, recall, _ = precision_recall_curve(of_class, answers.scores[:, number])
    dot = (float(called[of_class].mean()), float(of_class[called].mean())) if called.any() else None
    return PrecisionRecallCurve(
        f"{name}: average precision {format_metric(average_precision)}", recall, precision, dot
    )


def precision_recall_curves(
    curves: Sequence[PrecisionRecallCurve], prevalence: float, title: str, path: Path
) -> None:
    """Draw precision-recall curves in one figure, operating points as dots.

    Args:
        curves: one or more.
        prevalence: share of positive images, the precision of a classifier that knows nothing.
        title: of the figure.
        path: the file to write.
    """
    figure = Figure(figsize=(5.2, 5.1 + 0.2 * len(curves)), layout="constrained")
    axes = figure.subplots()
    axes.axhline(prevalence, color="0.75", linewidth=0.8, zorder=0)
    for number, curve in enumerate(curves):
        color, dashes = f"C{number % 10}", ("-", "--", ":")[number // 10 % 3]
        axes.step(curve.recall, curve.precision, dashes, where="post", color=color, label=curve.name)
        if curve.operating_point is not None:
            axes.plot(*curve.operating_point, "o", color=color, markersize=5)
    axes.set(xlabel="recall (sensitivity)", ylabel="precision", title=title, xlim=(0, 1.01), ylim=(0, 1.01))
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)
