"""Grid search over learning rates and batch sizes ("Siamesifying the COVID-Net", section 3.3 and table 2)."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cxr_cli.runs.config import CONFIG, read_config
from cxr_cli.runs.folder import HISTORY, is_finished
from cxr_cli.training.history import best_epoch, read_history
from cxr_cli.training.recipes import RECIPES

LEARNING_RATES = (1e-3, 1e-4, 1e-5)
BATCH_SIZES = (8, 16, 32)
# The siamese search trained shorter than the final run.
SIAMESE_SEARCH = {"epochs": 20, "pairs": 5000}


class GridPoint(NamedTuple):
    """One run of the search."""

    lr: float
    batch_size: int

    @property
    def name(self) -> str:
        """The run's folder."""
        return f"lr-{self.lr:g}_batch-{self.batch_size}"


def grid(learning_rates: Sequence[float] | None, batch_sizes: Sequence[int] | None) -> list[GridPoint]:
    """List the points of the grid; None takes the paper's values."""
    return [
        GridPoint(*point) for point in product(learning_rates or LEARNING_RATES, batch_sizes or BATCH_SIZES)
    ]


def search_settings(recipe: str, epochs: int | None, pairs: int | None) -> dict[str, Any]:
    """Return epochs and pairs of a search: as given, else the paper's; None leaves the recipe's."""
    siamese = recipe in RECIPES and RECIPES[recipe].siamese
    paper = SIAMESE_SEARCH if siamese else {"epochs": None, "pairs": None}
    given = {"epochs": epochs, "pairs": pairs}
    return {name: paper[name] if value is None else value for name, value in given.items()}


def sweep_table(folder: Path, points: Sequence[GridPoint]) -> pd.DataFrame:
    """Tabulate what the runs of a grid have reached so far.

    Returns:
        One row a point: lr, batch_size, state (finished, unfinished, pending), epochs, best_epoch,
        val_accuracy, best ("*" for the highest validation accuracy of the finished ones).
    """
    table = pd.DataFrame([_row(folder / point.name, point) for point in points])
    finished = table.loc[table["state"] == "finished", "val_accuracy"].astype(float)
    table["best"] = ""
    if len(finished):
        table.loc[finished.idxmax(), "best"] = "*"
    return table


def _row(run: Path, point: GridPoint) -> dict[str, Any]:
    row: dict[str, Any] = {"lr": point.lr, "batch_size": point.batch_size, "state": "pending"}
    empty = {"epochs": 0, "best_epoch": None, "val_accuracy": None}
    if not (run / CONFIG).exists() or not (run / HISTORY).exists():
        return {**row, **empty}
    history = read_history(run / HISTORY, read_config(run).epochs)
    best = best_epoch(history)
    return {
        **row,
        "state": "finished" if is_finished(run) else "unfinished",
        "epochs": history[-1].epoch,
        "best_epoch": best.epoch,
        "val_accuracy": best.val_accuracy,
    }
