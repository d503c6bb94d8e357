"""ROC curves of answers."""

import numpy as np

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.plots.roc import curve_of

AUC = {"value": 0.75, "low": 0.5, "high": 0.9}


def answers_of(labels: list[int], predicted: list[int]) -> Answers:
    chance = np.array([0.1, 0.4, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("normal", "pneumonia"), np.array(labels), np.array(predicted), np.arange(4), scores, 1)


def test_a_curve_is_named_by_its_area_and_dotted_where_images_were_parted() -> None:
    curve = curve_of(answers_of([0, 0, 1, 1], [0, 1, 0, 1]), 1, "PA", AUC)
    assert curve.name == "PA: AUC 0.750 (0.500-0.900)"
    assert curve.operating_point == (0.5, 0.5)
    assert list(zip(curve.false_positives, curve.true_positives, strict=True)) == [
        (0, 0),
        (0, 0.5),
        (0.5, 0.5),
        (0.5, 1),
        (1, 1),
    ]


def test_images_of_one_class_have_no_line_and_say_so() -> None:
    curve = curve_of(answers_of([1, 1, 1, 1], [0, 1, 0, 1]), 1, "PA *", AUC)
    assert curve.name == "PA *: images of one class alone"
    assert (curve.false_positives.size, curve.operating_point) == (0, None)
