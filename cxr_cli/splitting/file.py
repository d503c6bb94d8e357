"""split.csv and split.json: writing them, and reading them as training and testing need them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import atomic_path, digest_file, read_record, versions, write_record
from cxr_cli.dataset.pixel_statistics import PixelStatistics, pixel_statistics
from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.recorded_values import is_missing
from cxr_cli.splitting.criteria import SUBSETS, SplitCriteria
from cxr_cli.splitting.flow import flow, images_by_part
from cxr_cli.splitting.near_duplicates import NearDuplicate
from cxr_cli.splitting.patients import Same, patient_numbers, refuse_leaks
from cxr_cli.user_tables import read_user_table

COLUMNS = ("image_id", "patient_id", "label", "subset", "fold")


@dataclass(frozen=True)
class Split:
    """A split as training and testing read it.

    Attributes:
        subsets: text [N], "train", "val", "test" or "" for each row of the dataset.
        labels: int [N], class number of each row.
        patients: int [N], patient number of each row; patients who share an image have one.
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
            InvalidSetting: no subset has this name.
            BadInput: the subset has no image.
        """
        if subset not in SUBSETS:
            raise InvalidSetting("subset", repr(subset), f"known are {', '.join(SUBSETS)}")
        rows = np.flatnonzero(self.subsets == subset)
        if not len(rows):
            raise BadInput(f"{self.path}: no image in subset {subset!r}")
        return rows


def near_duplicate_pairs(dataset: Dataset, near_duplicates: Sequence[NearDuplicate]) -> Same:
    """The image_ids of pairs of near-duplicates."""
    image_ids = dataset.manifest["image_id"].tolist()
    return [(image_ids[one], image_ids[other]) for (one, other), *_ in near_duplicates]


def write_split(
    dataset: Dataset,
    criteria: SplitCriteria,
    table: pd.DataFrame,
    path: Path,
    near_duplicates: Sequence[NearDuplicate] = (),
) -> dict[str, Any]:
    """Write split.csv and, beside it, the JSON of the same name; return what the JSON holds.

    The JSON comes first: a split.csv is only ever there with its JSON.

    Args:
        dataset: whose images.
        criteria: how they were divided.
        table: as `make_split` gave it.
        path: of the split.csv.
        near_duplicates: pairs of near-duplicates, whose patients count as one.

    Raises:
        InvalidSetting: `path` is itself named .json.
    """
    if path.suffix == ".json":
        raise InvalidSetting("output", path, "the split is a table, to be named .csv; a .json goes beside it")
    same = near_duplicate_pairs(dataset, near_duplicates)
    summary: dict[str, Any] = {
        "criteria": asdict(criteria),
        "dataset": str(dataset.folder),
        "dataset_digest": dataset.digest,
        "images": len(table),
        "images_without_patient_id": int(table["patient_id"].map(is_missing).sum()),
        "patients": int(patient_numbers(table, same).max()) + 1,
        "near_duplicates": [
            {"images": list(images), "correlation": round(each.correlation, 4), "mirrored": each.mirrored}
            for images, each in zip(same, near_duplicates, strict=True)
        ],
        "versions": versions(),
    }
    if criteria.folds is None:
        summary |= flow(dataset, criteria, table)
        summary["normalization"] = asdict(_training_pixels(dataset, table["subset"].to_numpy(dtype=str)))
    else:
        folds = table["fold"].to_numpy(np.int64)
        summary["counts"] = images_by_part(table, "fold")
        summary["normalization"] = [
            asdict(_training_pixels(dataset, fold_subsets(folds, fold, criteria.folds)))
            for fold in range(criteria.folds)
        ]
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)
        summary["split_digest"] = digest_file(temporary)
        write_record(path.with_suffix(".json"), summary)
    return summary


def _training_pixels(dataset: Dataset, subsets: NDArray[np.str_]) -> PixelStatistics:
    return pixel_statistics(dataset.images, np.flatnonzero(subsets == "train"))


def fold_subsets(folds: NDArray[np.int64], fold: int, count: int) -> NDArray[np.str_]:
    """Name each image's subset: `fold` tests, the next (after the last the first) validates, others train."""
    names = np.full(len(folds), "train", dtype="<U5")
    names[folds == fold] = "test"
    names[folds == (fold + 1) % count] = "val"
    return names


