"""What is learned: how an epoch is drawn, what its loss is, and by what it is judged."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import METRICS, compute_metrics
from cxr_cli.models.network import Variables
from cxr_cli.prediction.loading import FetchBatch
from cxr_cli.splitting.file import Split
from cxr_cli.training.step import RowLoss


@dataclass(frozen=True)
class TaskImages:
    """The images of a run.

    Attributes:
        fetch: where they come from.
        labels, patients: int [N], of all images of the dataset.
        classes: their names.
        train, val: int [...], dataset rows of the training and the validation images.
    """

    fetch: FetchBatch
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]
    classes: tuple[str, ...]
    train: NDArray[np.int64]
    val: NDArray[np.int64]

    @classmethod
    def of(cls, split: Split, fetch: FetchBatch) -> "TaskImages":
        """Take the images of a split.

        Raises:
            BadInput: the training or validation subset has no image.
        """
        return cls(fetch, split.labels, split.patients, split.classes, split.rows("train"), split.rows("val"))


class EpochPlan(NamedTuple):
    """An epoch's steps, known before it begins.

    Attributes:
        rows: int [steps, images a step], dataset rows.
        targets: [steps, ...], what the loss compares with.
        mask: bool [steps, ...], False where a row is padding.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.bool_]


VALIDATED = {
    "accuracy": "accuracy",
    "macro_auc": "auc",
    "balanced_accuracy": "balanced_accuracy",
    "macro_f1": "macro_f1",
}
"""Metrics of `evaluation.metrics.registry` by which epochs are judged, and their fields in `Validation`."""


class Validation(NamedTuple):
    """How well an epoch's model does on the validation images; None for a metric that they do not have."""

    loss: float
    accuracy: float
    auc: float | None = None
    balanced_accuracy: float | None = None
    macro_f1: float | None = None

    @classmethod
    def of(cls, loss: float, answers: Answers) -> "Validation":
        """Compute the metrics of a model's answers to the validation images, or to trials made of them."""
        rows = [metric for metric in METRICS if metric.name in VALIDATED]
        values, _ = compute_metrics(answers, np.ones((1, len(answers))), rows)
        known = {name: float(value[0]) for name, value in values.items() if not np.isnan(value[0])}
        return cls(loss, **{VALIDATED[name]: value for name, value in known.items()})


class Task(Protocol):
    """One way to train: classification of images, or comparison of pairs."""

    @property
    def row_loss(self) -> RowLoss:
        """The loss of each image or pair."""

    def plan(self, epoch: int) -> EpochPlan:
        """Draw an epoch, from its number and the seed alone; all epochs have as many steps."""

    def validate(self, variables: Variables, epoch: int) -> Validation:
        """Judge the model on the validation images."""
