"""Curves of classes, models or strata in one figure: see `roc` and `precision_recall`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.plots.palette import REST, color_of, dashes_of
from cxr_cli.plots.panels import TITLE_WIDTH, panels
from cxr_cli.plots.save import own_style, save

MOST_TOGETHER = 5
"""Curves in one panel; of more each has its own, with the others in gray behind it."""
READER_MARKS = "^sDvP*X"
LEGEND_WIDTH = 72


class Point(NamedTuple):
    """Where predictions lie beside a curve.

    Attributes:
        x, y: of the curve's axes.
        text: what it reaches there.
        by_threshold: whether one threshold on this score decided, so that the point is on the curve.
    """

    x: float
    y: float
    text: str
    by_threshold: bool


class Curve(NamedTuple):
    """A curve: x and y [K], of what it is, and the operating point on it.

    Attributes:
        name: of the class, model or stratum.
        x, y: none where the images are of one class.
        metric: the area below it, with its interval; or why there is no curve.
        images: how many, positive and negative.
        point: of the predictions.
        number: whose color it has; None for its place among the curves.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    metric: str = ""
    images: tuple[int, int] = (0, 0)
    point: Point | None = None
    number: int | None = None

    def lines(self) -> list[str]:
        """Say what the curve is: the metric, the images, and the operating point."""
        positives, negatives = self.images
        found = [self.metric, f"{positives} positive, {negatives} negative images"]
        if self.point is not None:
            found.append(f"{FILLED if self.point.by_threshold else OPEN} {self.point.text}")
        return found


FILLED, OPEN = "\N{BLACK CIRCLE}", "\N{WHITE CIRCLE}"
MEANINGS = {
    True: f"{FILLED} operating point: one threshold decides",
    False: f"{OPEN} as predicted, by the highest of all scores: beside the curve, for no threshold decides",
}


def without_line(name: str, answers: Answers, number: int) -> Curve:
    """Make a curve that has no line, and says why: it has not images of both kinds, or no scores."""
    positives = int((answers.labels == number).sum())
    why = "no scores" if answers.scores is None else "no curve: images of one class only"
    return Curve(name, np.zeros(0), np.zeros(0), why, (positives, len(answers) - positives))


def one_threshold_decides(answers: Answers, number: int) -> bool:
    """Whether the images that are predicted as a class are those whose score for it is above a threshold."""
    assert answers.scores is not None
    scores, called = answers.scores[:, number], answers.predicted == number
    return bool(called.all() or not called.any() or scores[called].min() > scores[~called].max())


@own_style
def draw_curves(
    curves: Sequence[Curve],
    title: str,
    path: Path,
    *,
    labels: tuple[str, str],
    chance: tuple[Sequence[float], Sequence[float]],
    drawstyle: Literal["default", "steps-post"] = "default",
    readers: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw curves on a square with their operating points: together, or of more than five each beside all.

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
        labels: of the axes.
        chance: x and y of the line of a classifier that knows nothing.
        drawstyle: how a curve's points are joined.
        readers: the point of each human reader, by name.
    """
    marks = [
        (name, READER_MARKS[number % len(READER_MARKS)], point)
        for number, (name, point) in enumerate((readers or {}).items())
    ]

    def draw(axes: Axes, place: int, curve: Curve) -> Line2D:
        number = place if curve.number is None else curve.number
        color, point = color_of(number), curve.point
        [line] = axes.plot(curve.x, curve.y, dashes_of(number), drawstyle=drawstyle, color=color)
        if point is not None:
            face = color if point.by_threshold else "white"
            axes.plot(point.x, point.y, "o", color=color, markerfacecolor=face, markersize=6, zorder=3)
        return line

    def frame(axes: Axes) -> None:
        axes.plot(*chance, color="0.75", linewidth=0.8, zorder=0)
        for _, mark, point in marks:
            axes.plot(*point, mark, color="black", markersize=6, linestyle="none", zorder=3)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))

    notes = [
        meaning
        for by_threshold, meaning in MEANINGS.items()
        if any(curve.point is not None and curve.point.by_threshold == by_threshold for curve in curves)
    ]
    handles = [Line2D([], [], color="black", marker=mark, linestyle="none") for _, mark, _ in marks]
    names = [f"reader {name}" for name, *_ in marks]
    if len(curves) > MOST_TOGETHER:
        figure, grid = panels(["\n".join(["", curve.name]) for curve in curves], title)
        for place, (axes, curve) in enumerate(zip(grid, curves, strict=True)):
            for other in curves:
                axes.plot(other.x, other.y, drawstyle=drawstyle, color=REST, linewidth=0.5, alpha=0.6)
            frame(axes)
            draw(axes, place, curve)
            axes.set_xticks([0, 0.5, 1])
            axes.set_xlabel("\n".join(curve.lines()), fontsize=7, loc="left")
        notes = [f"across: {labels[0]}; up: {labels[1]}; gray: the other curves", *notes]
    else:
        figure = Figure(figsize=(5, 5))
        axes = figure.add_axes((0, 0, 1, 1))
        frame(axes)
        drawn = [draw(axes, place, curve) for place, curve in enumerate(curves)]
        texts = [
            f"{fill(curve.name, LEGEND_WIDTH)}\n{'; '.join(curve.lines()[:2])}"
            + "".join(f"\n{line}" for line in curve.lines()[2:])
            for curve in curves
        ]
        handles, names = [*drawn, *handles], [*texts, *names]
        axes.set(xlabel=labels[0], ylabel=labels[1])
        axes.set_title(fill(title, TITLE_WIDTH), loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    below = -(0.8 if len(curves) > MOST_TOGETHER else 0.6) / figure.get_figheight()
    if handles:
        legend = figure.legend(
            handles, names, loc="upper left", bbox_to_anchor=(0, below), frameon=False, fontsize=8
        )
        legend.set_title("\n".join(fill(note, LEGEND_WIDTH) for note in notes), FontProperties(size=8))
        legend.set_alignment("left")
    else:
        figure.text(0, below, "\n".join(notes), fontsize=8, va="top")
    save(figure, path)
