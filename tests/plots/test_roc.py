"""ROC curves of answers."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.plots.curves import Curve, Point
from cxr_cli.plots.palette import color_of
from cxr_cli.plots.roc import curve_of, roc_curves

AUC = {"value": 0.75, "low": 0.5, "high": 0.9}


def answers_of(labels: list[int], predicted: list[int]) -> Answers:
    chance = np.array([0.1, 0.4, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("normal", "pneumonia"), np.array(labels), np.array(predicted), np.arange(4), scores, 1)


def test_a_curve_has_its_area_its_images_and_the_operating_point_on_it() -> None:
    curve = curve_of(answers_of([0, 0, 1, 1], [0, 1, 0, 1]), 1, "PA", AUC)
    assert (curve.metric, curve.images) == ("AUC 0.750 (0.500-0.900)", (2, 2))
    assert curve.point == Point(0.5, 0.5, "sensitivity 0.500, specificity 0.500", by_threshold=True)
    assert list(zip(curve.x, curve.y, strict=True)) == [
        (0, 0),
        (0, 0.5),
        (0.5, 0.5),
        (0.5, 1),
        (1, 1),
    ]


def test_predictions_that_no_threshold_gives_are_a_point_beside_the_curve() -> None:
    # Scores 0.1, 0.4, 0.3 and 0.9, of which the second is passed over.
    curve = curve_of(answers_of([0, 0, 1, 1], [0, 0, 1, 1]), 1, "PA", AUC)
    assert curve.point == Point(0.0, 1.0, "sensitivity 1.000, specificity 1.000", by_threshold=False)


def test_images_of_one_class_have_no_line_and_say_so() -> None:
    curve = curve_of(answers_of([1, 1, 1, 1], [0, 1, 0, 1]), 1, "PA *", AUC)
    assert curve.lines() == ["no curve: images of one class only", "4 positive, 0 negative images"]
    assert (curve.x.size, curve.point) == (0, None)


def test_curves_have_their_points_a_dot_and_a_name_in_the_legend(drawn: Callable[[], Figure]) -> None:
    points, nothing = (np.array([0.0, 0.25, 1.0]), np.array([0.0, 0.75, 1.0])), np.zeros(0)
    dot = Point(0.25, 0.75, "sensitivity 0.750", by_threshold=True)
    curves = [
        Curve("AP", *points, "AUC 0.75", (4, 8), dot, number=3),
        Curve("PA", nothing, nothing, "no curve", (2, 0)),
    ]
    roc_curves(curves, "view_position", Path("unused.png"), {"A": (0.2, 0.6)})
    figure = drawn()
    lines = figure.axes[0].lines
    xy = [np.asarray(line.get_xydata()).tolist() for line in lines]
    assert xy == [[[0, 0], [1, 1]], [[0.2, 0.6]], [[0, 0], [0.25, 0.75], [1, 1]], [[0.25, 0.75]], []]
    assert lines[2].get_color() == lines[3].get_color() == color_of(3)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "AP\nAUC 0.75; 4 positive, 8 negative images\n● sensitivity 0.750",
        "PA\nno curve; 2 positive, 0 negative images",
        "reader A",
    ]


def test_more_than_five_curves_have_a_panel_each_and_long_names_clip_nothing(
    drawn: Callable[[], Figure],
) -> None:
    points = np.array([0.0, 0.25, 1.0]), np.array([0.0, 0.75, 1.0])
    names = [f"a class whose name is long, and goes on and on, number {number}" for number in range(12)]
    roc_curves([Curve(name, *points, "AUC 0.75", (4, 8)) for name in names], "title", Path("unused.png"))
    figure = drawn()
    assert [axes.get_title(loc="left").replace("\n", " ").strip() for axes in figure.axes] == names
    FigureCanvasAgg(figure).draw()
    titles = [axes._left_title.get_window_extent() for axes in figure.axes]  # type: ignore[attr-defined]
    assert not any(one.overlaps(other) for one, other in combinations(titles, 2))
    assert len({line.get_color() for axes in figure.axes for line in axes.lines[-1:]}) == 10
