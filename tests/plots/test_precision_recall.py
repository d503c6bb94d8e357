"""Precision-recall curves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import Interval
from cxr_cli.plots.precision_recall import precision_recall_curves, precision_recall_of

AVERAGE = Estimate(0.75, Interval(0.5, 0.9, "bootstrap"))


def answers_of(labels: list[int]) -> Answers:
    chance = np.array([0.1, 0.4, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("normal", "pneumonia"), np.array(labels), np.array([0, 1, 0, 1]), np.arange(4), scores, 1)


def test_a_curve_is_named_by_its_average_precision_and_has_a_dot() -> None:
    curve = precision_recall_of(answers_of([0, 0, 1, 1]), 1, "PA", AVERAGE)
    assert curve.lines() == [
        "average precision 0.750 (0.500-0.900)",
        "2 positive, 2 negative images",
        "● recall 0.500, precision 0.500",
    ]
    assert curve.point is not None
    assert curve.point[:2] == (0.5, 0.5)
    # From the highest score on: 1 of 1, 1 of 2, 2 of 3, 2 of 4.
    assert list(zip(curve.x[::-1], curve.y[::-1], strict=True))[1:3] == [(0.5, 1.0), (0.5, 0.5)]


def test_images_of_one_class_have_no_curve() -> None:
    curve = precision_recall_of(answers_of([1, 1, 1, 1]), 1, "PA", AVERAGE)
    assert (curve.lines()[0], len(curve.x)) == ("no curve: images of one class only", 0)


def test_curves_of_several_models_are_in_one_figure(drawn: Callable[[], Figure]) -> None:
    curve = precision_recall_of(answers_of([0, 0, 1, 1]), 1, "a", AVERAGE)
    precision_recall_curves([curve, curve._replace(name="b")], 0.5, "4 images", Path("x.png"))
    [axes] = drawn().axes
    names = [text.get_text().splitlines()[0] for text in drawn().legends[0].get_texts()]
    assert names == ["a", "b"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall (sensitivity)", "precision")
