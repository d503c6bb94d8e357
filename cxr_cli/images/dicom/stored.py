"""From encoded pixel data to stored values: decoding, unused bits, sign, color with equal channels."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut

from cxr_cli.images.dicom.header import transfer_syntax
from cxr_cli.images.raster import to_gray
from cxr_cli.images.rejected import RejectedImageError

GRAY = ("MONOCHROME1", "MONOCHROME2")


def is_gray(dataset: FileDataset) -> bool:
    """Whether pixels are gray by their header, so that look-up tables and windows are meant for them."""
    return dataset.SamplesPerPixel == 1 and dataset.PhotometricInterpretation in GRAY


def stored_values(dataset: FileDataset) -> NDArray[np.integer]:
    """Decode the stored values [H, W] of a gray image, integers of 8 or 16 bits, signed as the header says.

    Bits above BitsStored, which may hold an overlay, are cleared; overlays of their own are not drawn.
    """
    shift = dataset.HighBit + 1 - dataset.BitsStored if dataset.get("HighBit") is not None else 0
    if transfer_syntax(dataset).is_compressed or shift <= 0:
        return np.asarray(dataset.pixel_array)
    # The value stands in the upper bits, which pydicom does not look for (PS3.5 8.1.1).
    dataset.BitsStored += shift
    try:
        return np.asarray(dataset.pixel_array >> shift)
    finally:
        dataset.BitsStored -= shift


def gray_of_color(dataset: FileDataset) -> NDArray[np.uint8]:
    """Decode a color image, RGB, YBR or palette, whose channels are alike to one of them [H, W], 0 black.

    Raises:
        RejectedImageError: channels that differ.
    """
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        channels = apply_color_lut(dataset.pixel_array, dataset)
        highest = np.iinfo(channels.dtype).max  # that of the palette's entries, of 8 or 16 bits
    elif dataset.SamplesPerPixel == 3:
        channels = dataset.pixel_array  # pydicom has made YBR to RGB
        highest = 2**dataset.BitsStored - 1
    else:
        raise RejectedImageError("color of a kind that is not read; MONOCHROME1 or MONOCHROME2 is needed")
    first = channels[..., 0]
    if not all(np.array_equal(first, channels[..., other]) for other in (1, 2)):
        raise RejectedImageError("color: MONOCHROME1 or MONOCHROME2 is needed")
    return to_gray(first, 0, highest)
