"""One file to one image of a DATASET: read, cropped, resized, identified."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.images.dicom.read import read_dicom
from cxr_cli.images.raster import DecodedImage, crop, image_id, read_raster, resize
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.sources import is_dicom
from cxr_cli.images.view_position import check_view


@dataclass(frozen=True)
class Geometry:
    """What is done to the pixels: shares cut off (see raster.crop), then the square's side in pixels."""

    size: int = 224
    crop_top: float = 0.0
    crop_border: float = 0.0


@dataclass(frozen=True)
class UnreadImage:
    """An input, and the view that the user's table states for it; "" where it states none."""

    path: Path
    view: str = ""


@dataclass(frozen=True)
class PreparedImage:
    """An image after reading: uint8 [size, size], identity, what its header states, how it became gray."""

    pixels: NDArray[np.uint8]
    image_id: str
    header: Mapping[str, str]
    mapping: str


def read_image(
    image: UnreadImage,
    geometry: Geometry,
    keep_tags: tuple[str, ...] = (),
    views: tuple[str, ...] | None = None,
) -> PreparedImage | str:
    """Read one image and prepare it, or say why it is rejected; `keep_tags` and `views` as in read_dicom."""
    try:
        decoded, header = _read(image, keep_tags, views)
    except RejectedImageError as rejected:
        return str(rejected)
    pixels = resize(crop(decoded.pixels, geometry.crop_top, geometry.crop_border), geometry.size)
    return PreparedImage(pixels, image_id(decoded.pixels), header, decoded.mapping)


def read_pixels(path: Path) -> DecodedImage:
    """Read an image at its full size, of whatever view.

    Raises:
        RejectedImageError: see read_dicom and read_raster.
    """
    return _read(UnreadImage(path), (), None)[0]


def _read(
    image: UnreadImage, keep_tags: tuple[str, ...], views: tuple[str, ...] | None
) -> tuple[DecodedImage, dict[str, str]]:
    check_view(image.view, views)
    if is_dicom(image.path):
        return read_dicom(image.path, keep_tags, views, image.view)
    return read_raster(image.path), {}
