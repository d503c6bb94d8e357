"""Cross-validation: a run for each fold, tested on its fold; the pooled predictions of all images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import claim_folder, digest_file, read_csv, write_record
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.choices import CalibrationMethod
from cxr_cli.evaluation.metrics.registry import shown
from cxr_cli.evaluation.operating_point import positive_class
from cxr_cli.evaluation.report import MetricsReport, classification_report
from cxr_cli.evaluation.tables import Cell, Table, as_html
from cxr_cli.prediction.columns import SCORE, SPREAD, THRESHOLD
from cxr_cli.prediction.devices import is_first_process, meet
from cxr_cli.prediction.figures import draw_figures
from cxr_cli.prediction.mean_scores import mean_scores
from cxr_cli.prediction.metrics_file import read_metrics
from cxr_cli.prediction.predictions_file import read_predictions, write_predictions
from cxr_cli.prediction.templates import template
from cxr_cli.prediction.test import test
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import read_config
from cxr_cli.runs.crossval_folder import RECORD, FoldRun, fold_runs, found_runs
from cxr_cli.runs.folder import FIGURES, METRICS, PREDICTIONS, TEMPLATES
from cxr_cli.splitting.file import fold_count, open_split
from cxr_cli.training.history import best_epoch, read_run_history
from cxr_cli.training.run import preemption, stop_if_asked
from cxr_cli.training.trackers import find_trackers
from cxr_cli.training.train import train


@dataclass(frozen=True)
class CrossvalResult:
    """A cross-validation.

    Attributes:
        folder: the CV.
        runs: those that were trained, or found trained, by this call.
        report: of the pooled out-of-fold predictions; None for a task of an array, which pools nothing, and
            in all processes but the first.
        folds: metrics of each run, with their mean and standard deviation; None likewise.
    """

    folder: Path
    runs: tuple[FoldRun, ...]
    report: MetricsReport | None
    folds: Table | None

    def _repr_html_(self) -> str:
        """Show metrics in a notebook: pooled, and of each run; of an array's task what it trained."""
        if self.report is None or self.folds is None:
            return as_html(
                [], heading=[f"{run.folder}: fold {run.fold}, seed {run.seed}" for run in self.runs]
            )
        return "\n".join([self.report._repr_html_(), as_html([self.folds])])


