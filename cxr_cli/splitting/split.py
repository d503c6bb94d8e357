"""Images of a DATASET into subsets or folds: which patients train, validate and test."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import check_same_settings, digest_file, read_csv, read_record
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.patient_ids import placeholder_notice
from cxr_cli.recorded_values import recorded
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.splitting.allocation import allocate_patients, class_counts
from cxr_cli.splitting.criteria import SUBSETS, SplitCriteria
from cxr_cli.splitting.file import near_duplicate_pairs, write_split
from cxr_cli.splitting.flow import ImagesByPart
from cxr_cli.splitting.near_duplicates import NearDuplicate, find_near_duplicates
from cxr_cli.splitting.patients import Same, patient_numbers, refuse_leaks
from cxr_cli.splitting.quotas import Sampled, counts_by_class, sample_by_counts
from cxr_cli.splitting.where import images_of_domain

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


FAILS = "does not meet train_where (patient in {})"
BEYOND_COUNTS = "beyond the number wanted (patient in {})"
BY_COLUMN = "left out by the column"


NEAR_DUPLICATES_REPORTED = 10
"""Pairs that are reported; all are in the JSON."""


@dataclass(frozen=True)
class SplitResult:
    """A split that was written.

    Attributes:
        path: of the split.csv; its JSON has the same name.
        table: one row an image, as in split.csv.
        images, images_without_patient_id, patients: how many.
        near_duplicates: pairs of images of different patients, whose patients count as one.
        counts: images by subset (or fold) and class.
        left_out: images by the reason why they are in no subset.
        characteristics: images by characteristic, value, subset and class; none with folds.
        test_images_of_domain: test images that meet `train_where`; None without it.
        absent, respelled: see `where.Selection`.
    """

    path: Path
    table: pd.DataFrame
    images: int
    images_without_patient_id: int
    patients: int
    near_duplicates: tuple[NearDuplicate, ...]
    counts: ImagesByPart
    left_out: Mapping[str, int]
    characteristics: Mapping[str, Mapping[str, ImagesByPart]]
    test_images_of_domain: int | None
    absent: tuple[str, ...]
    respelled: tuple[str, ...]


SHARES = SplitCriteria(near_duplicates=True)
"""The default: 60/20/20 of each class, near-duplicates together."""


def split(
    dataset: Path | str,
    output: Path | str,
    criteria: SplitCriteria = SHARES,
    *,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> SplitResult:
    """Divide the images of a DATASET by patient, and write split.csv with its JSON.

    Args:
        dataset: the DATASET folder.
        output: the split.csv to write; where the same call made it before, it stays.
        criteria: how to divide.
        force: replace another split of this name.
        reporter: takes an id that is likely no patient's and the near-duplicates found, before the split is
            made.

    Raises:
        SettingsChanged: `output` is a split that was made otherwise.
        InvalidSetting, BadInput: see `make_split` and `write_split`; or `output` is no split, or was edited.
    """
    output = Path(output)
    opened = open_dataset(Path(dataset))
    if not force and (before := _made_before(output, opened, criteria)):
        reporter.say(f"{output}: was made before with the same settings; nothing to do")
        return before
    found: list[NearDuplicate] = []
    placeholder = placeholder_notice(opened.manifest["patient_id"].tolist())
    if placeholder:
        reporter.say(placeholder)
    if criteria.near_duplicates:
        found = find_near_duplicates(opened.images, patient_numbers(opened.manifest))
        _report_near_duplicates(opened.manifest, found, reporter)  # the split may fail because of them
    table = make_split(opened, criteria, near_duplicate_pairs(opened, found))
    at_risk = runs_of(output) if force else []
    summary = write_split(opened, criteria, table, output, found)
    for run in at_risk:
        reporter.say(f"{run}: was trained on the split that is replaced, and no longer goes with {output}")
    return _result(output, table, summary, found)


def _made_before(path: Path, dataset: Dataset, criteria: SplitCriteria) -> SplitResult | None:
    """Return the split that the same call made before; None where there is none.

    Raises:
        SettingsChanged: it was made otherwise.
        BadInput: it is no split, or was edited.
    """
    beside = path.with_suffix(".json")
    if not path.exists() and not beside.exists():
        return None
    if not beside.exists():
        raise BadInput(f"{path}: is there already, and no split of cxr; name another file, or `force`")
    record = read_record(beside)
    now = {"dataset_digest": dataset.digest, **asdict(criteria)}
    before = {"dataset_digest": record.get("dataset_digest"), **record.get("criteria", {})}
    words = {"dataset_digest": "the digest of the images"}
    check_same_settings(path, before, now, words, advice="name another file, or `force`")
    if not path.exists():  # cut off between the two
        return None
    if digest_file(path) != record["split_digest"]:
        raise BadInput(f"{path}: was edited after cxr made it; name another file, or `force`")
    rows = {image_id: row for row, image_id in enumerate(dataset.manifest["image_id"])}
    found = [
        NearDuplicate((rows[one], rows[other]), pair["correlation"], pair["mirrored"])
        for pair in record["near_duplicates"]
        for one, other in [pair["images"]]
    ]
    return _result(path, read_csv(path), record, found)


def runs_of(split_csv: Path) -> list[Path]:
    """Find RUN folders that were trained on a split as it is now, in its folder and three levels below.

    Args:
        split_csv: of the split; it may be missing.
    """
    if not split_csv.exists():
        return []
    digest = digest_file(split_csv)
    configs = [
        path for depth in ("*", "*/*", "*/*/*") for path in split_csv.parent.glob(f"{depth}/config.json")
    ]
    return sorted(path.parent for path in configs if digest in path.read_text("utf-8", "replace"))


def _result(
    path: Path, table: pd.DataFrame, summary: Mapping[str, Any], found: list[NearDuplicate]
) -> SplitResult:
    return SplitResult(
        path=path,
        table=table,
        images=summary["images"],
        images_without_patient_id=summary["images_without_patient_id"],
        patients=summary["patients"],
        near_duplicates=tuple(found),
        counts=summary["counts"],
        left_out=summary.get("left_out", {}),
        characteristics=summary.get("characteristics", {}),
        test_images_of_domain=summary.get("test_images_of_domain"),
        absent=tuple(summary.get("absent", ())),
        respelled=tuple(summary.get("respelled", ())),
    )


def _report_near_duplicates(manifest: pd.DataFrame, found: list[NearDuplicate], reporter: Reporter) -> None:
    for (one, other), correlation, mirrored in found[:NEAR_DUPLICATES_REPORTED]:
        first, second = manifest.iloc[one], manifest.iloc[other]
        labels = f", labels {first['label']} and {second['label']}" * (first["label"] != second["label"])
        reporter.say(
            f"near-duplicates of two patients: {first['source']} and {second['source']} "
            f"(correlation {correlation:.2f}{', mirrored' * mirrored}{labels})"
        )
    if len(found) > NEAR_DUPLICATES_REPORTED:
        reporter.say(f"... and {len(found) - NEAR_DUPLICATES_REPORTED} pairs more, in the .json")
    alike = len({row for pair in found for row in pair.rows})
    if alike:
        reporter.say(
            f"{alike} of {len(manifest)} images are near-duplicates of another patient's: "
            "those patients stay "
            "in one subset"
        )


def make_split(dataset: Dataset, criteria: SplitCriteria, same: Same = ()) -> pd.DataFrame:
    """Divide the images of a dataset by patient.

    Args:
        dataset: whose images.
        criteria: how.
        same: pairs of image_ids that are near-duplicates: their patients count as one.

    Returns:
        One row an image, in the dataset's order, with `COLUMNS` and `reason`, why an image is left out. With
        folds, `fold` is 0 ... K-1 and `subset` is empty; otherwise `fold` is empty.

    Raises:
        InvalidSetting: shares, folds or numbers that cannot be.
        BadInput: a class with too few patients, a condition that no image meets, or a user's column that is
            no split or puts one patient into two subsets.
    """
    criteria.check()
    table = dataset.manifest[["image_id", "patient_id", "label"]].copy()
    table["subset"] = table["fold"] = table["reason"] = ""
    patients = patient_numbers(table, same)
    if criteria.folds is not None:
        shares = np.full(criteria.folds, 1 / criteria.folds)
        table["fold"] = _allocate(table["label"], patients, shares, criteria.seed).astype(str)
    elif criteria.from_column is not None:
        table["subset"] = _subsets_of_column(dataset, criteria, same, patients)
        table.loc[table["subset"] == "", "reason"] = BY_COLUMN
    elif criteria.by_domain:
        table["subset"], table["reason"] = _subsets_of_domain(dataset, criteria, patients)
    else:
        table["subset"] = _subsets_by_shares(
            table["label"], patients, criteria.val or 0.0, criteria.test or 0.0, criteria.seed
        )
    return table


def _allocate(
    labels_as_text: "pd.Series[str]", patients: NDArray[np.int64], shares: NDArray[np.float64], seed: int
) -> NDArray[np.int64]:
    """Return the part 0 ... S-1 of each image."""
    patients = pd.factorize(patients)[0].astype(np.int64)
    labels, classes = pd.factorize(labels_as_text, sort=True)
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


def _subsets_by_shares(
    labels: "pd.Series[str]", patients: NDArray[np.int64], val: float, test: float, seed: int
) -> NDArray[np.str_]:
    wanted = {"train": 1 - val - test, "val": val, "test": test}
    names = [name for name in SUBSETS if wanted[name] > 0]
    parts = _allocate(labels, patients, np.array([wanted[name] for name in names]), seed)
    return np.array(names)[parts]


def _subsets_of_domain(
    dataset: Dataset, criteria: SplitCriteria, patients: NDArray[np.int64]
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Sample train and val from the images of the domain; return each image's subset, and why it has none."""
    labels = dataset.manifest["label"]
    domain = images_of_domain(dataset, criteria).images
    rows = np.flatnonzero(domain)
    if not len(rows):
        raise BadInput(f"`train_where`: none of {len(labels)} images meets {criteria.train_where!r}")
    without = sorted(set(labels) - set(labels.iloc[rows]))
    if without:
        raise BadInput(f"`train_where`: no image of class {without[0]!r} meets {criteria.train_where!r}")
    sampled = _sample_domain(labels, rows, patients, criteria)
    part_of_patient = pd.Series(sampled.parts, index=patients[rows]).groupby(level=0).first()
    parts = part_of_patient.reindex(patients, fill_value="").to_numpy(dtype=str)
    used = np.zeros(len(labels), np.bool_)
    used[rows[sampled.kept]] = True
    subsets = np.select([parts == "", used], ["test", parts], "")
    reasons = [
        "" if subset else (BEYOND_COUNTS if meets else FAILS).format(part)
        for subset, meets, part in zip(subsets, domain, parts, strict=True)
    ]
    return subsets, np.array(reasons)


