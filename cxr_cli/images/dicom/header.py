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

from cxr_cli.images.raster import check_sides
from cxr_cli.images.rejected import RejectedImageError

PREAMBLE_LENGTH = 128
START_LENGTH = PREAMBLE_LENGTH + 4
"""The bytes that `begins_as_dicom` needs."""

REQUIRED = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
)

FIRST_GROUPS = (0x0002, 0x0008)
"""A data set without a preamble begins with its meta information or with what identifies it."""

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
    for keyword in REQUIRED:
        if dataset.get(keyword) is None:
            raise RejectedImageError(f"no {keyword} in the header")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise RejectedImageError("more than one frame")
    if dataset.BitsAllocated not in (8, 16):
        raise RejectedImageError("neither 8 nor 16 bits allocated a pixel")
    if not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise RejectedImageError("BitsStored does not fit BitsAllocated")
    check_sides(dataset.Rows, dataset.Columns)


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
    native_gray = not transfer_syntax(dataset).is_compressed and dataset.SamplesPerPixel == 1
    needed = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    if native_gray and len(dataset.PixelData) < needed:
        raise RejectedImageError("truncated: the file ends within the pixel data")


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
    stated = str(dataset.get("PresentationIntentType") or "")
    if stated in ("FOR PRESENTATION", "FOR PROCESSING"):
        return stated
    return "FOR PROCESSING" if dataset.get("SOPClassUID") == DigitalXRayImageStorageForProcessing else ""