def crossval(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str = "single",
    seed: int = 0,
    seeds: int = 1,
    positive: str | None = None,
    sensitivity: float | None = None,
    calibrate: CalibrationMethod | None = None,
    micro_batch: int | None = None,
    task: ArrayTask | None = None,
    tensorboard: bool = False,
    mlflow: bool = False,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> CrossvalResult:
    """Train every fold, test each on its own fold, and pool the predictions.

    The same call again resumes, or finds it done. With more seeds than before, the further ones are added.

    Args:
        dataset: a DATASET folder.
        split: a split.csv with folds.
        output: the CV folder.
        recipe, micro_batch, tensorboard, mlflow, settings: see `train`.
        seed: the first seed.
        seeds: how many seeds every fold is trained with; scores are means over them.
        positive, sensitivity, calibrate: see `test`.
        task: train and test this task's share alone, and pool nothing.
        reporter: takes notices.

    Raises:
        InvalidSetting: a split without folds, or see `train` and `test`.
        SettingsChanged: the folder holds a cross-validation with other settings.
        BadInput: see `train`.
    """
    if seeds < 1:
        raise InvalidSetting("seeds", seeds, "1 or more is needed")
    find_trackers(tensorboard=tensorboard, mlflow=mlflow)  # asked for now, not when a fold is trained
    dataset, split, folder = Path(dataset), Path(split), Path(output)
    images, folds = open_dataset(dataset), fold_count(split)
    classes = open_split(split, images, 0).classes
    if len(classes) == 2:  # asked for now, not when a fold is trained
        positive_class(classes, positive)
    decisive = {
        "dataset_digest": images.digest,
        "split_digest": digest_file(split),
        "folds": folds,
        "recipe": recipe,
        "seed": seed,
        "positive": positive,
        "sensitivity": sensitivity,
        "calibrate": calibrate,
        **{name: value for name, value in settings.items() if value is not None},
    }
    words = {"dataset_digest": "the content of `dataset`", "split_digest": "the content of `split`"}
    begun = claim_folder(folder, RECORD, decisive, holds="cross-validation", words=words)
    meet("folder looked at")
    if is_first_process() and not begun:
        write_record(folder / RECORD, decisive)
    every = fold_runs(folder, folds, seed, seeds)
    runs = every if task is None else list(task.every_nth(every))
    with preemption() as stopped:
        for run in runs:
            stop_if_asked(stopped, run.folder)
            reporter.say(f"fold {run.fold} of {folds}, seed {run.seed}: {run.folder}")
            train(
                dataset,
                split,
                run.folder,
                recipe=recipe,
                fold=run.fold,
                seed=run.seed,
                micro_batch=micro_batch,
                tensorboard=tensorboard,
                mlflow=mlflow,
                reporter=reporter,
                **settings,
            )
            if is_first_process() and not _is_tested(run.folder):
                if read_config(run.folder).siamese:
                    template(run.folder, dataset=dataset, split=split)
                test(
                    run.folder,
                    positive=positive,
                    sensitivity=sensitivity,
                    calibrate=calibrate,
                    dataset=dataset,
                    split=split,
                    reporter=reporter,
                )
            meet(f"{run.folder} tested")
    if task is not None or not is_first_process():
        return CrossvalResult(folder, tuple(runs), None, None)
    report, folds_table = _pool(folder, found_runs(folder))
    return CrossvalResult(folder, tuple(runs), report, folds_table)


def _is_tested(run: Path) -> bool:
    """Whether the selected model of a run has been tested."""
    config = read_config(run)
    selected = best_epoch(read_run_history(run, config)).epoch
    metrics = read_metrics(run / METRICS) if (run / METRICS).exists() else {}
    tested = metrics.get("epoch") == selected and (run / PREDICTIONS).exists()
    return tested and (not config.siamese or (run / TEMPLATES).exists())


def _pool(folder: Path, runs: Sequence[FoldRun]) -> tuple[MetricsReport, Table]:
    """Pool the runs' predictions and metrics, and write them."""
    table = pooled_predictions(runs)
    write_predictions(folder / PREDICTIONS, table)
    predictions = read_predictions(folder / PREDICTIONS, ids_verbatim=True)
    report = classification_report(predictions.answers)
    each = {run: read_metrics(run.folder / METRICS) for run in runs}
    rows = shown("classes" if report.positive is None else "finding")
    names = [row.name for row in rows if row.name in next(iter(each.values()))]
    values = {
        name: np.array([np.nan if (value := of[name]["value"]) is None else value for of in each.values()])
        for name in names
    }
    mean = {name: _known(np.mean, of) for name, of in values.items()}
    deviation = {name: _known(lambda known: np.std(known, ddof=1), of) for name, of in values.items()}
    content = {
        **report.as_json(),
        "pooled": "out of fold: each image by the runs that were not trained on it",
        "runs": [
            {
                "fold": run.fold,
                "seed": run.seed,
                "folder": run.folder.name,
                "images": metrics["images"],
                **{name: metrics[name] for name in names},
            }
            for run, metrics in each.items()
        ],
        "mean": mean,
        "sd": deviation,
    }
    write_record(folder / METRICS, content)
    draw_figures(predictions.answers, report, "out of fold", folder / FIGURES)
    headings = {row.name: row.column or row.heading for row in rows}
    return report, _table_of_folds(each, {name: headings[name] for name in names}, mean, deviation)


def _known(function: Any, values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float | None:
    """Apply a statistic to the values that are defined; None where there are fewer than two."""
    known = values[~np.isnan(values)]
    return float(function(known)) if len(known) > 1 else None


def pooled_predictions(runs: Sequence[FoldRun]) -> pd.DataFrame:
    """Make one table of all images, each predicted by the runs of its fold.

    With several seeds scores are means over them, with their standard deviation in `spread_<class>`, and of
    two classes the threshold is the mean of theirs.
    """
    pooled = []
    for fold in sorted({run.fold for run in runs}):
        tables = [read_csv(run.folder / PREDICTIONS) for run in runs if run.fold == fold]
        # A column of the user's own may bear that name.
        pooled.append(_mean_of_seeds(tables).rename(columns={"fold": "table_fold"}).assign(fold=fold))
    return pd.concat(pooled, ignore_index=True)


def _mean_of_seeds(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    first = tables[0]
    if len(tables) == 1:
        return first
    columns = list(map(str, first))
    classes = [name.removeprefix(SCORE) for name in columns if name.startswith(SCORE)]
    positive = next((name.removeprefix(THRESHOLD) for name in columns if name.startswith(THRESHOLD)), None)
    mean = mean_scores(
        [table[[SCORE + name for name in classes]].to_numpy(np.float64) for table in tables],
        None if positive is None else classes.index(positive),
        [] if positive is None else [table[THRESHOLD + positive].to_numpy(np.float64) for table in tables],
    )
    changed: dict[str, Any] = {"predicted": np.array(classes, dtype=object)[mean.predicted]}
    changed |= {SCORE + name: mean.values[:, number] for number, name in enumerate(classes)}
    if positive is not None:
        changed[THRESHOLD + positive] = mean.threshold
    changed |= {SPREAD + name: mean.spread[:, number] for number, name in enumerate(classes)}
    return first.assign(**changed)


def _table_of_folds(
    each: Mapping[FoldRun, Mapping[str, Any]],
    headings: Mapping[str, str],
    mean: Mapping[str, float | None],
    deviation: Mapping[str, float | None],
) -> Table:
    several = len({run.seed for run in each}) > 1
    rows = [
        [
            Cell(f"{run.fold}, seed {run.seed}" if several else str(run.fold)),
            Cell(str(metrics["images"])),
            *(_cell(metrics[name]["value"]) for name in headings),
        ]
        for run, metrics in each.items()
    ]
    rows.append([Cell("mean"), Cell(""), *(_cell(mean[name]) for name in headings)])
    rows.append([Cell("SD"), Cell(""), *(_cell(deviation[name]) for name in headings)])
    return Table("Folds", ["fold", "images", *headings.values()], rows)


def _cell(value: float | None) -> Cell:
    return Cell("-" if value is None else f"{value:.3f}")
