"""Films of a DATASET into subsets or folds: which patients train, validate and test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.allocation import allocate_patients, class_counts
from cxr_cli.dataset.store import Dataset
from cxr_cli.errors import BadInput, UsageFault

SUBSETS = ("train", "val", "test")
COLUMNS = ("image_id", "patient_id", "label", "subset", "fold")
SPELLINGS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "": "",
}


@dataclass(frozen=True)
class SplitCriteria:
    """How the films are to be divided; exactly one of shares, folds and column rules.

    With `column` the subsets are the user's, and `val` (if not None) is drawn from their training films.
    """

    val: float | None = None
    test: float | None = None
    folds: int | None = None
    column: str | None = None
    seed: int = 0


def patient_numbers(table: pd.DataFrame) -> NDArray[np.int64]:
    """Number the patients of a table with `patient_id` and `image_id`; a film without an id is a patient."""
    known = table["patient_id"] != ""
    names = ("patient " + table["patient_id"]).where(known, "film " + table["image_id"])
    return pd.factorize(names)[0].astype(np.int64)


def make_split(dataset: Dataset, criteria: SplitCriteria) -> pd.DataFrame:
    """Divide the films of a dataset by patient.

    Returns:
        One row a film, in the dataset's order, with `COLUMNS`. With folds, `fold` is 0 ... K-1 and
        `subset` is empty; otherwise `fold` is empty.

    Raises:
        UsageFault: shares or folds that cannot be.
        BadInput: a class with too few patients, or a user's column that is no split or puts one patient
            into two subsets.
    """
    _check(criteria)
    table = dataset.manifest[["image_id", "patient_id", "label"]].copy()
    table["subset"] = ""
    table["fold"] = ""
    if criteria.folds is not None:
        table["fold"] = _allocate(table, np.full(criteria.folds, 1 / criteria.folds), criteria.seed).astype(
            str
        )
    elif criteria.column is not None:
        table["subset"] = _subsets_of_column(dataset, criteria)
    else:
        table["subset"] = _drawn_subsets(table, criteria.val or 0.0, criteria.test or 0.0, criteria.seed)
    return table


def _check(criteria: SplitCriteria) -> None:
    if criteria.folds is not None:
        if criteria.folds < 3:
            raise UsageFault(
                f"--folds {criteria.folds}: 3 or more (one tests, one validates, the others train)"
            )
        if criteria.column is not None or criteria.val is not None or criteria.test is not None:
            raise UsageFault("--folds goes without --val, --test and --from-column")
        return
    for name, share in (("--val", criteria.val), ("--test", criteria.test)):
        if share is not None and not 0 <= share < 1:
            raise UsageFault(f"{name} {share}: a share from 0 up to, not including, 1")
    if criteria.column is not None and criteria.test is not None:
        raise UsageFault("--from-column names the test films: it goes without --test")
    if (criteria.val or 0.0) + (criteria.test or 0.0) >= 1:
        raise UsageFault(f"--val {criteria.val} and --test {criteria.test} leave no film to train on")


def _allocate(table: pd.DataFrame, shares: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Return the part 0 ... S-1 of each film."""
    patients = patient_numbers(table)
    labels, classes = pd.factorize(table["label"], sort=True)
    counts = class_counts(patients, labels.astype(np.int64))
    for number, name in enumerate(classes):
        holders = int((counts[:, number] > 0).sum())
        if holders < len(shares):
            raise BadInput(
                f"class {name!r} has {holders} patient{'s' * (holders != 1)}, "
                f"{len(shares)} are needed: one for each subset or fold"
            )
    parts = allocate_patients(counts, shares, np.random.default_rng(seed))
    for part in range(len(shares)):
        empty = np.flatnonzero(counts[parts == part].sum(0) == 0)
        if len(empty):
            films = int(counts[:, empty[0]].sum())
            raise BadInput(
                f"class {classes[empty[0]]!r} has {films} films, too few to reach every subset or fold: "
                "give it a larger share or fewer folds"
            )
    return parts[patients]


def _drawn_subsets(table: pd.DataFrame, val: float, test: float, seed: int) -> NDArray[np.str_]:
    wanted = {"train": 1 - val - test, "val": val, "test": test}
    names = [name for name in SUBSETS if wanted[name] > 0]
    parts = _allocate(table, np.array([wanted[name] for name in names]), seed)
    return np.array(names)[parts]


def _subsets_of_column(dataset: Dataset, criteria: SplitCriteria) -> NDArray[np.str_]:
    column = criteria.column
    place = f"{dataset.folder / 'manifest.csv'}: column {column!r}"
    if column not in dataset.manifest.columns:
        raise BadInput(f"{place} is not there; it has {', '.join(map(repr, dataset.manifest.columns))}")
    values = dataset.manifest[column].str.strip().str.lower()
    unknown = sorted(set(values) - set(SPELLINGS))
    if unknown:
        raise BadInput(f"{place} holds {unknown[0]!r}; known are train, val, test, and empty for left out")
    subsets = values.map(SPELLINGS).to_numpy(dtype=object)
    refuse_leaks(place, dataset.manifest, subsets)
    if not (subsets == "train").any():
        raise BadInput(f"{place} names no training film")
    if criteria.val is not None:
        if (subsets == "val").any():
            raise UsageFault(f"--val {criteria.val}: {place} already names validation films")
        training = np.flatnonzero(subsets == "train")
        subsets[training] = _drawn_subsets(dataset.manifest.iloc[training], criteria.val, 0.0, criteria.seed)
    return subsets.astype(str)


def refuse_leaks(place: str, films: pd.DataFrame, subsets: NDArray[Any]) -> None:
    """Raise BadInput if a patient has films in two subsets; left-out films ("") do not count.

    Args:
        place: where the subsets are written, for the message.
        films: with `patient_id` and `image_id`.
        subsets: text [N].
    """
    used = subsets != ""
    table = pd.DataFrame(
        {"patient": patient_numbers(films), "subset": subsets, "image_id": films["image_id"]}
    )
    spread = table[used].groupby("patient")["subset"].nunique()
    leaking = spread.index[spread > 1]
    if len(leaking):
        first = table[used & (table["patient"] == leaking[0])].drop_duplicates("subset")
        where = " and ".join(f"{film.image_id} in {film.subset}" for film in first.itertuples())
        raise BadInput(
            f"{place}: {len(leaking)} patient{'s' * (len(leaking) != 1)} in more than one subset "
            f"(films {where} are of one patient); each patient belongs in one"
        )


def fold_subsets(folds: NDArray[np.int64], fold: int, count: int) -> NDArray[np.str_]:
    """Name each film's subset: `fold` tests, the next one (round the circle) validates, the rest train."""
    names = np.full(len(folds), "train", dtype="<U5")
    names[folds == fold] = "test"
    names[folds == (fold + 1) % count] = "val"
    return names
