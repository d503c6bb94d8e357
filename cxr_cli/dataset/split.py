"""DATASET -> split.csv and split.json: which patients train, validate and test."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import atomic_path, digest_file, read_csv, read_json, versions, write_csv, write_json
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


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and population standard deviation of pixels on the 0 ... 1 scale."""

    mean: float
    std: float


@dataclass(frozen=True)
class Split:
    """A split as training and testing read it.

    Attributes:
        subsets: text [N], "train", "val", "test" or "" for each row of the dataset.
        labels: int [N], class number of each row.
        patients: int [N], patient number of each row.
        classes: class names, sorted; a label's number is its place here.
        pixels: statistics of the training pixels.
        digest: SHA-256 of split.csv.
    """

    path: Path
    subsets: NDArray[np.str_]
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]
    classes: tuple[str, ...]
    pixels: PixelStatistics
    digest: str
    fold: int | None

    def rows(self, subset: str) -> NDArray[np.int64]:
        """Return the dataset rows of a subset, ascending.

        Raises:
            UsageFault: no subset has this name.
            BadInput: the subset has no film.
        """
        if subset not in SUBSETS:
            raise UsageFault(f"--subset {subset!r}: known are {', '.join(SUBSETS)}")
        rows = np.flatnonzero(self.subsets == subset)
        if not len(rows):
            raise BadInput(f"{self.path}: no film in subset {subset!r}")
        return rows


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


