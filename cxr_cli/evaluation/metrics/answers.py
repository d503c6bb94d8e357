"""What a model said of images, alone and under many weightings of the images at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.calibration import squared_errors, weighted_calibration_error, weighted_mean
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.ranking import RankingFunction, one_vs_rest

ClassFunction = Callable[[NDArray[np.bool_], NDArray[np.floating], Floats], Floats]
"""Maps whether each image is of a class [N], its score [N] and weights [R, N] to a metric [R]."""


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
        prevalence: of each class, for predictive values elsewhere; 0 < prevalence < 1.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    patients: NDArray[np.int64]
    scores: NDArray[np.floating] | None = None
    positive: int | None = None
    prevalence: float | None = None

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

    def in_order(self, classes: tuple[str, ...]) -> "Answers":
        """Number the same classes in another order."""
        places = [self.classes.index(name) for name in classes]
        numbers = np.argsort(places)
        return replace(
            self,
            classes=classes,
            labels=numbers[self.labels],
            predicted=numbers[self.predicted],
            scores=None if self.scores is None else self.scores[:, places],
            positive=None if self.positive is None else int(numbers[self.positive]),
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
            prevalence=self.prevalence,
        )


@dataclass(frozen=True)
class Weighted:
    """Images under R weightings at once: how often each image counts, [R, N].

    What several metrics are computed from is computed once.
    """

    answers: Answers
    weights: Floats

    @cached_property
    def confusions(self) -> Floats:
        """Images by true and predicted class under each weighting: [R, C, C]."""
        answers, count = self.answers, len(self.answers.classes)
        cells = np.zeros((len(answers), count * count))
        cells[np.arange(len(answers)), answers.labels * count + answers.predicted] = 1
        return (self.weights @ cells).reshape(len(self.weights), count, count)

    def one_vs_rest(self, function: RankingFunction) -> Floats:
        """Compute a metric of the scores for each class against all others: [R, C]."""
        if function not in self._ranked:
            scores = self.answers.scores
            assert scores is not None
            self._ranked[function] = one_vs_rest(function, self.answers.labels, scores, self.weights)
        return self._ranked[function]

    @cached_property
    def _ranked(self) -> dict[RankingFunction, Floats]:
        return {}

    def per_class(self, function: ClassFunction) -> Floats:
        """Compute a metric of each class's scores as chances of the class: [R, C]."""
        answers = self.answers
        assert answers.scores is not None
        each = [
            function(answers.labels == number, answers.scores[:, number], self.weights)
            for number in range(len(answers.classes))
        ]
        return np.stack(each, axis=1)

    @property
    def prevalence(self) -> float:
        """The prevalence that predictive values are asked for."""
        assert self.answers.prevalence is not None
        return self.answers.prevalence

    @cached_property
    def squared_errors(self) -> Floats:
        """Squared errors of the scores of each image [N]: of the positive class, or of all classes."""
        answers = self.answers
        assert answers.scores is not None
        of_class = list(range(len(answers.classes))) if answers.positive is None else [answers.positive]
        truth = answers.labels[:, None] == np.arange(len(answers.classes))
        return squared_errors(truth[:, of_class], answers.scores[:, of_class])

    def brier(self) -> Floats:
        """Brier's score [R]."""
        return weighted_mean(self.squared_errors, self.weights)

    def calibration_error(self) -> Floats:
        """The expected calibration error [R]: of the positive class, or of the predicted one."""
        answers = self.answers
        assert answers.scores is not None
        if answers.positive is not None:
            happened, chance = answers.labels == answers.positive, answers.scores[:, answers.positive]
        else:
            happened = answers.labels == answers.predicted
            chance = np.take_along_axis(answers.scores, answers.predicted[:, None], axis=1)[:, 0]
        return weighted_calibration_error(happened, chance, self.weights)
