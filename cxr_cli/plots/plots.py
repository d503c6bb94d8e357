"""Figures of a run, as files. Figures are made without pyplot, so no display and no global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cxr_cli.artifacts import atomic_path

DPI = 150


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


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix, counts and row shares (Figures 5a and 6a of the paper).

    Args:
        counts: int [C, C], true class by predicted class.
        classes: their names.
        title: of the figure.
        path: the file to write.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 1.6 + 1.1 * len(classes)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        color = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{shares[i, j]:.2f}\n({counts[i, j]})", ha="center", va="center", color=color)
    places = range(len(classes))
    axes.set(xticks=places, yticks=places, xlabel="predicted", ylabel="true", title=title)
    axes.set_xticklabels(classes, rotation=30, ha="right")
    axes.set_yticklabels(classes)
    figure.colorbar(picture, ax=axes, label="share of the true class", shrink=0.8)
    save(figure, path)


class Curve(NamedTuple):
    """A ROC curve: false and true positive rates [K], its name, and the operating point on it."""

    name: str
    false_positives: NDArray[np.float64]
    true_positives: NDArray[np.float64]
    operating_point: tuple[float, float] | None = None


def roc_curves(curves: Sequence[Curve], title: str, path: Path) -> None:
    """Draw ROC curves in one figure, operating points as dots (Figures 5 and 6 of the second paper).

    Args:
        curves: one or more.
        title: of the figure.
        path: the file to write.
    """
    figure = Figure(figsize=(5.2, 5.1 + 0.2 * len(curves)), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, zorder=0)
    # Colors repeat after ten; then lines are dashed, then dotted.
    for number, curve in enumerate(curves):
        color, dashes = f"C{number % 10}", ("-", "--", ":")[number // 10 % 3]
        axes.plot(curve.false_positives, curve.true_positives, dashes, color=color, label=curve.name)
        if curve.operating_point is not None:
            axes.plot(*curve.operating_point, "o", color=color, markersize=5)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title=title, xlim=(-0.01, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
