"""Grid search over learning rates and batch sizes ("Siamesifying the COVID-Net", section 3.3 and table 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import write_csv
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.prediction.devices import is_first_process
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import CONFIG, read_config
from cxr_cli.runs.folder import HISTORY, is_finished
from cxr_cli.runs.settings import Select
from cxr_cli.splitting.file import open_split
from cxr_cli.training.fit_recipe import resolve_recipe
from cxr_cli.training.history import best_epoch, column_of, read_run_history
from cxr_cli.training.recipes import SEARCH_RECIPES, named_recipe
from cxr_cli.training.run import (
    fit_to_memory,
    preemption,
    resolve_weights,
    run_config,
    stop_if_asked,
    train_run,
)
from cxr_cli.training.trackers import find_trackers

LEARNING_RATES = (1e-3, 1e-4, 1e-5)
BATCH_SIZES = (8, 16, 32)
TABLE = "sweep.csv"


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


@dataclass(frozen=True)
class SweepResult:
    """A grid of runs, and what they have reached so far; see `sweep_table`."""

    folder: Path
    table: pd.DataFrame


def sweep(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str = "single",
    lr: Sequence[float] | None = None,
    batch_size: Sequence[int] | None = None,
    fold: int | None = None,
    seed: int = 0,
    task: ArrayTask | None = None,
    tensorboard: bool = False,
    mlflow: bool = False,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> SweepResult:
    """Train a grid of learning rates and batch sizes; finished runs are not trained again.

    Args:
        dataset, split, recipe, fold, seed, tensorboard, mlflow, reporter, settings: see `train`; a siamese
            search is shorter, as in the paper.
        output: the folder for the runs and, without a task, sweep.csv.
        lr, batch_size: of the grid; None takes the paper's.
        task: train this task's share of the grid only, and write no common file.
    """
    trackers = find_trackers(tensorboard=tensorboard, mlflow=mlflow)
    folder, images = Path(output), open_dataset(Path(dataset))
    division = open_split(Path(split), images, fold)
    points = grid(lr, batch_size)
    # All points begin with the same weights: they are read once.
    begin = named_recipe(recipe, settings, SEARCH_RECIPES)
    select = begin.optimization.select
    found = resolve_weights(begin.network, images.images.shape[1], reporter)
    said: set[str] = set()
    with preemption() as stopped:
        for point in points if task is None else task.every_nth(points):
            stop_if_asked(stopped, folder / point.name)
            overrides = {**settings, "lr": point.lr, "batch_size": point.batch_size}
            resolved, notices = resolve_recipe(recipe, overrides, division, SEARCH_RECIPES)
            for notice in set(notices) - said:
                reporter.say(notice)
            said |= set(notices)
            run = folder / point.name
            config = run_config(recipe, resolved, images, division, seed, found)
            fit = fit_to_memory(run, config, None, reporter)
            history, trained = train_run(run, config, images, division, found, fit, reporter, trackers)
            best, before = best_epoch(history), "" if trained else "finished already, "
            reporter.say(f"{point.name}: {before}{best.describe(select)} (epoch {best.epoch})")
    table = sweep_table(folder, points, select)
    if task is None and is_first_process():
        write_csv(folder / TABLE, table)
    return SweepResult(folder, table)


def sweep_table(folder: Path, points: Sequence[GridPoint], select: Select) -> pd.DataFrame:
    """Tabulate what the runs of a grid have reached so far.

    Returns:
        One row a point: lr, batch_size, state (finished, unfinished, pending), epochs, best_epoch,
        val_accuracy, the validation metric that selects epochs where it is another one, best ("*" for the
        best of the finished ones by it).
    """
    table = pd.DataFrame([_row(folder / point.name, point, select) for point in points])
    finished = table.loc[table["state"] == "finished", column_of(select)].astype(float)
    table["best"] = ""
    if len(finished):
        table.loc[finished.idxmin() if select == "loss" else finished.idxmax(), "best"] = "*"
    return table


def _row(run: Path, point: GridPoint, select: Select) -> dict[str, Any]:
    row: dict[str, Any] = {"lr": point.lr, "batch_size": point.batch_size, "state": "pending"}
    empty = {"epochs": 0, "best_epoch": None, "val_accuracy": None, column_of(select): None}
    if not (run / CONFIG).exists() or not (run / HISTORY).exists():
        return {**row, **empty}
    history = read_run_history(run, read_config(run))
    best = best_epoch(history)
    return {
        **row,
        "state": "finished" if is_finished(run) else "unfinished",
        "epochs": history[-1].epoch,
        "best_epoch": best.epoch,
        "val_accuracy": best.val_accuracy,
        column_of(select): best.validation(select),
    }
