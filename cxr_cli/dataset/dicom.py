"""A DICOM file to a grey film: from stored to display values (PS3.3 C.11.1 and C.11.2, PS3.4 N.2)."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError

from cxr_cli.dataset.characteristics import header_characteristics, kept_values
from cxr_cli.dataset.raster import Picture, RejectedFilmError, check_sides, check_varied, to_grey

PREAMBLE_LENGTH = 128
REQUIRED = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
)

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()


def has_preamble(path: Path) -> bool:
    """Whether a readable file begins as DICOM files do: 128 bytes, then DICM (PS3.10 7.1)."""
    try:
        with path.open("rb") as stream:
            return stream.read(PREAMBLE_LENGTH + 4)[PREAMBLE_LENGTH:] == b"DICM"
    except OSError:
        return False


def read_dicom(path: Path, keep_tags: tuple[str, ...] = ()) -> tuple[Picture, dict[str, str]]:
    """Decode a single-frame grey DICOM file to display-ready grey at full size; also what its header states.

    `keep_tags` are keywords of header values to give on top, under these names.

    Raises:
        RejectedFilmError: no DICOM, damaged, colour, several frames, no pixel data, faulty window or table.
    """
    with _quiet():
        try:
            dataset = pydicom.dcmread(path)
            _check_header(dataset)
            picture = _picture(dataset)
            characteristics = {**header_characteristics(dataset), **kept_values(dataset, keep_tags)}
        except RejectedFilmError:
            raise
        except InvalidDicomError:
            raise RejectedFilmError("no DICOM file: no DICM after the preamble") from None
        except (PermissionError, FileNotFoundError) as error:
            raise RejectedFilmError(f"the file cannot be opened ({type(error).__name__})") from None
        except (
            Exception
        ) as error:  # decoders raise anything on damaged data; their text may hold header values
            raise RejectedFilmError(f"DICOM that cannot be decoded ({type(error).__name__})") from error
    check_varied(picture.pixels)
    return picture, characteristics


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


def _check_header(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise RejectedFilmError("no pixel data, or the file ends before them")
    for keyword in REQUIRED:
        if dataset.get(keyword) is None:
            raise RejectedFilmError(f"no {keyword} in the header")
    if dataset.SamplesPerPixel != 1 or dataset.PhotometricInterpretation not in (
        "MONOCHROME1",
        "MONOCHROME2",
    ):
        raise RejectedFilmError("colour: MONOCHROME1 or MONOCHROME2 is needed")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise RejectedFilmError("more than one frame")
    if dataset.BitsAllocated not in (8, 16):
        raise RejectedFilmError("neither 8 nor 16 bits allocated a pixel")
    check_sides(dataset.Rows, dataset.Columns)
    native = not dataset.file_meta.TransferSyntaxUID.is_compressed
    if native and len(dataset.PixelData) < dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8:
        raise RejectedFilmError("truncated: the file ends within the pixel data")


def _picture(dataset: FileDataset) -> Picture:
    stored = dataset.pixel_array
    lowest, highest = int(stored.min()), int(stored.max())
    # At most 65,536 values occur: the chain runs once for each value rather than for each pixel.
    values = np.arange(lowest, highest + 1)
    grey, mapping = display_values(values, dataset)
    syntax = dataset.file_meta.TransferSyntaxUID
    name = syntax.name if syntax.is_transfer_syntax else "unknown transfer syntax"
    return Picture(grey[stored.astype(np.int64) - lowest], f"{name}; {dataset.BitsStored} bits; {mapping}")


def display_values(stored: NDArray[np.int64], header: Dataset) -> tuple[NDArray[np.uint8], str]:
    """Map stored values [V] to display values [V], 0 black, 255 white, and say how.

    Modality LUT or rescale; then VOI LUT, else the first window, else the full range of what there is;
    inversion for MONOCHROME1 or an INVERSE presentation LUT shape comes last, once.

    Raises:
        RejectedFilmError: a window or look-up table that cannot be applied.
    """
    modality = _modality_values(stored, header)
    center, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if header.get("VOILUTSequence"):
        table = header.VOILUTSequence[0]
        output_range = 2 ** int(table.LUTDescriptor[2]) - 1
        grey, mapping = to_grey(_look_up(modality, table), 0, output_range), "voi lut"
    elif center is not None and width is not None:
        function = header.get("VOILUTFunction") or "LINEAR"
        grey, mapping = to_grey(_windowed(modality, center, width, function), 0, 1), "window"
    else:
        grey, mapping = to_grey(modality, float(modality.min()), float(modality.max())), "full range"
    # DX files say it twice, MONOCHROME1 and INVERSE (PS3.3 C.8.11.3.1.1): either way it is one inversion.
    inverted = (
        header.PhotometricInterpretation == "MONOCHROME1" or header.get("PresentationLUTShape") == "INVERSE"
    )
    return (255 - grey, f"{mapping}; inverted") if inverted else (grey, f"{mapping}; not inverted")


def _modality_values(stored: NDArray[np.int64], header: Dataset) -> NDArray[Any]:
    if header.get("ModalityLUTSequence"):
        return _look_up(stored, header.ModalityLUTSequence[0])
    slope, intercept = _first(header, "RescaleSlope"), _first(header, "RescaleIntercept")
    return stored * (1.0 if slope is None else slope) + (0.0 if intercept is None else intercept)


def _look_up(values: NDArray[Any], table: Dataset) -> NDArray[np.int64]:
    """Apply one item of a LUT sequence; values outside its entries take the nearest one.

    Not pydicom's `apply_voi`, which wraps indices over 255 when entries have 8 bits.
    """
    entries, first, _ = (int(number) for number in table.LUTDescriptor)
    data = table.LUTData
    byte_order = ">" if table.original_encoding[1] is False else "<"
    words = np.frombuffer(data, f"{byte_order}u2") if isinstance(data, bytes) else data
    output: NDArray[np.int64] = np.array(words, dtype=np.int64, ndmin=1)
    length = entries or 2**16  # 65,536 does not fit the field and is written as 0
    if len(output) < length:
        raise RejectedFilmError("a look-up table shorter than its descriptor says")
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, length - 1)
    return np.asarray(output[index], dtype=np.int64)


def _windowed(values: NDArray[Any], center: float, width: float, function: str) -> NDArray[Any]:
    """Apply a window: output in [0, 1] (PS3.3 C.11.2.1.2.1 and C.11.2.1.3)."""
    if width < 1 if function == "LINEAR" else width <= 0:
        raise RejectedFilmError("a window too narrow to be applied")
    if function == "LINEAR":
        # From the last black value to the first white one there are width - 1 steps, perhaps none.
        return np.clip((values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5, 0.0, 1.0)
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if function == "SIGMOID":
        # 1 / (1 + exp(-4 (x - c) / w)), written so that it cannot overflow.
        return 0.5 * (1.0 + np.tanh(2.0 * (values - center) / width))
    raise RejectedFilmError("a VOI LUT function that is none of LINEAR, LINEAR_EXACT, SIGMOID")


def _first(header: Dataset, keyword: str) -> float | None:
    """The first value of a numeric element; None where it is missing or empty."""
    value = header.get(keyword)
    if value is None or value == "" or (isinstance(value, pydicom.multival.MultiValue) and len(value) == 0):
        return None
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
