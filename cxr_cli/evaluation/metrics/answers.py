"""What a model said of images, and every figure of it over many weightings of the images."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics import confusion as metrics
from cxr_cli.evaluation.metrics.calibration import (
    are_probabilities,
    weighted_brier,
    weighted_calibration_error,
)
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.ranking import one_vs_rest, weighted_auc, weighted_average_precision


@dataclass(frozen=True)
class Answers:
    """What a model said of N images of C classes.

    Attributes:
        classes: names.
        labels: int [N], true class numbers.
        predicted: int [N], class numbers.
        patients: int [N], patient numbers.
        scores: [N, C], higher is more of the class; None where the images were only sorted into classes.
        positive: the number of the class that is the finding, where there are two classes and one is.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    patients: NDArray[np.int64]
    scores: NDArray[np.floating] | None = None
    positive: int | None = None

    def __len__(self) -> int:
        """Count the images."""
        return len(self.labels)

    def take(self, images: NDArray[np.bool_] | NDArray[np.int64]) -> "Answers":
        """Leave the images that a mask or places choose."""
        return replace(
            self,
            labels=self.labels[images],
            predicted=self.predicted[images],
            patients=self.patients[images],
            scores=None if self.scores is None else self.scores[images],
        )

    def against_rest(self, number: int) -> "Answers":
        """Set one class against all others: two classes, of which it is the positive one."""
        scores = None
        if self.scores is not None:
            of_class = self.scores[:, number]
            scores = np.stack([1 - of_class, of_class], axis=1)
        return Answers(
            classes=(f"not {self.classes[number]}", self.classes[number]),
            labels=(self.labels == number).astype(np.int64),
            predicted=(self.predicted == number).astype(np.int64),
            patients=self.patients,
            scores=scores,
            positive=1,
        )


Figures = dict[str, Floats]
"""Figures by name: [R] of all images, [R, C] of each class."""

OF_CLASSES: dict[str, Callable[[NDArray[np.float64]], Floats]] = dict(metrics.PER_CLASS)


def figures(answers: Answers, weights: Floats) -> tuple[Figures, Figures]:
    """Compute every figure under each weighting.

    Args:
        answers: of N images.
        weights: [R, N].

    Returns:
        Figures of all images [R], and of each class against the rest [R, C]; NaN where one is undefined.
    """
    confusions = weighted_confusions(answers, weights)
    overall = {name: figure(confusions) for name, figure in metrics.OVERALL.items()}
    per_class = {name: figure(confusions) for name, figure in metrics.PER_CLASS.items()}
    if answers.scores is not None:
        for name, ranking in RANKING.items():
            per_class[name] = one_vs_rest(ranking, answers.labels, answers.scores, weights)
            overall[f"macro_{name}"] = per_class[name].mean(1)
        if are_probabilities(answers.scores):
            overall |= _calibration(answers, answers.scores, weights)
    return overall, per_class


RANKING = {"auc": weighted_auc, "average_precision": weighted_average_precision}


def weighted_confusions(answers: Answers, weights: Floats) -> Floats:
    """Count images by true and predicted class under each weighting: [R, C, C]."""
    count = len(answers.classes)
    cells = np.zeros((len(answers), count * count))
    cells[np.arange(len(answers)), answers.labels * count + answers.predicted] = 1
    return (weights @ cells).reshape(len(weights), count, count)


def _calibration(answers: Answers, scores: NDArray[np.floating], weights: Floats) -> Figures:
    """Brier's score and the calibration error: of the positive class, or of all classes and the predicted."""
    truth = answers.labels[:, None] == np.arange(len(answers.classes))
    if answers.positive is not None:
        of_class = [answers.positive]
        happened, chance = truth[:, answers.positive], scores[:, answers.positive]
    else:
        of_class = list(range(len(answers.classes)))
        happened = answers.labels == answers.predicted
        chance = np.take_along_axis(scores, answers.predicted[:, None], axis=1)[:, 0]
    return {
        "brier": weighted_brier(truth[:, of_class], scores[:, of_class], weights),
        "calibration_error": weighted_calibration_error(happened, chance, weights),
    }
