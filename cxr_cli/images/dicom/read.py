"""A DICOM file to a gray image, and what its header says."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from cxr_cli.images.archives import open_input
from cxr_cli.images.characteristics import header_characteristics, kept_values
from cxr_cli.images.dicom.borders import exposed_part, find_padding, padding_range
from cxr_cli.images.dicom.codestream import conform
from cxr_cli.images.dicom.decoders import choose_decoders
from cxr_cli.images.dicom.display import display_values
from cxr_cli.images.dicom.elements import code_string
from cxr_cli.images.dicom.header import presentation_intent, read_dataset, transfer_syntax
from cxr_cli.images.dicom.stored import gray_of_color, is_gray, stored_values
from cxr_cli.images.raster import BURNED_IN, DESPITE, DecodedImage, check_varied, look_up
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.view_position import check_chest, check_view, view_of

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
choose_decoders()


def read_dicom(
    path: Path, keep_tags: tuple[str, ...] = (), views: tuple[str, ...] | None = None, stated_view: str = ""
) -> tuple[DecodedImage, dict[str, str]]:
    """Decode a DICOM file to display-ready gray at full size; also its header's share of the manifest's row.

    Args:
        path: a file, or ARCHIVE.zip/MEMBER.
        keep_tags: keywords of header values to give on top, under these names.
        views: the views of the chest that are taken, of views.VIEWS; None takes every image.
        stated_view: the view by a better source than the header, if there is one.

    Raises:
        RejectedImageError: no DICOM, damaged, color, several frames, no pixel data, faulty window or table,
            an image that is not taken.
    """
    with _quiet():
        try:
            with open_input(path) as stream:
                dataset = read_dataset(stream)
            record = _record(dataset) | kept_values(dataset, keep_tags)
            if views is not None:
                check_chest(dataset)
                check_view(view_of(stated_view) or record["view_position"], views)
            decoded, decoding = _decoded(dataset)
        except RejectedImageError:
            raise
        except NotImplementedError:  # pydicom's and gdcm's word for what they have no decoder for
            raise RejectedImageError("compressed in a way that no decoder here reads") from None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Decoders raise anything on damaged data, those in Rust what is no Exception, and their text may
            # hold header values.
            raise RejectedImageError(f"DICOM that cannot be decoded ({type(error).__name__})") from error
    check_varied(decoded.pixels)
    return decoded, record | decoding


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep stderr clean: Python's warnings, and what the C decoders write about damaged data past Python."""
    with warnings.catch_warnings(), open(os.devnull, "wb") as nowhere:
        warnings.simplefilter("ignore")
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _record(dataset: FileDataset) -> dict[str, str]:
    record = header_characteristics(dataset)
    return record | {
        "transfer_syntax": transfer_syntax(dataset).name,
        "bits_stored": str(dataset.BitsStored),
        "presentation_intent": presentation_intent(dataset),
    }


def _decoded(dataset: FileDataset) -> tuple[DecodedImage, dict[str, str]]:
    """The image, and whether it was inverted to become one."""
    wrong: list[str] = []
    coded_bits = conform(dataset, wrong.append) if transfer_syntax(dataset).is_compressed else None
    if is_gray(dataset):
        stored = stored_values(dataset, wrong.append, coded_bits=coded_bits)
        pixels, mapping, inverted = _displayed(stored, dataset, wrong.append)
    else:
        pixels, mapping, inverted = gray_of_color(dataset), "gray in color", False
    marked = [BURNED_IN] if code_string(dataset, "BurnedInAnnotation") == "YES" else []
    mapping = "; ".join((mapping, *marked, *(f"{DESPITE}{what}" for what in wrong)))
    return DecodedImage(pixels, mapping), {"inverted": "yes" if inverted else "no"}


def _displayed(
    stored: NDArray[np.integer], dataset: FileDataset, despite: Callable[[str], None]
) -> tuple[NDArray[np.uint8], str, bool]:
    """Map stored values [H, W] to gray levels; see `display_values`."""
    lowest, highest = int(stored.min()), int(stored.max())
    # At most 65,536 values occur: the chain runs once for each value rather than for each pixel.
    values = np.arange(lowest, highest + 1)
    said = padding_range(dataset)
    if said is None and (found := find_padding(stored)) is not None:
        despite(f"no PixelPaddingValue: {found} is padding")
        said = found, found
    first, last = said or (highest + 1, highest)
    padding = (values >= first) & (values <= last)
    display = display_values(values, exposed_part(stored, dataset), padding, dataset, despite)
    words = stored.view(f"u{stored.itemsize}")
    table = np.zeros(2 ** (8 * stored.itemsize), np.uint8)
    # Negative values are the words of their two's complement.
    table[values.astype(words.dtype)] = display.gray
    return look_up(words, table), display.mapping, display.inverted
