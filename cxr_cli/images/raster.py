"""PNG, JPEG, TIFF and BMP files to gray images, and the steps of every image: crop, resize, identity."""

import hashlib
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cxr_cli.images.archives import open_input
from cxr_cli.images.rejected import RejectedImageError

MIN_SIDE = 32
"""An image with a shorter side, in pixels, is an icon or a marker, not a radiograph."""

MAX_PIXELS = 100_000_000
"""Five times the largest detector; a header that promises more is a decompression bomb."""

FILE_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
"""As Pillow calls them; a file's content says which it is."""

DEEP_GRAY = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes of more than 8 bits."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601), as Pillow weighs 8-bit color."""


DESPITE = "despite "
"""In a `mapping`, begins each thing that the file says wrongly, and so was read otherwise."""


BURNED_IN = "BurnedInAnnotation YES"
"""In a `mapping`, where the header says that text in the pixels identifies the patient (PS3.3 C.7.6.1)."""


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image: display-ready gray `pixels`, uint8 [H, W], and how stored values became gray."""

    pixels: NDArray[np.uint8]
    mapping: str


def read_raster(path: Path) -> DecodedImage:
    """Decode an image of FILE_FORMATS, a file or ARCHIVE.zip/MEMBER, to display-ready gray at its full size.

    Upright. Gray stays as it is, color becomes luminance. Values of more than 8 bits are mapped linearly from
    the image's own minimum..maximum to 0..255, inverted where a TIFF says that zero is white. Transparent
    parts are laid on black, the ground of an image: an opaque alpha channel changes nothing.

    Raises:
        RejectedImageError: of another format, damaged, several images, CMYK, too small or large, constant.
    """
    # Pillow, for it refuses truncated files, where OpenCV fills the missing part with gray and says nothing.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open_input(path) as stream, Image.open(stream, formats=FILE_FORMATS) as image:
                return _decoded(stream, image)
        except RejectedImageError:
            raise
        except UnidentifiedImageError:
            raise RejectedImageError("not a PNG, JPEG, TIFF or BMP image") from None
        except Image.DecompressionBombError:
            raise RejectedImageError("too large: decompression bomb") from None
        except Exception as error:  # decoders raise anything on damaged data
            damage = "truncated" if "truncated" in str(error) else "damaged"
            raise RejectedImageError(f"cannot be decoded: {damage} ({type(error).__name__})") from error


def _decoded(stream: BinaryIO, image: Image.Image) -> DecodedImage:
    if getattr(image, "n_frames", 1) > 1:
        raise RejectedImageError("more than one image in the file")
    check_sides(image.height, image.width)
    deep = image.mode in DEEP_GRAY or _has_sixteen_bits(image)
    image.load()
    if deep:
        pixels, mapping = _gray_of_deep(stream, image)
    else:
        pixels, mapping = _gray_of_eight_bits(image)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in range(2, 9):
        # Not the image itself: the pixels of 16-bit color are not Pillow's.
        gray = Image.fromarray(pixels)
        gray.getexif()[ExifTags.Base.Orientation] = orientation
        pixels = np.array(ImageOps.exif_transpose(gray))
        mapping += f"; EXIF orientation {orientation} set upright"
    check_varied(pixels)
    return DecodedImage(pixels, f"{image.format}; {mapping}")


def _has_sixteen_bits(image: Image.Image) -> bool:
    """Whether the file stores 16 bits a channel; asked before loading, after which Pillow no longer knows."""
    tiles = getattr(image, "tile", ())
    return any("16" in str(tile.args if isinstance(tile.args, str) else tile.args[:1]) for tile in tiles)


def _gray_of_eight_bits(image: Image.Image) -> tuple[NDArray[np.uint8], str]:
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        gray = np.asarray(layers.convert("L")).astype(np.float64)
        opacity = np.asarray(layers.getchannel("A")) / 255.0
        return np.rint(gray * opacity).astype(np.uint8), f"{image.mode} on black, luminance"
    if image.mode == "L":
        return np.asarray(image), "gray as stored"
    if image.mode in ("1", "P", "RGB"):
        return np.asarray(image.convert("L")), f"{image.mode} to luminance"
    # CMYK images come out of print shops, inverted or not: nothing in the file says which.
    raise RejectedImageError(f"color mode {image.mode}: gray, RGB or palette is needed")


def _gray_of_deep(stream: BinaryIO, image: Image.Image) -> tuple[NDArray[np.uint8], str]:
    if "transparency" in image.info:
        raise RejectedImageError("16 bits with a transparent color")
    values: NDArray[Any]
    if image.mode in DEEP_GRAY:
        values = np.asarray(image)
        kind = {"I": "integer gray", "F": "floating-point gray"}.get(image.mode, "16-bit gray")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise RejectedImageError("has values that are no numbers")
    else:
        # Pillow, which has proved the file whole, keeps the high byte alone: 12 bits in 16 go nearly black.
        stream.seek(0)
        stored = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.dtype != np.uint16 or stored.ndim != 3:
            raise RejectedImageError("16-bit color that cannot be decoded")
        values, kind = stored[..., 2::-1] @ np.array(LUMINANCE), "16-bit color to luminance"
        if stored.shape[2] == 4 and image.mode == "RGBA":
            values, kind = values * (stored[..., 3] / 65535.0), kind + " on black"
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint16:
        gray = look_up(values, to_gray(np.arange(2**16), low, high))
    else:
        gray = to_gray(values, low, high)
    if image.mode in DEEP_GRAY and _white_is_zero(image):
        gray, kind = 255 - gray, f"{kind}, white is zero: inverted"
    return gray, f"{kind}, full range {low:g}..{high:g}"


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF has its gray so; of up to 8 bits Pillow inverts it, of more it does not."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(ExifTags.Base.PhotometricInterpretation, 1) == 0)


def check_sides(height: int, width: int) -> None:
    """Raise RejectedImageError for an image too small for a radiograph or too large to decode safely."""
    if min(height, width) < MIN_SIDE:
        raise RejectedImageError(
            f"too small: {width} x {height} pixels, at least {MIN_SIDE} on a side are needed"
        )
    if height * width > MAX_PIXELS:
        raise RejectedImageError(
            f"too large: {width} x {height} pixels, at most {MAX_PIXELS:,} in all are read"
        )


def check_varied(pixels: NDArray[np.uint8]) -> None:
    """Raise RejectedImageError for an image of one single value."""
    if pixels.min() == pixels.max():
        raise RejectedImageError("constant: every pixel has the same value")


def to_gray(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Map `low`..`high` linearly to 0..255, clipped and rounded to the nearest; low = high gives zeros."""
    scale = 255.0 / (high - low) if high > low else 0.0
    return np.rint(np.clip((values - low) * scale, 0.0, 255.0)).astype(np.uint8)


