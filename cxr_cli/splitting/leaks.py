"""Leaks: a patient, an image, or near-duplicates in more than one subset of a split."""

import hashlib
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.reader import Dataset
from cxr_cli.dataset.settings import ids_verbatim
from cxr_cli.images.patient_ids import id_key
from cxr_cli.recorded_values import recorded
from cxr_cli.splitting.near_duplicates import find_near_duplicates


class Leak(NamedTuple):
    """Two images that should not be in two subsets.

    Attributes:
        image_ids, subsets: of the two images.
        correlation: of their detail, for near duplicates, -1 ... 1; else None.
    """

    image_ids: tuple[str, str]
    subsets: tuple[str, str]
    correlation: float | None = None


class Leaks(NamedTuple):
    """What a search for leaks found.

    Attributes:
        patients: one entry a patient with images in more than one subset.
        identical: one entry an image, identical in every pixel, in more than one subset.
        near_duplicates: one entry a pair of images that are near-duplicates; see
            `near_duplicates.find_near_duplicates`.
    """

    patients: list[Leak]
    identical: list[Leak]
    near_duplicates: list[Leak]


def find_leaks(dataset: Dataset, subsets: NDArray[np.str_]) -> Leaks:
    """Find what is in more than one subset, whatever the split's own record says.

    Args:
        dataset: the images.
        subsets: text [N], of each row; left-out images ("") leak nowhere.
    """
    image_ids = dataset.manifest["image_id"].tolist()

    def leak(one: int, other: int, correlation: float | None = None) -> Leak:
        return Leak((image_ids[one], image_ids[other]), (str(subsets[one]), str(subsets[other])), correlation)

    patients = dataset.manifest["patient_id"].map(recorded).tolist()
    digests = [hashlib.sha256(image.tobytes()).digest() for image in dataset.images]
    near = [
        leak(*pair.rows, round(pair.correlation, 4))
        for pair in find_near_duplicates(dataset.images, pd.factorize(subsets)[0].astype(np.int64))
        if digests[pair.rows[0]] != digests[pair.rows[1]] and "" not in subsets[list(pair.rows)]
    ]
    return Leaks(
        patients=[leak(*rows) for rows in _across(patients, subsets)],
        identical=[leak(*rows) for rows in _across(digests, subsets)],
        near_duplicates=near,
    )


def _across(keys: Sequence[Hashable], subsets: NDArray[np.str_]) -> list[tuple[int, int]]:
    """Find the keys (but "") in more than one subset: of each, the first row in each of two subsets."""
    images = pd.DataFrame({"key": keys, "subset": subsets})
    images = images[(images["subset"] != "") & (images["key"] != "")].drop_duplicates()
    return [
        (int(rows.index[0]), int(rows.index[1]))
        for _, rows in images.groupby("key", sort=False)
        if len(rows) > 1
    ]


class Overlap(NamedTuple):
    """Images of a dataset that another study's images are, or whose patients are there: rows, ascending.

    Attributes:
        patients: images of a patient id that is in both; its spellings count as one, see `id_key`.
        identical: images that are identical in every pixel.
        near_duplicates: images that are near-duplicates of one there, and not identical.
    """

    patients: NDArray[np.int64]
    identical: NDArray[np.int64]
    near_duplicates: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """All of these images."""
        return np.unique(np.concatenate(self))

    def __str__(self) -> str:
        """Say how many images there are of each kind."""
        return (
            f"{len(self.rows)} images ({len(self.patients)} by patient id, {len(self.identical)} identical, "
            f"{len(self.near_duplicates)} near-duplicates)"
        )


def find_overlap(dataset: Dataset, other: Dataset, rows: NDArray[np.int64]) -> Overlap:
    """Find the images of a dataset that overlap with some images of another one.

    Args:
        dataset: whose images are searched, of the size of the other's.
        other: another dataset.
        rows: its images that must not be found again, such as those of training and validation.
    """
    manifest, there = dataset.manifest, other.manifest.iloc[rows]
    key = recorded if ids_verbatim(dataset) or ids_verbatim(other) else id_key
    ids = manifest["patient_id"].map(key)
    of_patients = ids.isin(set(there["patient_id"].map(key)) - {""}).to_numpy()
    known = {hashlib.sha256(other.images[row].tobytes()).digest() for row in rows}
    identical = manifest["image_id"].isin(set(there["image_id"])).to_numpy() | np.array(
        [hashlib.sha256(image.tobytes()).digest() in known for image in dataset.images]
    )
    both = np.concatenate([other.images[rows], dataset.images])
    sides = (np.arange(len(both)) >= len(rows)).astype(np.int64)
    near = np.array([pair.rows[1] - len(rows) for pair in find_near_duplicates(both, sides)], np.int64)
    return Overlap(
        np.flatnonzero(of_patients),
        np.flatnonzero(identical),
        np.setdiff1d(near, np.flatnonzero(identical)),
    )
