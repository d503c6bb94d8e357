"""Leaks between the subsets of a split."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr_cli.dataset.reader import Dataset
from cxr_cli.splitting.leaks import Leak, find_leaks, find_overlap


def drawn(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 200, (16, 16)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def dataset(images: list[np.ndarray], patients: list[str]) -> Dataset:
    manifest = pd.DataFrame({"image_id": [f"i{row}" for row in range(len(images))], "patient_id": patients})
    return Dataset(Path("d"), np.stack(images), manifest, {})


IMAGES = [drawn(seed) for seed in range(6)]


def test_nothing_is_found_where_nothing_leaks() -> None:
    images = dataset([*IMAGES, IMAGES[0]], ["a", "a", "b", "nan", "nan", "c", "d"])
    # The two images of one drawn are in one subset; images without an id are not one patient.
    subsets = np.array(["train", "train", "val", "val", "test", "test", "train"])
    assert find_leaks(images, subsets) == ([], [], [])


def test_patients_identical_and_near_pictures_are_found() -> None:
    brighter = np.clip(IMAGES[1].astype(float) * 0.8 + 30, 0, 255).astype(np.uint8)
    images = dataset([*IMAGES, IMAGES[0], brighter[:, ::-1]], ["a", "b", "c", "a", "d", "e", "f", "g"])
    subsets = np.array(["train", "train", "val", "test", "test", "val", "test", "val"])
    leaks = find_leaks(images, subsets)
    assert leaks.patients == [Leak(("i0", "i3"), ("train", "test"))]
    assert leaks.identical == [Leak(("i0", "i6"), ("train", "test"))]
    (near,) = leaks.near_duplicates
    assert (near.image_ids, near.subsets) == (("i1", "i7"), ("train", "val"))
    assert near.correlation is not None
    assert near.correlation > 0.9


def test_images_that_are_left_out_leak_nowhere() -> None:
    images = dataset([*IMAGES[:3], IMAGES[0]], ["a", "a", "b", "c"])
    assert find_leaks(images, np.array(["train", "", "val", ""])) == ([], [], [])


def test_a_patient_whose_id_another_dataset_spells_otherwise_is_found_there() -> None:
    own, other = dataset(IMAGES[:3], ["0001", "P 2", "7"]), dataset(IMAGES[3:], ["1.0", "p02", "8"])
    assert find_overlap(other, own, np.arange(3)).patients.tolist() == [0, 1]
    verbatim = replace(own, info={"settings": {"ids_verbatim": True}})
    assert find_overlap(other, verbatim, np.arange(3)).patients.tolist() == []


def test_overlap_with_another_dataset_is_found_by_kind() -> None:
    own = dataset(IMAGES[:4], ["a", "b", "c", ""])
    other = dataset([IMAGES[1], IMAGES[4], drawn(50), drawn(51), drawn(52)], ["x", "y", "c", "", "b"])
    manifest = other.manifest.assign(image_id=[f"o{row}" for row in range(5)])
    windowed = np.clip(IMAGES[0].astype(np.float32) * 0.8 + 20, 0, 255).astype(np.uint8)
    images = np.stack([*other.images[:3], windowed, other.images[4]])
    found = find_overlap(Dataset(Path("o"), images, manifest, {}), own, np.array([0, 1, 2, 3]))
    assert [kind.tolist() for kind in found] == [[2, 4], [0], [3]]
    assert found.rows.tolist() == [0, 2, 3, 4]
    assert str(found) == "4 images (2 by patient id, 1 identical, 1 near-duplicates)"
    # Rows that are not asked about, such as those of the internal test, may be there.
    assert find_overlap(Dataset(Path("o"), images, manifest, {}), own, np.array([3])).rows.tolist() == []
