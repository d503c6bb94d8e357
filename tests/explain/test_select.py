"""Which images are explained."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.explain.explanation import Selection
from cxr_cli.explain.select import (
    ImageSet,
    class_numbers,
    geometry_of,
    images_at,
    images_named,
    pick_images,
    target_classes,
)
from cxr_cli.images.read import Geometry
from cxr_cli.main import main

# Class 1 is positive; the last image's label is unknown.
LABELS = np.array([1, 0, 1, 0, 2, 1, 1, -1])
PREDICTED = np.array([1, 0, 0, 1, 0, 1, 2, 1])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("pick", "expected"), [("tp", [0, 5]), ("fp", [3]), ("fn", [2, 6]), ("tn", [1, 4])])
def test_hits_and_misses_are_of_the_positive_class(pick: str, expected: list[int]) -> None:
    places, picks = pick_images([pick], LABELS, PREDICTED, 1, 0, rng())
    assert places.tolist() == expected
    assert picks == [pick] * len(expected)


def test_a_sample_is_by_seed_without_repeats_and_in_the_images_order() -> None:
    labels = np.zeros(100, int)
    draws = [
        pick_images(["random"], labels, labels, None, 10, np.random.default_rng(seed))[0]
        for seed in (0, 0, 1)
    ]
    assert draws[0].tolist() == draws[1].tolist() != draws[2].tolist()
    assert draws[0].tolist() == sorted(set(draws[0].tolist()))
    assert len(draws[0]) == 10
    assert len(pick_images(["random"], labels, labels, None, 1000, rng())[0]) == 100


def test_each_pick_has_its_own_count() -> None:
    places, picks = pick_images(["fn", "tp"], LABELS, PREDICTED, 1, 1, rng())
    assert picks == ["fn", "tp"]
    assert places[0] in (2, 6)
    assert places[1] in (0, 5)


def test_an_unknown_pick_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"^`pick` hit: known are random, tp, fp, fn, tn$"):
        Selection(["random", "hit"], 0, 0)


def image_set(labels: list[str]) -> ImageSet:
    table = pd.DataFrame({"label": labels, "source": [f"{label}.png" for label in labels]})
    return ImageSet(np.zeros((len(labels), 2, 2), np.uint8), np.arange(len(labels)), table)


def test_the_explained_class_is_the_predicted_the_labeled_or_the_named() -> None:
    images, predicted, classes = image_set(["a", "b"]), np.array([1, 1]), ("a", "b")
    assert target_classes("predicted", images, predicted, classes).tolist() == [1, 1]
    assert target_classes("label", images, predicted, classes).tolist() == [0, 1]
    assert target_classes("a", images, predicted, classes).tolist() == [0, 0]
    with pytest.raises(InvalidSetting, match=r"^`target` c: must be predicted, label, or a class: a, b$"):
        target_classes("c", images, predicted, classes)
    with pytest.raises(
        InvalidSetting, match=r"^`target` label: x.png has no label that is a class of the run"
    ):
        target_classes("label", image_set(["a", "x"]), predicted, classes)
    assert class_numbers(pd.Series(["b", "", "a"]), classes).tolist() == [1, -1, 0]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Make a dataset of two cropped images by `cxr preprocess`; a third file stays out of it."""
    folder = tmp_path_factory.mktemp("images")
    for number, label in enumerate(("normal", "covid19", "new")):
        (folder / label).mkdir()
        pixels = np.random.default_rng(number).integers(0, 256, (70, 50)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{number}.png")
    arguments = (folder / "normal", folder / "covid19", "-o", folder / "dataset")
    options = ("--size", 16, "--crop-top", 0.1, "--crop-border", 0.05, "--workers", 0)
    assert main(["preprocess", *map(str, arguments), *map(str, options)]) == 0
    return open_dataset(folder / "dataset")


def test_files_are_preprocessed_as_the_datasets_images_were(dataset: Dataset) -> None:
    assert geometry_of(dataset) == Geometry(16, 0.1, 0.05)
    folder = dataset.folder.parent
    image_ids = dataset.manifest["image_id"].tolist()
    found = images_named(dataset, [str(folder / "normal" / "0.png"), image_ids[0], str(folder / "new")])
    by_id = dict(zip(found.table["image_id"], found.pixels, strict=True))
    assert len(by_id) == 3  # the first two are the dataset's, whatever their order there
    for image_id, images in zip(image_ids, dataset.images, strict=True):
        np.testing.assert_array_equal(by_id[image_id], images)
    labels = dict(zip(found.table["source"], found.table["label"], strict=True))
    assert labels[str(folder / "normal" / "0.png")] == "normal"
    assert labels[str(folder / "new" / "2.png")] == ""


def test_an_image_named_twice_is_returned_once(dataset: Dataset) -> None:
    path = str(dataset.folder.parent / "normal" / "0.png")
    assert len(images_named(dataset, [path, path]).rows) == 1


def test_an_input_that_is_not_an_image_is_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^ffff: no such file, and no image_id of .*dataset$"):
        images_named(dataset, ["ffff"])
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(
        BadInput, match=r"notes.txt: cannot be read as an image: not a PNG, JPEG, TIFF or BMP image"
    ):
        images_named(dataset, [str(tmp_path / "notes.txt")])


def test_images_are_left_in_the_order_asked_for(dataset: Dataset) -> None:
    images = images_at(dataset, np.array([0, 1])).at(np.array([1, 0]))
    assert images.rows.tolist() == [1, 0]
    assert images.table["image_id"].tolist() == dataset.manifest["image_id"].tolist()[::-1]
