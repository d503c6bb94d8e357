"""Images of a DATASET into subsets or folds: which patients train, validate and test."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.store import Dataset
from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.splitting.allocation import allocate_patients, class_counts
from cxr_cli.splitting.patients import Same, patient_numbers, refuse_leaks
from cxr_cli.splitting.quotas import ClassCounts, Drawn, counts_by_class, draw_by_counts
from cxr_cli.splitting.where import Selection, select

SUBSETS = ("train", "val", "test")
COLUMNS = ("image_id", "patient_id", "label", "subset", "fold")
DOMAIN_OPTIONS = ("--train-where", "--train-per-class", "--val-per-class")
EXCLUDES = (
    ("--folds", "divides all images", ("--val", "--test", "--from-column", *DOMAIN_OPTIONS)),
    ("--from-column", "names the test images", ("--test",)),
    ("--from-column", "names the training images", DOMAIN_OPTIONS),
    ("--train-where", "makes all other patients test", ("--test",)),
    ("--train-per-class", "makes all other patients test", ("--test",)),
    ("--train-per-class", "goes with --val-per-class", ("--val",)),
)
"""Options that exclude each other: one, why, and which."""
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


FAILS = "does not meet --train-where (patient in {})"
BEYOND_COUNTS = "beyond the number wanted (patient in {})"
BY_COLUMN = "left out by the column"


@dataclass(frozen=True)
class SplitCriteria:
    """How the images are to be divided; one of shares, folds, column and a training domain rules.

    With `column` the subsets are the user's, and `val` (if not None) is drawn from their training images.
    With `train_where` or `train_per_class` train and val are drawn from the images that meet the condition
    (selection.select), by numbers of each class or, without them, all but the share `val`; the images of all
    other patients are test.

    Attributes:
        near-duplicates: whether images that are one picture under two patients were looked for, to be kept
        together.
    """

    val: float | None = None
    test: float | None = None
    folds: int | None = None
    column: str | None = None
    train_where: str | None = None
    train_per_class: ClassCounts | None = None
    val_per_class: ClassCounts | None = None
    near_duplicates: bool = False
    seed: int = 0

    @property
    def by_domain(self) -> bool:
        """Whether train and val are drawn from a domain of images, and all other patients test."""
        domain = (self.train_where, self.train_per_class, self.val_per_class)
        return any(each is not None for each in domain)


def make_split(dataset: Dataset, criteria: SplitCriteria, same: Same = ()) -> pd.DataFrame:
    """Divide the images of a dataset by patient.

    Args:
        dataset: whose images.
        criteria: how.
        same: pairs of image_ids that are one picture: their patients count as one.

    Returns:
        One row an image, in the dataset's order, with `COLUMNS` and `reason`, why an image is left out. With
        folds, `fold` is 0 ... K-1 and `subset` is empty; otherwise `fold` is empty.

    Raises:
        UsageFault: shares, folds or numbers that cannot be.
        BadInput: a class with too few patients, a condition that no image meets, or a user's column that is
            no split or puts one patient into two subsets.
    """
    _check(criteria)
    table = dataset.manifest[["image_id", "patient_id", "label"]].copy()
    table["subset"] = table["fold"] = table["reason"] = ""
    patients = patient_numbers(table, same)
    if criteria.folds is not None:
        shares = np.full(criteria.folds, 1 / criteria.folds)
        table["fold"] = _allocate(table["label"], patients, shares, criteria.seed).astype(str)
    elif criteria.column is not None:
        table["subset"] = _subsets_of_column(dataset, criteria, same, patients)
        table.loc[table["subset"] == "", "reason"] = BY_COLUMN
    elif criteria.by_domain:
        table["subset"], table["reason"] = _subsets_of_domain(dataset, criteria, patients)
    else:
        table["subset"] = _drawn_subsets(
            table["label"], patients, criteria.val or 0.0, criteria.test or 0.0, criteria.seed
        )
    return table


def _check(criteria: SplitCriteria) -> None:
    for name, share in (("--val", criteria.val), ("--test", criteria.test)):
        if share is not None and not 0 <= share < 1:
            raise UsageFault(f"{name} {share}: a share from 0 up to, not including, 1")
    given = {
        "--val": criteria.val is not None,
        "--test": criteria.test is not None,
        "--from-column": criteria.column is not None,
        "--train-where": criteria.train_where is not None,
        "--train-per-class": criteria.train_per_class is not None,
        "--val-per-class": criteria.val_per_class is not None,
        "--folds": criteria.folds is not None,
    }
    if criteria.folds is not None and criteria.folds < 3:
        raise UsageFault(f"--folds {criteria.folds}: 3 or more (one tests, one validates, the others train)")
    for option, reason, others in EXCLUDES:
        clashing = [other for other in others if given[option] and given[other]]
        if clashing:
            raise UsageFault(f"{option} {reason}: it goes without {clashing[0]}")
    if given["--val-per-class"] and not given["--train-per-class"]:
        raise UsageFault("--val-per-class needs --train-per-class beside it")
    if (criteria.val or 0.0) + (criteria.test or 0.0) >= 1:
        raise UsageFault(f"--val {criteria.val} and --test {criteria.test} leave no image to train on")


def _allocate(
    labels_in_words: "pd.Series[str]", patients: NDArray[np.int64], shares: NDArray[np.float64], seed: int
) -> NDArray[np.int64]:
    """Return the part 0 ... S-1 of each image."""
    patients = pd.factorize(patients)[0].astype(np.int64)
    labels, classes = pd.factorize(labels_in_words, sort=True)
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
            images = int(counts[:, empty[0]].sum())
            raise BadInput(
                f"class {classes[empty[0]]!r} has {images} images, too few to reach every subset or fold: "
                "give it a larger share or fewer folds"
            )
    return parts[patients]


def _drawn_subsets(
    labels: "pd.Series[str]", patients: NDArray[np.int64], val: float, test: float, seed: int
) -> NDArray[np.str_]:
    wanted = {"train": 1 - val - test, "val": val, "test": test}
    names = [name for name in SUBSETS if wanted[name] > 0]
    parts = _allocate(labels, patients, np.array([wanted[name] for name in names]), seed)
    return np.array(names)[parts]


def _subsets_of_domain(
    dataset: Dataset, criteria: SplitCriteria, patients: NDArray[np.int64]
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Draw train and val from the images of the domain; return each image's subset, and why it has none."""
    labels = dataset.manifest["label"]
    domain = images_of_domain(dataset, criteria).images
    rows = np.flatnonzero(domain)
    if not len(rows):
        raise BadInput(f"--train-where: none of {len(labels)} images meets {criteria.train_where!r}")
    without = sorted(set(labels) - set(labels.iloc[rows]))
    if without:
        raise BadInput(f"--train-where: no image of class {without[0]!r} meets {criteria.train_where!r}")
    drawn = _drawn_from_domain(labels, rows, patients, criteria)
    part_of_patient = pd.Series(drawn.parts, index=patients[rows]).groupby(level=0).first()
    parts = part_of_patient.reindex(patients, fill_value="").to_numpy(dtype=str)
    used = np.zeros(len(labels), np.bool_)
    used[rows[drawn.kept]] = True
    subsets = np.select([parts == "", used], ["test", parts], "")
    reasons = [
        "" if subset else (BEYOND_COUNTS if meets else FAILS).format(part)
        for subset, meets, part in zip(subsets, domain, parts, strict=True)
    ]
    return subsets, np.array(reasons)


