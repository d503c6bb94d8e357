"""Which images are explained: by name, by lot, or by how a run did on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.settings import geometry_of, source_text
from cxr_cli.dataset.store import Dataset
from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.images.read import UnreadImage, read_image
from cxr_cli.images.sources import find_inputs

WAYS = ("random", "tp", "fp", "fn", "tn")
"""By lot among all images, or among the run's true and false positives and negatives."""
KNOWN = ("image_id", "source", "patient_id", "label")


@dataclass(frozen=True)
class ImageSet:
    """Images to be explained.

    Attributes:
        images: uint8 [M, H, W], as the model takes them.
        rows: int [N], the images in `images`.
        table: N rows of image_id, source, patient_id and label, "" where it is not known.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    table: pd.DataFrame

    def at(self, places: NDArray[np.int64]) -> "ImageSet":
        """Return the images at these places of this set."""
        return ImageSet(self.images, self.rows[places], self.table.iloc[places].reset_index(drop=True))


def images_at(dataset: Dataset, rows: NDArray[np.int64]) -> ImageSet:
    """Return images of a dataset by row."""
    return ImageSet(dataset.images, rows, dataset.manifest.iloc[rows][list(KNOWN)].reset_index(drop=True))


def images_named(dataset: Dataset, names: Sequence[str]) -> ImageSet:
    """Return images by image_id of a dataset, or by path; folders and zip archives are searched.

    Files are read and prepared as the dataset's images were. One that is in the dataset has its label.
    An image that is named twice comes once.

    Raises:
        BadInput: neither an image's id nor a path, or a file that is no image.
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
        for path in find_inputs([Path(name)]).paths:
            image = read_image(UnreadImage(path), geometry)
            if isinstance(image, str):
                raise BadInput(f"{path}: is no image: {image}")
            known = {"image_id": image.image_id, "source": source_text(path), "patient_id": "", "label": ""}
            if image.image_id in row_of:
                known = {**_known(dataset, row_of[image.image_id]), "source": known["source"]}
            found[image.image_id] = image.pixels, known
    table = pd.DataFrame([known for _, known in found.values()], columns=list(KNOWN))
    return ImageSet(np.stack([pixels for pixels, _ in found.values()]), np.arange(len(found)), table)


def _known(dataset: Dataset, row: int) -> dict[str, str]:
    return {name: str(dataset.manifest.at[row, name]) for name in KNOWN}


def class_numbers(names: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each class name, -1 for a name that is no class."""
    numbers = pd.Index(classes).get_indexer(pd.Index(names))
    return np.asarray(numbers, np.int64)


def picked(
    ways: Sequence[str],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    positive: int | None,
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], list[str]]:
    """Draw images of each way of picking.

    Args:
        ways: of `WAYS`.
        labels, predicted: int [N], class numbers, a label of -1 unknown; not used for "random".
        positive: the class whose hits and misses are meant; others are all negative.
        count: images of each way, all there are where these are fewer; 0 for all.
        rng: of the draw.

    Returns:
        Places in the set, way by way and ascending, and the way of each.
    """
    places, names = [], []
    for way in dict.fromkeys(ways):
        candidates = _candidates(way, labels, predicted, positive)
        drawn = rng.permutation(candidates)[: count or None]
        places.append(np.sort(drawn))
        names += [way] * len(drawn)
    return np.concatenate(places).astype(np.int64), names


def _candidates(
    way: str, labels: NDArray[np.int64], predicted: NDArray[np.int64], positive: int | None
) -> NDArray[np.int64]:
    if way == "random":
        return np.arange(len(labels))
    correct = (labels == positive) == (predicted == positive)
    wanted = (correct == (way[0] == "t")) & ((predicted == positive) == (way[1] == "p"))
    return np.flatnonzero(wanted & (labels >= 0))


def check_picks(ways: Sequence[str]) -> None:
    """Raise UsageFault for an unknown way of picking."""
    for way in ways:
        if way not in WAYS:
            raise UsageFault(f"--pick {way!r}: known are {', '.join(WAYS)}")


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
        UsageFault: an unknown class, or an image without a label where that is the target.
    """
    if target == "predicted":
        return predicted
    if target == "label":
        labels = class_numbers(images.table["label"], classes)
        if (labels < 0).any():
            image = images.table.iloc[int(np.argmin(labels))]
            raise UsageFault(f"--target label: {image['source']} has no label that is a class of the run")
        return labels
    if target not in classes:
        raise UsageFault(f"--target {target!r}: predicted, label, or a class: {', '.join(classes)}")
    return np.full(len(images.rows), list(classes).index(target))
