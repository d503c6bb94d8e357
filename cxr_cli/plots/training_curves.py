"""Loss and accuracy by epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr_cli.plots.save import own_style, save

SELECTED = "#c21e3a"


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
    best = [record for record in history if record.selected][-1]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, metric, of_best in ((loss, "loss", best.val_loss), (accuracy, "accuracy", best.val_accuracy)):
        for number, (subset, name) in enumerate((("train", training), ("val", validation))):
            values = [getattr(record, f"{subset}_{metric}") for record in history]
            if not np.isnan(values).all():
                axes.plot(epochs, values, ".-", color=("0.6", "black")[number], label=name)
        axes.axvline(best.epoch, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        label = f"selected: epoch {best.epoch}, {of_best:.3f}"
        axes.plot(best.epoch, of_best, "D", color=SELECTED, label=label)
        axes.set(xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    losses = [value for record in history for value in (record.train_loss, record.val_loss)]
    loss.set_ylabel("loss (nats)")
    if np.nanmax(losses) > 10 * np.nanmin(losses):
        loss.set_yscale("log")
    accuracy.set(ylabel="accuracy", ylim=(0, 1.02))
    save(figure, path)
