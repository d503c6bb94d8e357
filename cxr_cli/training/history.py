"""history.csv: one row an epoch."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_cli.artifacts import read_csv, write_csv
from cxr_cli.errors import BadInput

TRAINED = ("train_loss", "train_accuracy")
MEASURED = ("val_loss", "val_accuracy", "seconds")


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
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    selected: int


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord:
    """Return the selected epoch: the last that was the best so far."""
    return [record for record in history if record.selected][-1]


def is_better(loss: float, accuracy: float, before: Sequence[EpochRecord], select: str) -> bool:
    """Tell whether an epoch does better in validation, by "accuracy" or "loss", than every one before it."""
    if select == "loss":
        return loss < min((record.val_loss for record in before), default=math.inf)
    return accuracy > max((record.val_accuracy for record in before), default=-math.inf)


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


def _number(path: Path, line: int, name: str, text: str) -> Any:
    try:
        if name in ("epoch", "selected"):
            return int(text)
        return float(text or "nan")
    except ValueError:
        raise BadInput(f"{path}: line {line}, column {name!r}: {text!r} is no number") from None


def check_selected(path: Path, history: Sequence[EpochRecord], epoch: int, select: str) -> None:
    """Check that the epochs that history.csv marks are those that did better, the last with the run's model.

    Args:
        path: of history.csv, for messages.
        history: what it holds.
        epoch: of the run's model.
        select: "accuracy" or "loss": by which validation metric an epoch does better.

    Raises:
        BadInput: an epoch is marked that did no better than those before, or is not although it did; or the
            model is of another epoch.
    """
    for place, record in enumerate(history):
        better = is_better(record.val_loss, record.val_accuracy, history[:place], select)
        if better != bool(record.selected):
            raise BadInput(
                f"{path}: epoch {record.epoch}: column 'selected' is {record.selected}, but its validation "
                f"{select} is {'better' if better else 'no better'} than before"
            )
    selected = [record.epoch for record in history if record.selected]
    if not selected or selected[-1] != epoch:
        found = f"epoch {selected[-1]}" if selected else "no epoch"
        raise BadInput(f"{path}: {found} is selected, the run's model is of epoch {epoch}")