def look_up(values: NDArray[np.unsignedinteger], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Map values of 8 or 16 bits [H, W] by a table of all of them, of 256 or 65,536 entries."""
    # OpenCV's, for it takes a tenth of the time of table[values].
    return np.asarray(cv2.LUT(values, table), dtype=np.uint8)


def crop(image: NDArray[np.uint8], top: float, border: float) -> NDArray[np.uint8]:
    """Cut the share `top` of the height off above, then the share `border` of what remains off each side.

    Both shares lie in [0, 0.5); what is left, [H', W'], is never empty.
    """
    return image[cropped_part(image.shape, top, border)]


def cropped_part(shape: tuple[int, ...], top: float, border: float) -> tuple[slice, slice]:
    """Return the rows and columns of an image [H, W] that `crop` leaves."""
    height, width = shape
    above = int(top * height)
    rows, columns = int(border * (height - above)), int(border * width)
    return slice(above + rows, height - rows), slice(columns, width - columns)


def resize(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize an image [H, W] to [size, size], not keeping its proportions, as both papers do."""
    height, width = image.shape
    # Shrink first: INTER_AREA averages only where neither axis grows, else it is plain interpolation.
    shrunk = cv2.resize(image, (min(width, size), min(height, size)), interpolation=cv2.INTER_AREA)
    # Enlarging is linear: cubic overshoots at bright markers and clips, and no detail can be won.
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def image_id(image: NDArray[np.uint8]) -> str:
    """Identity of a display-ready full-size image [H, W]: 16 hex digits of SHA-256 over shape and pixels.

    The shape goes in as two little-endian uint32, height first.
    """
    digest = hashlib.sha256(struct.pack("<II", *image.shape))
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()[:16]
