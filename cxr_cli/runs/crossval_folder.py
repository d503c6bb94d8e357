"""The CV folder of a cross-validation: a RUN for each fold and seed, wherever a RUN is taken an ensemble."""

from pathlib import Path
from typing import NamedTuple, TypedDict

from cxr_cli.artifacts import read_record
from cxr_cli.errors import BadInput
from cxr_cli.runs.config import CONFIG
from cxr_cli.runs.folder import is_finished

RECORD = "crossval.json"


class CrossvalRecord(TypedDict):
    """The fields of crossval.json that other commands read."""

    folds: int
    seed: int


class FoldRun(NamedTuple):
    """One run of a cross-validation: the fold it is tested on, and its seed."""

    fold: int
    seed: int
    folder: Path


def is_crossval(folder: Path) -> bool:
    """Whether a folder holds a cross-validation."""
    return (folder / RECORD).exists()


def fold_runs(folder: Path, folds: int, first_seed: int, seeds: int) -> list[FoldRun]:
    """List the runs of a cross-validation: `fold0` ... with the first seed, `fold0-seed1` ... with others.

    Args:
        folder: of the cross-validation.
        folds: how many there are.
        first_seed: of every fold.
        seeds: how many seeds each fold is trained with.
    """
    return [
        FoldRun(fold, seed, folder / (f"fold{fold}" if seed == first_seed else f"fold{fold}-seed{seed}"))
        for seed in range(first_seed, first_seed + seeds)
        for fold in range(folds)
    ]


def found_runs(folder: Path) -> list[FoldRun]:
    """List the finished runs of a cross-validation, seed by seed; a further seed counts if all its folds do.

    Raises:
        BadInput: a fold of the first seed is not trained yet.
    """
    record = read_record(folder / RECORD, CrossvalRecord)
    folds, first_seed, seeds = record["folds"], record["seed"], 1
    for run in fold_runs(folder, folds, first_seed, seeds):
        if not _is_trained(run):
            raise BadInput(f"{run.folder}: this fold is not trained yet; finish the cross-validation")
    while all(map(_is_trained, fold_runs(folder, folds, first_seed, seeds + 1)[folds * seeds :])):
        seeds += 1
    return fold_runs(folder, folds, first_seed, seeds)


def _is_trained(run: FoldRun) -> bool:
    return (run.folder / CONFIG).exists() and is_finished(run.folder)


def member_folders(place: Path) -> tuple[Path, ...]:
    """The runs whose scores are averaged: a RUN itself, or those of a CV.

    Raises:
        BadInput: a fold of a CV is not trained yet.
    """
    return tuple(run.folder for run in found_runs(place)) if is_crossval(place) else (place,)