def fold_count(path: Path) -> int:
    """Return the number of folds of a split.

    Raises:
        BadInput: no split.
        InvalidSetting: a split without folds.
    """
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    folds = _read_summary(path.with_suffix(".json")).folds
    if folds is None:
        raise InvalidSetting("split", path, "has no folds; `cxr split` makes them")
    return folds


def open_split(path: Path, dataset: Dataset, fold: int | None = None, *, leaks: bool = False) -> Split:
    """Read a split for a dataset.

    Args:
        path: split.csv.
        dataset: the dataset that it divides.
        fold: which fold tests; needed if and only if the split has folds.
        leaks: read it even if a patient is in two subsets, for an audit.

    Raises:
        BadInput: no split, of another dataset, or one that puts a patient into two subsets.
        InvalidSetting: a fold is missing, not wanted, or out of range.
    """
    table = read_user_table(path, COLUMNS)  # it may have been edited in a spreadsheet
    for column in ("image_id", "patient_id", "label"):
        if list(table[column]) != list(dataset.manifest[column].str.strip()):
            raise BadInput(
                f"{path}: is not a split of {dataset.folder}: its column {column!r} is not the manifest's"
            )
    recorded = _read_summary(path.with_suffix(".json"))
    folds = recorded.folds
    if folds is None:
        if fold is not None:
            raise InvalidSetting("fold", fold, f"{path} has no folds")
        _check_values(path, table["subset"], {*SUBSETS, ""}, "train, val, test and empty")
        subsets = table["subset"].to_numpy(dtype=str)
    else:
        if fold is None or not 0 <= fold < folds:
            raise InvalidSetting(
                "fold", "missing" if fold is None else fold, f"{path} has folds 0 to {folds - 1}"
            )
        _check_values(path, table["fold"], {str(number) for number in range(folds)}, f"0 to {folds - 1}")
        subsets = fold_subsets(table["fold"].to_numpy(np.int64), fold, folds)
    if not (subsets == "train").any():
        raise BadInput(f"{path}: no image in subset 'train'")
    if not leaks:
        refuse_leaks(str(path), table, subsets, recorded.same)
    digest = digest_file(path)
    if recorded.digests == (dataset.digest, digest):
        pixels = recorded.pixels[fold or 0]
    else:  # edited, or of the same images cropped or sized otherwise
        pixels = _training_pixels(dataset, subsets)
    labels, classes = pd.factorize(table["label"], sort=True)
    return Split(
        path=path,
        subsets=subsets,
        labels=labels.astype(np.int64),
        patients=patient_numbers(table, recorded.same),
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
        same: pairs of image_ids that are near-duplicates.
    """

    folds: int | None
    pixels: list[PixelStatistics]
    digests: tuple[str, str]
    same: Same


def _read_summary(path: Path) -> _Summary:
    summary = read_record(path)
    try:
        folds, normalization = summary["criteria"]["folds"], summary["normalization"]
        each = [normalization] if folds is None else [normalization[fold] for fold in range(folds)]
        digests = (summary["dataset_digest"], summary["split_digest"])
        pixels = [PixelStatistics(**statistics) for statistics in each]
        same = [
            (one, other)
            for one, other in (
                near_duplicates["images"] for near_duplicates in summary.get("near_duplicates", [])
            )
        ]
        return _Summary(folds, pixels, digests, same)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: is not what `cxr split` writes beside a split.csv; make the split again"
        ) from error


def _check_values(path: Path, column: "pd.Series[str]", known: set[str], in_words: str) -> None:
    unknown = sorted(set(column) - known)
    if unknown:
        raise BadInput(f"{path}: column {column.name!r} holds {unknown[0]!r}; known are {in_words}")
