"""Loss and accuracy by epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr_cli.plots.save import own_style, save


class Epoch(Protocol):
    """What a training curve needs of an epoch."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def train_loss(self) -> float: ...  # noqa: D102
    @property
    def val_loss(self) -> float: ...  # noqa: D102
    @property
    def train_accuracy(self) -> float: ...  # noqa: D102
    @property
    def val_accuracy(self) -> float: ...  # noqa: D102
    @property
    def selected(self) -> int: ...  # noqa: D102


@own_style
def training_curves(history: Sequence[Epoch], siamese: bool, path: Path) -> None:
    """Draw loss and accuracy over epochs, the selected one marked (Figures 5b and 6b of the siamese paper).

    Args:
        history: of the run.
        siamese: training metrics are of pairs, validation metrics of three-way trials.
        path: the file to write.
    """
    training, validation = (
        ("training, pairs", "validation, three-way") if siamese else ("training", "validation")
    )
    epochs = [record.epoch for record in history]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    loss.plot(epochs, [record.train_loss for record in history], label=training)
    loss.plot(epochs, [record.val_loss for record in history], label=validation)
    loss.set(xlabel="epoch", ylabel="loss (nats)")
    losses = [value for record in history for value in (record.train_loss, record.val_loss)]
    if np.nanmax(losses) > 10 * np.nanmin(losses):
        loss.set_yscale("log")
    accuracy.plot(epochs, [record.train_accuracy for record in history], label=training)
    accuracy.plot(epochs, [record.val_accuracy for record in history], label=validation)
    best = [record for record in history if record.selected][-1]
    accuracy.plot(
        best.epoch, best.val_accuracy, "o", color="black", label=f"selected: {best.val_accuracy:.3f}"
    )
    accuracy.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    for axes in (loss, accuracy):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