def pixel_statistics(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> PixelStatistics:
    """Compute the exact mean and population standard deviation of the films' pixels, on the 0 ... 1 scale.

    Exact because the 256 grey values are counted and summed as integers.

    Args:
        images: uint8 [N, H, W].
        rows: the films to count.
    """
    histogram = np.zeros(256, np.int64)
    for row in rows:
        histogram += np.bincount(images[row].ravel(), minlength=256)
    values = np.arange(256)
    count, total, squares = (int((histogram * values**power).sum()) for power in (0, 1, 2))
    variance = (squares * count - total**2) / count**2
    return PixelStatistics(mean=total / count / 255, std=variance**0.5 / 255)


def fold_subsets(folds: NDArray[np.int64], fold: int, count: int) -> NDArray[np.str_]:
    """Name each film's subset: `fold` tests, the next one (round the circle) validates, the rest train."""
    names = np.full(len(folds), "train", dtype="<U5")
    names[folds == fold] = "test"
    names[folds == (fold + 1) % count] = "val"
    return names


def write_split(dataset: Dataset, criteria: SplitCriteria, table: pd.DataFrame, path: Path) -> dict[str, Any]:
    """Write split.csv and, beside it, the JSON of the same name; return what the JSON holds.

    The JSON comes first: a split.csv is only ever there with its JSON.

    Raises:
        UsageFault: `path` is itself named .json.
    """
    if path.suffix == ".json":
        raise UsageFault(f"--output {path}: the split is a table, to be named .csv; a .json goes beside it")
    summary: dict[str, Any] = {
        "criteria": asdict(criteria),
        "dataset": str(dataset.folder),
        "dataset_digest": dataset.digest,
        "films": len(table),
        "films_without_patient_id": int((table["patient_id"] == "").sum()),
        "patients": int(patient_numbers(table).max()) + 1,
        "versions": versions(),
    }
    if criteria.folds is None:
        summary["counts"] = _count(table, "subset")
        summary["normalisation"] = asdict(_training_pixels(dataset, table["subset"].to_numpy(dtype=str)))
    else:
        folds = table["fold"].to_numpy(np.int64)
        summary["counts"] = _count(table, "fold")
        summary["normalisation"] = [
            asdict(_training_pixels(dataset, fold_subsets(folds, fold, criteria.folds)))
            for fold in range(criteria.folds)
        ]
    with atomic_path(path) as temporary:
        write_csv(temporary, table)
        summary["split_digest"] = digest_file(temporary)
        write_json(path.with_suffix(".json"), summary)
    return summary


def _training_pixels(dataset: Dataset, subsets: NDArray[np.str_]) -> PixelStatistics:
    return pixel_statistics(dataset.images, np.flatnonzero(subsets == "train"))


def _count(table: pd.DataFrame, part: str) -> dict[str, dict[str, int]]:
    counts = pd.crosstab(table[part], table["label"])
    order = (
        [name for name in (*SUBSETS, "") if name in counts.index] if part == "subset" else list(counts.index)
    )
    rows = counts.reindex(order).to_numpy().tolist()
    return {
        str(name): dict(zip(map(str, counts), row, strict=True))
        for name, row in zip(order, rows, strict=True)
    }


def open_split(path: Path, dataset: Dataset, fold: int | None = None) -> Split:
    """Read a split for a dataset.

    Args:
        path: split.csv.
        dataset: the dataset that it divides.
        fold: which fold tests; needed if and only if the split has folds.

    Raises:
        BadInput: no split, of another dataset, or one that puts a patient into two subsets.
        UsageFault: a fold is missing, not wanted, or out of range.
    """
    table = read_csv(path, COLUMNS)
    for column in ("image_id", "patient_id", "label"):
        if list(table[column]) != list(dataset.manifest[column]):
            raise BadInput(
                f"{path}: is not a split of {dataset.folder}: its column {column!r} is not the manifest's"
            )
    recorded = _read_summary(path.with_suffix(".json"))
    folds = recorded.folds
    if folds is None:
        if fold is not None:
            raise UsageFault(f"--fold {fold}: {path} has no folds")
        _check_values(path, table["subset"], {*SUBSETS, ""}, "train, val, test and empty")
        subsets = table["subset"].to_numpy(dtype=str)
    else:
        if fold is None or not 0 <= fold < folds:
            raise UsageFault(
                f"--fold {'missing' if fold is None else fold}: {path} has folds 0 to {folds - 1}"
            )
        _check_values(path, table["fold"], {str(number) for number in range(folds)}, f"0 to {folds - 1}")
        subsets = fold_subsets(table["fold"].to_numpy(np.int64), fold, folds)
    if not (subsets == "train").any():
        raise BadInput(f"{path}: no film in subset 'train'")
    refuse_leaks(str(path), table, subsets)
    digest = digest_file(path)
    if recorded.digests == (dataset.digest, digest):
        pixels = recorded.pixels[fold or 0]
    else:  # edited, or of the same films cropped or sized otherwise
        pixels = _training_pixels(dataset, subsets)
    labels, classes = pd.factorize(table["label"], sort=True)
    return Split(
        path=path,
        subsets=subsets,
        labels=labels.astype(np.int64),
        patients=patient_numbers(table),
        classes=tuple(map(str, classes)),
        pixels=pixels,
        digest=digest,
        fold=fold,
    )


class _Summary(NamedTuple):
    """What a split's JSON recorded.

    Attributes:
        folds: their number, None if there are none.
        pixels: statistics of the training pixels with each fold as test, or of the one split.
        digests: of the images and of the split.csv that the statistics are of.
    """

    folds: int | None
    pixels: list[PixelStatistics]
    digests: tuple[str, str]


def _read_summary(path: Path) -> _Summary:
    summary = read_json(path)
    try:
        folds, normalisation = summary["criteria"]["folds"], summary["normalisation"]
        each = [normalisation] if folds is None else [normalisation[fold] for fold in range(folds)]
        digests = (summary["dataset_digest"], summary["split_digest"])
        return _Summary(folds, [PixelStatistics(**statistics) for statistics in each], digests)
    except (KeyError, IndexError, TypeError) as error:
        raise BadInput(
            f"{path}: is not what `cxr split` writes beside a split.csv; make the split anew"
        ) from error


def _check_values(path: Path, column: "pd.Series[str]", known: set[str], in_words: str) -> None:
    unknown = sorted(set(column) - known)
    if unknown:
        raise BadInput(f"{path}: column {column.name!r} holds {unknown[0]!r}; known are {in_words}")