def _sample_domain(
    labels: "pd.Series[str]", rows: NDArray[np.int64], patients: NDArray[np.int64], criteria: SplitCriteria
) -> Sampled:
    if criteria.train_per_class is None:
        val = criteria.val or 0.0
        parts = _subsets_by_shares(labels.iloc[rows], patients[rows], val, 0.0, criteria.seed)
        return Sampled(parts, np.ones(len(rows), np.bool_))
    numbers, classes = pd.factorize(labels, sort=True)
    wanted = np.stack(
        [
            counts_by_class("train_per_class", criteria.train_per_class, classes.tolist()),
            counts_by_class("val_per_class", criteria.val_per_class or 0, classes.tolist()),
        ]
    )
    if not wanted[0].all():
        raise InvalidSetting(
            "train_per_class", True, f"no image of class {classes[int(wanted[0].argmin())]!r}; 1 or more"
        )
    rng = np.random.default_rng(criteria.seed)
    return sample_by_counts(patients[rows], numbers[rows].astype(np.int64), classes.tolist(), wanted, rng)


def _subsets_of_column(
    dataset: Dataset, criteria: SplitCriteria, same: Same, patients: NDArray[np.int64]
) -> NDArray[np.str_]:
    column = criteria.from_column
    place = f"{dataset.folder / 'manifest.csv'}: column {column!r}"
    if column not in dataset.manifest.columns:
        raise BadInput(f"{place} is not there; it has {', '.join(map(repr, dataset.manifest.columns))}")
    values = dataset.manifest[column].astype(str).map(recorded).str.lower()
    unknown = sorted(set(values) - set(SPELLINGS))
    if unknown:
        raise BadInput(f"{place} holds {unknown[0]!r}; known are train, val, test, and empty for left out")
    subsets = values.map(SPELLINGS).to_numpy(dtype=object)
    refuse_leaks(place, dataset.manifest, subsets, same)
    if not (subsets == "train").any():
        raise BadInput(f"{place} names no training image")
    if criteria.val is not None:
        if (subsets == "val").any():
            raise InvalidSetting("val", criteria.val, f"{place} already names validation images")
        training = np.flatnonzero(subsets == "train")
        labels = dataset.manifest["label"].iloc[training]
        subsets[training] = _subsets_by_shares(labels, patients[training], criteria.val, 0.0, criteria.seed)
    return subsets.astype(str)
