"""What is learned: how an epoch is drawn, what its loss is, and by what it is judged."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

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


class Validation(NamedTuple):
    """How well an epoch's model does on the validation images."""

    loss: float
    accuracy: float


class Task(Protocol):
    """One way to train: classification of images, or comparison of pairs."""

    @property
    def row_loss(self) -> RowLoss:
        """The loss of each image or pair."""

    def plan(self, epoch: int) -> EpochPlan:
        """Draw an epoch, from its number and the seed alone; all epochs have as many steps."""

    def validate(self, variables: Variables, epoch: int) -> Validation:
        """Judge the model on the validation images."""
