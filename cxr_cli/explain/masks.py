"""Masks of findings, as PNG files: matched to images by name, and resized as the images are."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path, PurePath
from typing import NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.images.raster import crop
from cxr_cli.images.read import IMAGE_TIMEOUT, Geometry
from cxr_cli.images.sources import has_image_suffix, image_stem
from cxr_cli.images.workers import map_in_order

SUFFIX = ".png"

Name = tuple[str, ...]


def find_masks(folder: Path, sources: Sequence[str]) -> list[Path | None]:
    """Find the mask of each image: its path below `folder`, without suffix, ends the image's path.

    So masks/pneumonia/P0001-1.png is the mask of images/pneumonia/P0001-1.dcm, and so is masks/P0001-1.png
    where no mask has the longer name.

    Args:
        folder: of masks, searched recursively.
        sources: the images' paths.

    Returns:
        A path or None for each image.

    Raises:
        BadInput: no such folder, a mask that matches two images, or no mask that matches any image.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder of masks")
    masks = {path.relative_to(folder).with_suffix("").parts: path for path in folder.rglob(f"*{SUFFIX}")}
    names = map(_name, sources)
    ends = ([name[start:] for start in range(len(name))] for name in names)  # the longest first
    found = [next((masks[end] for end in of_image if end in masks), None) for of_image in ends]
    images_of: dict[Path, list[str]] = defaultdict(list)
    for source, path in zip(sources, found, strict=True):
        if path is not None:
            images_of[path].append(source)
    if not images_of:
        raise BadInput(
            f"{folder}: none of its {len(masks)} {SUFFIX} files has the name of an image; "
            f"the mask of {sources[0]} would be {'/'.join(_name(sources[0])[-2:])}{SUFFIX}"
        )
    for path, images in images_of.items():
        if len(images) > 1:
            raise BadInput(
                f"{path}: matches {len(images)} images by its name, such as {images[0]} and {images[1]}"
            )
    return found


def _name(source: str) -> Name:
    """Return the parts of an image's path, the last without the suffix of an image format."""
    path = PurePath(source)
    return (path.with_name(image_stem(path.name)) if has_image_suffix(path) else path).parts


def read_masks(paths: Sequence[Path | None], geometry: Geometry) -> list[NDArray[np.bool_] | None]:
    """Read masks as `read_mask` does, in another process; None stays None."""
    found = [path for path in paths if path is not None]
    read = partial(read_mask, geometry=geometry)
    with closing(map_in_order(read, found, 1, IMAGE_TIMEOUT, _refuse)) as masks:
        return [None if path is None else next(masks) for path in paths]


def _refuse(path: Path, reason: str) -> NoReturn:
    raise BadInput(f"{path}: reading it {reason}")


def read_mask(path: Path, geometry: Geometry) -> NDArray[np.bool_]:
    """Read a mask, cropped and resized as its image was, by nearest neighbor: bool [size, size].

    What is not black belongs to the finding.

    Raises:
        BadInput: not an image.
    """
    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE) if path.stat().st_size else None
    if stored is None:
        raise BadInput(
            f"{path}: cannot be read as an image; a mask is a {SUFFIX} file, black outside the finding"
        )
    part = crop(np.asarray(stored, np.uint8), geometry.crop_top, geometry.crop_border)
    squared = cv2.resize(part, (geometry.size, geometry.size), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(squared) > 0
