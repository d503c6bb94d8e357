"""history.csv: one row an epoch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cxr_cli.artifacts import read_csv, write_csv


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


def write_history(path: Path, history: Sequence[EpochRecord]) -> None:
    """Write the table."""
    import pandas as pd

    write_csv(path, pd.DataFrame([asdict(record) for record in history]))


def read_history(path: Path, epochs: int) -> list[EpochRecord]:
    """Read the table up to epoch number `epochs`; a row more may be there if a run was killed."""
    if epochs == 0 and not path.exists():
        return []
    table = read_csv(path, tuple(EpochRecord.__dataclass_fields__))
    table = (
        table.replace("", "nan")
        .astype({"epoch": int, "selected": int})
        .astype({name: float for name in table.columns if name not in ("epoch", "selected")})
    )
    known = table[table["epoch"] <= epochs]
    return [EpochRecord(*row) for row in known.itertuples(index=False, name=None)]
