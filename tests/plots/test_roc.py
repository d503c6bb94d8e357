"""ROC curves of answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.plots.curves import Curve
from cxr_cli.plots.roc import curve_of, roc_curves

AUC = {"value": 0.75, "low": 0.5, "high": 0.9}


def answers_of(labels: list[int], predicted: list[int]) -> Answers:
    chance = np.array([0.1, 0.4, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("normal", "pneumonia"), np.array(labels), np.array(predicted), np.arange(4), scores, 1)


def test_a_curve_is_named_by_its_area_and_has_a_dot_at_the_operating_point() -> None:
    curve = curve_of(answers_of([0, 0, 1, 1], [0, 1, 0, 1]), 1, "PA", AUC)
    assert curve.name == "PA: AUC 0.750 (0.500-0.900)"
    assert curve.operating_point == (0.5, 0.5)
    assert list(zip(curve.x, curve.y, strict=True)) == [
        (0, 0),
        (0, 0.5),
        (0.5, 0.5),
        (0.5, 1),
        (1, 1),
    ]


def test_images_of_one_class_have_no_line_and_say_so() -> None:
    curve = curve_of(answers_of([1, 1, 1, 1], [0, 1, 0, 1]), 1, "PA *", AUC)
    assert curve.name == "PA *: images of one class only"
    assert (curve.x.size, curve.operating_point) == (0, None)


def test_roc_curves_have_their_points_a_dot_and_a_name_in_the_legend(drawn: Callable[[], Figure]) -> None:
    points = np.array([0.0, 0.25, 1.0]), np.array([0.0, 0.75, 1.0])
    nothing = np.zeros(0)
    curves = [Curve("AP: AUC 0.75", *points, (0.25, 0.75)), Curve("PA: none", nothing, nothing)]
    roc_curves(curves, "view_position", Path("unused.png"))
    figure = drawn()
    chance, line, dot, empty = figure.axes[0].lines
    assert np.asarray(line.get_xydata()).tolist() == [[0, 0], [0.25, 0.75], [1, 1]]
    assert np.asarray(dot.get_xydata()).tolist() == [[0.25, 0.75]]
    assert np.asarray(empty.get_xydata()).size == 0
    assert chance.get_color() == "0.75"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["AP: AUC 0.75", "PA: none"]
