"""A DICOM file's data set: is it one at all, and is it one whose pixels can become an image."""

from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from cxr_cli.images.dicom.elements import code_string, numbers
from cxr_cli.images.raster import check_sides
from cxr_cli.images.rejected import RejectedImageError

PREAMBLE_LENGTH = 128
START_LENGTH = PREAMBLE_LENGTH + 4
"""The bytes that `begins_as_dicom` needs."""

WHOLE_NUMBERS = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation")
"""What pixels cannot be read without, beside PhotometricInterpretation."""

SAMPLES = (1, 3, 4)
"""Gray or palette, color, and the retired color of four (PS3.3 C.7.6.3.1.1)."""

FIRST_GROUPS = (0x0002, 0x0008)
"""A data set without a preamble begins with its meta information or with what identifies it."""

ITEM = b"\xfe\xff\x00\xe0"
"""Compressed pixel data begin with this tag, of their offset table (PS3.5 A.4)."""

MAX_FIRST_LENGTH = 256
"""Bytes that the first element of a data set may have: lengths, code strings and UIDs are short."""


def has_preamble(start: bytes) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes, then DICM (PS3.10 7.1)."""
    return start[PREAMBLE_LENGTH:START_LENGTH] == b"DICM"


def begins_as_dicom(start: bytes) -> bool:
    """Whether a file's first bytes are those of a DICOM file, be it one that lacks the preamble."""
    return has_preamble(start) or _begins_as_data_set(start)


def _begins_as_data_set(start: bytes) -> bool:
    """Whether the first data element is one that a data set may begin with (PS3.5 7.1)."""
    if len(start) < 8:
        return False
    for byte_order in ("little", "big"):
        group = int.from_bytes(start[:2], byte_order)
        if group in FIRST_GROUPS:
            explicit = start[4:6].isalpha() and start[4:6].isupper()
            length = int.from_bytes(start[6:8] if explicit else start[4:8], byte_order)
            return length <= MAX_FIRST_LENGTH and length % 2 == 0
    return False


def read_dataset(stream: BinaryIO) -> FileDataset:
    """Read a data set, pixel data and all, and check that it holds one grayscale image, or may.

    Raises:
        RejectedImageError: no DICOM, an index, no or several frames, a header that lacks what pixels need.
    """
    start = stream.read(START_LENGTH)
    stream.seek(0)
    if not begins_as_dicom(start):
        raise RejectedImageError("no DICOM file: no DICM after the preamble")
    try:
        dataset = pydicom.dcmread(stream, force=not has_preamble(start))
    except InvalidDicomError:
        raise RejectedImageError("no DICOM file: no data set") from None
    if dataset.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise RejectedImageError("DICOMDIR: an index of files, no image")
    _check_header(dataset)
    _set_transfer_syntax(dataset)
    _check_length(dataset)
    return dataset


def _check_header(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise RejectedImageError("no pixel data, or the file ends before them")
    dataset.PhotometricInterpretation = code_string(dataset, "PhotometricInterpretation")
    if not dataset.PhotometricInterpretation:
        raise RejectedImageError("no PhotometricInterpretation in the header")
    for keyword in WHOLE_NUMBERS:
        setattr(dataset, keyword, _whole_number(dataset, keyword))
    if dataset.SamplesPerPixel not in SAMPLES:
        raise RejectedImageError(f"neither gray nor color: SamplesPerPixel {dataset.SamplesPerPixel}")
    if dataset.PixelRepresentation > 1:
        raise RejectedImageError(
            f"neither unsigned nor signed: PixelRepresentation {dataset.PixelRepresentation}"
        )
    if (frames := next(iter(numbers(dataset, "NumberOfFrames")), None) or 1) > 1:
        raise RejectedImageError(f"more than one frame: NumberOfFrames {frames:g}")
    dataset.NumberOfFrames = 1
    if dataset.BitsAllocated not in (8, 16):
        raise RejectedImageError(
            f"neither 8 nor 16 bits allocated a pixel: BitsAllocated {dataset.BitsAllocated}"
        )
    if not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise RejectedImageError(
            f"BitsStored does not fit BitsAllocated: {dataset.BitsStored} of {dataset.BitsAllocated} bits"
        )
    check_sides(dataset.Rows, dataset.Columns)


def _whole_number(dataset: Dataset, keyword: str) -> int:
    number = next(iter(numbers(dataset, keyword)), None)
    if number is None or number < 0 or number % 1:
        raise RejectedImageError(f"no {keyword} in the header")
    return int(number)


def _set_transfer_syntax(dataset: FileDataset) -> None:
    """Give a file without a transfer syntax the one that pydicom saw its elements written in."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    if dataset["PixelData"].is_undefined_length:
        raise RejectedImageError("no TransferSyntaxUID, and the pixel data are compressed")
    implicit, little_endian = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _check_length(dataset: FileDataset) -> None:
    if transfer_syntax(dataset).is_compressed:
        return
    length, row = len(dataset.PixelData), dataset.Columns * dataset.BitsAllocated // 8
    gray = dataset.SamplesPerPixel == 1
    short = gray and length < row * dataset.Rows
    if dataset["PixelData"].is_undefined_length or (short and dataset.PixelData.startswith(ITEM)):
        raise RejectedImageError("compressed pixel data: TransferSyntaxUID says that they are not compressed")
    if short:
        raise RejectedImageError(
            f"truncated: the file ends within the pixel data, {length} of {row * dataset.Rows} bytes"
        )
    beyond = dataset.PixelData[row * dataset.Rows :]
    if gray and len(beyond) >= row and len(set(beyond)) > 1:  # what only fills up has one value
        raise RejectedImageError(
            f"more pixel data than the header says: {length} bytes, Rows {dataset.Rows}, "
            f"Columns {dataset.Columns}, BitsAllocated {dataset.BitsAllocated}"
        )


def transfer_syntax(dataset: FileDataset) -> UID:
    """The transfer syntax; a private or unknown one gives a named reject.

    Raises:
        RejectedImageError: an unknown one.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax:
        raise RejectedImageError("unknown transfer syntax")
    return UID(syntax)


def presentation_intent(dataset: Dataset) -> str:
    """FOR PRESENTATION, FOR PROCESSING (raw values of the detector, not meant to be looked at), or ""."""
    stated = code_string(dataset, "PresentationIntentType")
    if stated in ("FOR PRESENTATION", "FOR PROCESSING"):
        return stated
    return "FOR PROCESSING" if dataset.get("SOPClassUID") == DigitalXRayImageStorageForProcessing else ""
