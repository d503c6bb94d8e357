"""Options that several commands share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.commands.console import say
from cxr_cli.errors import BadInput
from cxr_cli.evaluation.choices import CalibrationMethod, TableFormat

if TYPE_CHECKING:
    from cxr_cli.array_task import ArrayTask


def _check_dataset(folder: Path | None) -> Path | None:
    """Refuse what is no DATASET at once, before the command imports anything heavy."""
    from cxr_cli.dataset.folder import check_is_dataset

    if folder is not None:
        check_is_dataset(folder)
    return folder


def check_file(path: Path | None) -> Path | None:
    """Refuse a file that is missing at once."""
    if path is not None and not path.is_file():
        raise BadInput(f"{path}: no such file")
    return path


def check_exists(places: Path | list[Path] | None) -> Path | list[Path] | None:
    """Refuse files and folders that are missing at once."""
    for place in places if isinstance(places, list) else [places]:
        if place is not None and not place.exists():
            raise BadInput(f"{place}: no such file or folder")
    return places


def _check_run(folder: Path) -> Path:
    """Refuse what is no RUN at once."""
    from cxr_cli.runs.config import read_config

    read_config(folder)
    return folder


def _check_model(folder: Path) -> Path:
    """Refuse what is neither RUN nor CV at once."""
    from cxr_cli.runs.crossval_folder import is_crossval

    return folder if is_crossval(folder) else _check_run(folder)


DatasetFolder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="A DATASET folder.", callback=_check_dataset)
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A RUN folder.", callback=_check_run)]
ModelFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A RUN folder, or a CV folder (its ensemble).", callback=_check_model),
]
SplitFile = Annotated[Path, typer.Option(help="The split.csv of the DATASET.", callback=check_file)]
MovedDataset = Annotated[
    Path | None, typer.Option(help="Where the DATASET is now, if it was moved.", callback=_check_dataset)
]
MovedSplit = Annotated[
    Path | None, typer.Option(help="Where the split.csv is now, if it was moved.", callback=check_file)
]
Templates = Annotated[Path | None, typer.Option(help="Templates of a siamese run. [RUN/templates.npz]")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Resamples = Annotated[int, typer.Option(min=100, help="Random samples of patients, at most, for p-values.")]
Unused = Annotated[
    int | None, typer.Option(hidden=True, help="Taken for scripts of earlier versions; without effect.")
]

Positive = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS",
        help="Of two classes, the positive one. [the one beside a class named like a negative: normal, ...]",
    ),
]
Sensitivity = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1.0,
        help="Choose the highest threshold that reaches this sensitivity on validation. "
        "[the one with the highest Youden index there]",
    ),
]
Calibrate = Annotated[
    CalibrationMethod | None,
    typer.Option(
        help="Recalibrate the scores, fitted on validation; later predictions follow. [as they are]"
    ),
]
MicroBatch = Annotated[
    int | None,
    typer.Option(help="Images at once, gradients being summed over the batch. [as many as memory holds]"),
]
ArrayPart = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Only part I of N, from 1. [the task of a Slurm job array; else all]"),
]
IdsVerbatim = Annotated[
    bool,
    typer.Option(
        "--ids-verbatim",
        help="Patient ids that differ only in zeros, blanks, case or .0 are different patients.",
    ),
]
OfOneClass = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS", help="The positive class; of more than two, it is compared with all others."
    ),
]
Small = Annotated[int, typer.Option(min=0, help="Mark strata with fewer patients than this of a class.")]
FormatOfTables = Annotated[TableFormat, typer.Option("--format", help="Format of the tables.")]
TablesFolder = Annotated[
    Path | None, typer.Option("--output", "-o", help="A folder for all tables and figures.")
]
Fold = Annotated[int | None, typer.Option(help="The fold to test on, where the split has folds.")]


def array_task(given: str | None, field: str, items: str) -> "ArrayTask | None":
    """The share of the work that is asked for, by option or by a Slurm job array; None for all of it."""
    from cxr_cli.array_task import parse_task, slurm_task

    task = parse_task(given, field) if given else slurm_task(os.environ, field)
    if task is None or task.count == 1:
        return None
    if not given:
        say(f"task of a Slurm job array: --{field} {task} (--{field} 1/1 takes all {items})")
    return task
