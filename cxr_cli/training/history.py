"""history.csv: one row an epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_cli.artifacts import read_csv, write_csv
from cxr_cli.errors import BadInput
from cxr_cli.runs.config import RunConfig
from cxr_cli.runs.folder import HISTORY, is_finished
from cxr_cli.runs.settings import OptimizationConfig, Select

TRAINED = ("train_loss", "train_accuracy")
MEASURED = ("val_loss", "val_accuracy", "seconds")
OPTIONAL = ("val_auc", "val_balanced_accuracy", "val_macro_f1")
WORDS: Mapping[Select, str] = {
    "accuracy": "accuracy",
    "loss": "loss",
    "auc": "AUC",
    "balanced-accuracy": "balanced accuracy",
    "macro-f1": "macro F1",
}
"""Validation metrics by which an epoch may be selected, as they are written."""


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave.

    Attributes:
        epoch: 1, 2, ...; 0 is the model before training.
        train_loss, train_accuracy: over the epoch's own images or pairs, while the model changed, dropout on;
            NaN for epoch 0.
        val_loss, val_accuracy: of the epoch's model on the validation images.
        seconds: wall time, validation included.
        selected: 1 if it is the best so far, else 0.
        val_auc, val_balanced_accuracy, val_macro_f1: as `val_accuracy`; None where there is none, such as the
            AUC of three-way trials.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    selected: int
    val_auc: float | None = None
    val_balanced_accuracy: float | None = None
    val_macro_f1: float | None = None

    def validation(self, select: Select) -> float:
        """Return the validation metric by which epochs are selected; NaN where the epoch has none."""
        value: float | None = getattr(self, column_of(select))
        return math.nan if value is None else value

    def describe(self, select: Select) -> str:
        """Write by what it was selected: "best validation accuracy 0.9000"."""
        if select == "loss":
            return f"lowest validation loss {self.val_loss:.4f}, accuracy {self.val_accuracy:.4f}"
        return f"best validation {WORDS[select]} {self.validation(select):.4f}"


def column_of(select: Select) -> str:
    """Return the column of the validation metric by which epochs are selected."""
    return f"val_{select.replace('-', '_')}"


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord:
    """Return the selected epoch: the last that was the best so far."""
    return [record for record in history if record.selected][-1]


def is_better(record: EpochRecord, before: Sequence[EpochRecord], select: Select) -> bool:
    """Tell whether an epoch does better in validation than every one before it."""
    sign = -1 if select == "loss" else 1
    value = sign * record.validation(select)
    return value > max((sign * one.validation(select) for one in before), default=-math.inf)


def is_over(history: Sequence[EpochRecord], optimization: OptimizationConfig) -> bool:
    """Tell whether training ends here: after the last epoch, or after `patience` of them without a better."""
    last = history[-1].epoch if history else 0
    best = max((record.epoch for record in history if record.selected), default=last)
    return last >= optimization.epochs or 0 < optimization.patience <= last - best


def write_history(path: Path, history: Sequence[EpochRecord]) -> None:
    """Write the table."""
    import pandas as pd

    write_csv(path, pd.DataFrame([asdict(record) for record in history]))


def read_history(path: Path, epochs: int, *, whole: bool = False) -> list[EpochRecord]:
    """Read the table up to epoch number `epochs`; a row more may be there if a run was killed.

    Args:
        path: of history.csv.
        epochs: how many the run has done.
        whole: the run is finished, and all are there.

    Raises:
        BadInput: it is missing or damaged, a value is no number, or its epochs are not 1, 2, 3, ..., perhaps
            after 0.
    """
    if epochs == 0 and not path.exists():
        return []
    names = tuple(EpochRecord.__dataclass_fields__)
    table = read_csv(path, names)
    if tuple(table.columns) != names:
        raise BadInput(f"{path}: its columns are {', '.join(table.columns)}; {', '.join(names)} are right")
    history = []
    for line, row in enumerate(table.itertuples(index=False, name=None), start=2):
        values = {name: _number(path, line, name, text) for name, text in zip(names, row, strict=True)}
        history.append(EpochRecord(**values))
        for name in MEASURED if history[-1].epoch == 0 else (*MEASURED, *TRAINED):
            if not math.isfinite(values[name]):
                raise BadInput(f"{path}: line {line}, column {name!r}: {values[name]} is no number")
    first = history[0].epoch if history else 1
    if first not in (0, 1) or any(record.epoch != first + place for place, record in enumerate(history)):
        found = ", ".join(str(record.epoch) for record in history[:20])
        raise BadInput(f"{path}: column 'epoch' is {found}; 1, 2, 3, ... is right")
    if whole and len(history) < epochs + 1 - first:
        raise BadInput(f"{path}: ends with epoch {first + len(history) - 1}, the run has done {epochs}")
    return history[: epochs + 1 - first]


def read_run_history(folder: Path, config: RunConfig) -> list[EpochRecord]:
    """Read the history of a run; of a finished one to its last epoch.

    Raises:
        BadInput: see `read_history`; or the run is finished, but its history ends before training would.
    """
    path, optimization = folder / HISTORY, config.optimization
    finished = is_finished(folder)
    history = read_history(path, optimization.epochs, whole=finished and not optimization.patience)
    if finished and not is_over(history, optimization):
        last = history[-1].epoch if history else 0
        raise BadInput(
            f"{path}: ends with epoch {last}, the run ends with epoch {optimization.epochs}, or "
            f"{optimization.patience} epochs after the best"
        )
    return history


def _number(path: Path, line: int, name: str, text: str) -> Any:
    try:
        if name in ("epoch", "selected"):
            return int(text)
        if name in OPTIONAL and not text:
            return None
        return float(text or "nan")
    except ValueError:
        raise BadInput(f"{path}: line {line}, column {name!r}: {text!r} is no number") from None


def check_selected(path: Path, history: Sequence[EpochRecord], epoch: int, select: Select) -> None:
    """Check that the epochs that history.csv marks are those that did better, the last with the run's model.

    Args:
        path: of history.csv, for messages.
        history: what it holds.
        epoch: of the run's model.
        select: by which validation metric an epoch does better.

    Raises:
        BadInput: an epoch is marked that did no better than those before, or is not although it did; or the
            model is of another epoch.
    """
    for place, record in enumerate(history):
        better = is_better(record, history[:place], select)
        if better != bool(record.selected):
            raise BadInput(
                f"{path}: epoch {record.epoch}: column 'selected' is {record.selected}, but its validation "
                f"{WORDS[select]} is {'better' if better else 'no better'} than before"
            )
    selected = [record.epoch for record in history if record.selected]
    if not selected or selected[-1] != epoch:
        found = f"epoch {selected[-1]}" if selected else "no epoch"
        raise BadInput(f"{path}: {found} is selected, the run's model is of epoch {epoch}")