def images_of_domain(dataset: Dataset, criteria: SplitCriteria) -> Selection:
    """Find the images that may be drawn for train and val: those that meet the condition, or all."""
    if criteria.train_where is None:
        return Selection(np.ones(len(dataset.manifest), np.bool_), (), ())
    return select(criteria.train_where, dataset.manifest, str(dataset.folder / "manifest.csv"))


def _drawn_from_domain(
    labels: "pd.Series[str]", rows: NDArray[np.int64], patients: NDArray[np.int64], criteria: SplitCriteria
) -> Drawn:
    if criteria.train_per_class is None:
        val = criteria.val or 0.0
        parts = _drawn_subsets(labels.iloc[rows], patients[rows], val, 0.0, criteria.seed)
        return Drawn(parts, np.ones(len(rows), np.bool_))
    numbers, classes = pd.factorize(labels, sort=True)
    wanted = np.stack(
        [
            counts_by_class("--train-per-class", criteria.train_per_class, classes.tolist()),
            counts_by_class("--val-per-class", criteria.val_per_class or 0, classes.tolist()),
        ]
    )
    if not wanted[0].all():
        raise UsageFault(
            f"--train-per-class: no image of class {classes[int(wanted[0].argmin())]!r}; 1 or more"
        )
    rng = np.random.default_rng(criteria.seed)
    return draw_by_counts(patients[rows], numbers[rows].astype(np.int64), classes.tolist(), wanted, rng)


def _subsets_of_column(
    dataset: Dataset, criteria: SplitCriteria, same: Same, patients: NDArray[np.int64]
) -> NDArray[np.str_]:
    column = criteria.column
    place = f"{dataset.folder / 'manifest.csv'}: column {column!r}"
    if column not in dataset.manifest.columns:
        raise BadInput(f"{place} is not there; it has {', '.join(map(repr, dataset.manifest.columns))}")
    values = dataset.manifest[column].astype(str).str.strip().str.lower()
    unknown = sorted(set(values) - set(SPELLINGS))
    if unknown:
        raise BadInput(f"{place} holds {unknown[0]!r}; known are train, val, test, and empty for left out")
    subsets = values.map(SPELLINGS).to_numpy(dtype=object)
    refuse_leaks(place, dataset.manifest, subsets, same)
    if not (subsets == "train").any():
        raise BadInput(f"{place} names no training image")
    if criteria.val is not None:
        if (subsets == "val").any():
            raise UsageFault(f"--val {criteria.val}: {place} already names validation images")
        training = np.flatnonzero(subsets == "train")
        labels = dataset.manifest["label"].iloc[training]
        subsets[training] = _drawn_subsets(labels, patients[training], criteria.val, 0.0, criteria.seed)
    return subsets.astype(str)


def fold_subsets(folds: NDArray[np.int64], fold: int, count: int) -> NDArray[np.str_]:
    """Name each image's subset: `fold` tests, the next one (round the circle) validates, the rest train."""
    names = np.full(len(folds), "train", dtype="<U5")
    names[folds == fold] = "test"
    names[folds == (fold + 1) % count] = "val"
    return names
