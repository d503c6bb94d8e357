"""Which images are explained: named ones, a random sample, or by how a run classified them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.reader import Dataset
from cxr_cli.dataset.settings import geometry_of, source_text
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.read import UnreadImage, read_images
from cxr_cli.images.sources import find_inputs

KNOWN = ("image_id", "source", "patient_id", "label")


@dataclass(frozen=True)
class ImageSet:
    """Images to be explained.

    Attributes:
        pixels: uint8 [M, H, W], as the model takes them.
        rows: int [N], of the images in `pixels`.
        table: N rows of image_id, source, patient_id and label, "" where unknown.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    table: pd.DataFrame

    def at(self, places: NDArray[np.int64]) -> "ImageSet":
        """Return the images at these places of this set."""
        return ImageSet(self.pixels, self.rows[places], self.table.iloc[places].reset_index(drop=True))


def images_at(dataset: Dataset, rows: NDArray[np.int64]) -> ImageSet:
    """Return images of a dataset by row."""
    return ImageSet(dataset.images, rows, dataset.manifest.iloc[rows][list(KNOWN)].reset_index(drop=True))


def images_named(dataset: Dataset, names: Sequence[str]) -> ImageSet:
    """Return images by image_id of a dataset, or by path; folders and zip archives are searched.

    Files are read and preprocessed as the dataset's images were; one that is in the dataset has its label.
    An image that is named twice is returned once.

    Raises:
        BadInput: neither an image_id nor a path, or a file that cannot be read as an image.
    """
    row_of = dict(zip(dataset.manifest["image_id"], dataset.manifest["row"], strict=True))
    geometry = geometry_of(dataset)
    found: dict[str, tuple[NDArray[np.uint8], dict[str, str]]] = {}
    for name in names:
        if name in row_of and not Path(name).exists():
            found[name] = dataset.images[row_of[name]], _known(dataset, row_of[name])
            continue
        if not Path(name).exists():
            raise BadInput(f"{name}: no such file, and no image_id of {dataset.folder}")
        paths = find_inputs([Path(name)]).paths
        for path, image in zip(paths, read_images([*map(UnreadImage, paths)], geometry), strict=True):
            if isinstance(image, str):
                raise BadInput(f"{path}: cannot be read as an image: {image}")
            known = {"image_id": image.image_id, "source": source_text(path), "patient_id": "", "label": ""}
            if image.image_id in row_of:
                known = {**_known(dataset, row_of[image.image_id]), "source": known["source"]}
            found[image.image_id] = image.pixels, known
    table = pd.DataFrame([known for _, known in found.values()], columns=list(KNOWN))
    return ImageSet(np.stack([pixels for pixels, _ in found.values()]), np.arange(len(found)), table)


def _known(dataset: Dataset, row: int) -> dict[str, str]:
    return {name: str(dataset.manifest.at[row, name]) for name in KNOWN}


def class_numbers(names: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each class name, -1 for a name that is not a class."""
    numbers = pd.Index(classes).get_indexer(pd.Index(names))
    return np.asarray(numbers, np.int64)


def pick_images(
    picks: Sequence[str],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    positive: int | None,
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], list[str]]:
    """Draw a random sample of images for each pick.

    Args:
        picks: which images to sample from, see `Pick`.
        labels, predicted: int [N], class numbers, -1 for an unknown label; not used for "random".
        positive: the positive class, all others are negative; not used for "random".
        count: largest number of images of each pick; 0 for all.
        rng: of the sample.

    Returns:
        Places in the set, pick by pick and ascending, and the pick of each.
    """
    places: list[NDArray[np.int64]] = []
    names: list[str] = []
    for pick in dict.fromkeys(picks):
        drawn = rng.permutation(_candidates(pick, labels, predicted, positive))[: count or None]
        places.append(np.sort(drawn))
        names += [pick] * len(drawn)
    return np.concatenate(places).astype(np.int64), names


def _candidates(
    pick: str, labels: NDArray[np.int64], predicted: NDArray[np.int64], positive: int | None
) -> NDArray[np.int64]:
    if pick == "random":
        return np.arange(len(labels))
    correct = (labels == positive) == (predicted == positive)
    wanted = (correct == (pick[0] == "t")) & ((predicted == positive) == (pick[1] == "p"))
    return np.flatnonzero(wanted & (labels >= 0))


def target_classes(
    target: str, images: ImageSet, predicted: NDArray[np.int64], classes: Sequence[str]
) -> NDArray[np.int64]:
    """Return the class [N] whose score is explained for each image.

    Args:
        target: "predicted", "label", or the name of a class.
        images: the images.
        predicted: int [N].
        classes: of the run.

    Raises:
        InvalidSetting: an unknown class, or an image without a label where that is the target.
    """
    if target == "predicted":
        return predicted
    if target == "label":
        labels = class_numbers(images.table["label"], classes)
        if (labels < 0).any():
            image = images.table.iloc[int(np.argmin(labels))]
            raise InvalidSetting(
                "target", "label", f"{image['source']} has no label that is a class of the run"
            )
        return labels
    if target not in classes:
        raise InvalidSetting("target", target, f"must be predicted, label, or a class: {', '.join(classes)}")
    return np.full(len(images.rows), list(classes).index(target))
