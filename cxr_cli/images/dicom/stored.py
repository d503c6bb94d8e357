"""From encoded pixel data to stored values: decoding, unused bits, sign, color with equal channels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from cxr_cli.images.dicom.bits import in_byte_order, value_bits
from cxr_cli.images.raster import to_gray
from cxr_cli.images.rejected import RejectedImageError

SAMPLED_PIXELS = 20_000
"""Pixels that are compared with those below them, spread over the image."""

SWAPPED = 1.5
"""How many times more pixels differ that are not directly below one another."""

GRAY = ("MONOCHROME1", "MONOCHROME2")


def is_gray(dataset: FileDataset) -> bool:
    """Whether pixels are gray by their header, so that look-up tables and windows are meant for them."""
    return dataset.SamplesPerPixel == 1 and dataset.PhotometricInterpretation in GRAY


def stored_values(
    dataset: FileDataset, despite: Callable[[str], None] = lambda _: None, *, coded_bits: int | None = None
) -> NDArray[np.integer]:
    """Decode the stored values [H, W] of a gray image, integers of 8 or 16 bits, signed as they are.

    Bits beside the value, which may hold an overlay, are cleared; overlays of their own are not drawn.

    Args:
        dataset: with a header that agrees with its codestream, if it has one; its PixelRepresentation is
            corrected.
        despite: called with what in the header was wrong.
        coded_bits: those of the codestream's samples, where they are not BitsStored.

    Raises:
        RejectedImageError: Rows and Columns are swapped.
    """
    # Unused bits and sign are for `value_bits`, which does not take the header's word for them.
    decoded = pixel_array(
        dataset,
        raw=True,
        view_only=True,
        allow_excess_frames=False,
        bits_stored=coded_bits or dataset.BitsStored,
        correct_unused_bits=False,
        apply_j2k_sign_correction=False,
        apply_jls_sign_correction=False,
    )
    native = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
    words = in_byte_order(native.view(f"u{native.itemsize}"), dataset, despite)
    bits = value_bits(words, dataset, despite)
    dataset.PixelRepresentation = int(bits.signed)
    values = bits.values(words)
    _check_rows(values)
    return values


def _check_rows(values: NDArray[np.integer]) -> None:
    """Raise RejectedImageError where a row is far nearer to the next one if Rows and Columns are swapped."""
    line, (rows, columns) = values.ravel(), values.shape
    here = line[: -max(rows, columns) : max(1, line.size // SAMPLED_PIXELS)].astype(int)

    def jump(columns: int) -> float:
        return float(np.abs(here - line[columns :: max(1, line.size // SAMPLED_PIXELS)][: len(here)]).mean())

    if rows != columns and jump(columns) > SWAPPED * jump(rows):
        raise RejectedImageError(f"Rows and Columns are swapped: Rows {rows}, Columns {columns}")


def gray_of_color(dataset: FileDataset) -> NDArray[np.uint8]:
    """Decode a color image, RGB, YBR or palette, whose channels are alike to one of them [H, W], 0 black.

    Raises:
        RejectedImageError: channels that differ.
    """
    photometric = dataset.PhotometricInterpretation
    if photometric in GRAY:
        raise RejectedImageError(
            f"gray of several samples: PhotometricInterpretation {photometric}, "
            f"SamplesPerPixel {dataset.SamplesPerPixel}"
        )
    if photometric == "PALETTE COLOR":
        channels = apply_color_lut(dataset.pixel_array, dataset)
        highest = np.iinfo(channels.dtype).max  # that of the palette's entries, of 8 or 16 bits
    elif dataset.SamplesPerPixel == 3:
        channels = dataset.pixel_array  # pydicom has made YBR to RGB
        highest = 2**dataset.BitsStored - 1
    else:
        # A value that is none of the standard's may be anything.
        said = f" {photometric}" if photometric in set(PhotometricInterpretation) else ""
        raise RejectedImageError(
            f"color of a kind that is not read: PhotometricInterpretation{said} with "
            f"SamplesPerPixel {dataset.SamplesPerPixel}; MONOCHROME1 or MONOCHROME2 is needed"
        )
    first = channels[..., 0]
    if not all(np.array_equal(first, channels[..., other]) for other in (1, 2)):
        raise RejectedImageError("color: MONOCHROME1 or MONOCHROME2 is needed")
    return to_gray(first, 0, highest)
