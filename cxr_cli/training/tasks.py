"""What is learned: how an epoch is drawn, what its loss is, and by what it is judged."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_cli.models.registry import Variables
from cxr_cli.training.step import RowLoss


class EpochPlan(NamedTuple):
    """An epoch's steps, known before it begins.

    Attributes:
        rows: int [steps, films a step], dataset rows.
        targets: [steps, ...], what the loss compares with.
        mask: bool [steps, ...], False where a row is padding.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.bool_]


class Validation(NamedTuple):
    """How well an epoch's net does on the validation films."""

    loss: float
    accuracy: float


class Task(Protocol):
    """One way to train: classification of films, or comparison of pairs."""

    @property
    def row_loss(self) -> RowLoss:
        """The loss of each film or pair."""

    def plan(self, epoch: int) -> EpochPlan:
        """Draw an epoch, from its number and the seed alone."""

    def validate(self, variables: Variables, epoch: int) -> Validation:
        """Judge the net on the validation films."""
