"""ROC curves as figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.ranking import roc_points
from cxr_cli.evaluation.report import format_metric
from cxr_cli.plots.save import save


class Curve(NamedTuple):
    """A ROC curve: false and true positive rates [K], its name, and the operating point on it."""

    name: str
    false_positives: NDArray[np.float64]
    true_positives: NDArray[np.float64]
    operating_point: tuple[float, float] | None = None


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
        return Curve(f"{name}: images of one class only", np.zeros(0), np.zeros(0))
    dot = (float(called[~of_class].mean()), float(called[of_class].mean()))
    return Curve(f"{name}: AUC {format_metric(auc)}", *points, dot)


def roc_curves(
    curves: Sequence[Curve], title: str, path: Path, readers: Mapping[str, tuple[float, float]] | None = None
) -> None:
    """Draw ROC curves in one figure, operating points as dots (Figures 5 and 6 of the second paper).

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
        readers: false and true positive rate of each human reader, by name.
    """
    readers = readers or {}
    figure = Figure(figsize=(5.2, 5.1 + 0.2 * (len(curves) + len(readers))), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, zorder=0)
    # Colors repeat after ten; then lines are dashed, then dotted.
    for number, curve in enumerate(curves):
        color, dashes = f"C{number % 10}", ("-", "--", ":")[number // 10 % 3]
        axes.plot(curve.false_positives, curve.true_positives, dashes, color=color, label=curve.name)
        if curve.operating_point is not None:
            axes.plot(*curve.operating_point, "o", color=color, markersize=5)
    for number, (name, point) in enumerate(readers.items()):
        marker = "^sDvP*X"[number % 7]
        axes.plot(*point, marker, color="black", markersize=6, linestyle="none", label=f"reader {name}")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title=title, xlim=(-0.01, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)
