"""Files to images of a DATASET: read by guarded processes, cropped, resized, identified."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.images.dicom.read import read_dicom
from cxr_cli.images.raster import DecodedImage, crop, image_id, read_raster, resize
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.sources import is_dicom
from cxr_cli.images.view_position import check_view
from cxr_cli.images.workers import guarded, map_in_order

IMAGE_TIMEOUT = 120.0
"""Seconds after which an image that is not read yet is rejected."""


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


def read_images(
    images: Sequence[UnreadImage],
    geometry: Geometry,
    keep_tags: tuple[str, ...] = (),
    views: tuple[str, ...] | None = None,
    *,
    workers: int = 1,
    timeout: float | None = IMAGE_TIMEOUT,
) -> Generator[PreparedImage | str, None, None]:
    """Read images in order, as `read_image` does, by processes: one that hangs or kills its own is rejected.

    Args:
        images, geometry, keep_tags, views: see `read_image`.
        workers: processes; 0 reads in this one, without any guard, which is for debugging.
        timeout: seconds after which an image is rejected; None waits for ever.
    """
    read = partial(read_image, geometry=geometry, keep_tags=keep_tags, views=views)
    return map_in_order(read, images, workers, timeout, _reject)


@contextmanager
def reading_pixels() -> Iterator[Callable[[Path], NDArray[np.uint8] | str]]:
    """Give a function that reads an image at its full size [H, W], of whatever view, in another process.

    It returns why it is rejected, if it is.
    """
    with guarded(_read_pixels, IMAGE_TIMEOUT, _reject) as read:
        yield read


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


def _reject(_: object, reason: str) -> str:
    return f"reading it {reason}"


def _read_pixels(path: Path) -> NDArray[np.uint8] | str:
    try:
        return _read(UnreadImage(path), (), None)[0].pixels
    except RejectedImageError as rejected:
        return str(rejected)


def _read(
    image: UnreadImage, keep_tags: tuple[str, ...], views: tuple[str, ...] | None
) -> tuple[DecodedImage, dict[str, str]]:
    check_view(image.view, views)
    if is_dicom(image.path):
        return read_dicom(image.path, keep_tags, views, image.view)
    return read_raster(image.path), {}
