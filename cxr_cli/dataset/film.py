"""One file to one film of a DATASET: read, cropped, resized, identified."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.dataset.dicom import read_dicom
from cxr_cli.dataset.raster import Picture, RejectedFilmError, crop, image_id, read_raster, resize
from cxr_cli.dataset.sources import is_dicom


@dataclass(frozen=True)
class Geometry:
    """What is done to the pixels: shares cut off (see raster.crop), then the square's side in pixels."""

    size: int = 224
    crop_top: float = 0.0
    crop_border: float = 0.0


@dataclass(frozen=True)
class PreparedFilm:
    """A film after reading: uint8 [size, size], identity, what its header states, how it became grey."""

    pixels: NDArray[np.uint8]
    image_id: str
    header: Mapping[str, str]
    mapping: str


def read_film(path: Path, geometry: Geometry, keep_tags: tuple[str, ...] = ()) -> PreparedFilm | str:
    """Read one film and prepare it, or say why it is rejected; `keep_tags` as in read_dicom."""
    try:
        picture, header = _read(path, keep_tags)
    except RejectedFilmError as rejected:
        return str(rejected)
    pixels = resize(crop(picture.pixels, geometry.crop_top, geometry.crop_border), geometry.size)
    return PreparedFilm(pixels, image_id(picture.pixels), header, picture.mapping)


def _read(path: Path, keep_tags: tuple[str, ...]) -> tuple[Picture, dict[str, str]]:
    if is_dicom(path):
        return read_dicom(path, keep_tags)
    return read_raster(path), {}
