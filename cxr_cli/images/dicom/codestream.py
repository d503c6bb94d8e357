"""What compressed pixel data say of themselves, beside what the header says of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
    RLELossless,
)
from rle.rle import decode_segment

from cxr_cli.images.rejected import RejectedImageError

JPEG_START, JPEG_2000_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
DIFFER = "header and codestream differ"

BOXES = 4096
"""Bytes within which a JPEG 2000 codestream begins, where boxes of the file format are before it."""

WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers that stand alone (ISO 10918-1, table B.1); 0xFF before a marker only fills."""

JPEG_PROCESSES: dict[int, tuple[UID, ...]] = {
    0xC0: (JPEGBaseline8Bit, JPEGExtended12Bit),
    0xC1: (JPEGExtended12Bit, JPEGBaseline8Bit),
    0xC2: (JPEGBaseline8Bit, JPEGExtended12Bit),
    0xC3: (JPEGLossless, JPEGLosslessSV1),
    0xF7: tuple(JPEGLSTransferSyntaxes),
}
"""Frame markers of JPEG and JPEG-LS, and the transfer syntaxes whose decoders read what follows."""


@dataclass(frozen=True)
class Codestream:
    """The beginning of one compressed frame; `rows` is 0 where it is said only at the end."""

    syntaxes: tuple[UID, ...]
    rows: int
    columns: int
    samples: int
    bits: int


def read_codestream(frame: bytes) -> Codestream | None:
    """Read the frame header (ISO 10918-1 B.2.2, ISO 14495-1 C.2.2) or the SIZ segment (ISO 15444-1 A.5.1).

    None for anything else than JPEG, JPEG-LS and JPEG 2000.
    """
    if frame.startswith(JPEG_START):
        return _jpeg(frame)
    start = frame.find(JPEG_2000_START, 0, BOXES)
    if start < 0:
        return None
    right, lower, left, upper = (_number(frame, start + at, 4) for at in (8, 12, 16, 20))
    syntaxes = tuple(JPEG2000TransferSyntaxes)
    precision = (_number(frame, start + 42, 1) & 0x7F) + 1
    return Codestream(syntaxes, lower - upper, right - left, _number(frame, start + 40, 2), precision)


def conform(dataset: FileDataset, despite: Callable[[str], None]) -> int:
    """Check the header of a compressed image against its codestream, which knows how it is decoded.

    Args:
        dataset: its BitsAllocated and TransferSyntaxUID, and BitsStored where it is too much, are corrected.
        despite: called with what in the header was wrong.

    Returns:
        The bits of the codestream's samples; of one without, those stored.

    Raises:
        RejectedImageError: rows, columns or samples differ, or there are more than 16 bits.
    """
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if dataset.file_meta.TransferSyntaxUID == RLELossless and not frame.startswith(JPEG_START):
        return _conform_segments(dataset, frame, despite)
    codestream = read_codestream(frame)
    if codestream is None:
        return int(dataset.BitsStored)
    for keyword, found in (
        ("Rows", codestream.rows),
        ("Columns", codestream.columns),
        ("SamplesPerPixel", codestream.samples),
    ):
        said = int(dataset[keyword].value)
        if found and said != found:
            raise RejectedImageError(f"{DIFFER}: {keyword} {said} in the header, {found} in the codestream")
    if codestream.bits > 16:
        raise RejectedImageError(f"cannot be decoded: a codestream of {codestream.bits} bits a sample")
    if dataset.file_meta.TransferSyntaxUID not in codestream.syntaxes:
        syntax = codestream.syntaxes[0]
        despite(f"TransferSyntaxUID: {syntax.name}")
        dataset.file_meta.TransferSyntaxUID = syntax
    _set_bits(dataset, 8 if codestream.bits <= 8 else 16, codestream.bits, despite)
    return codestream.bits


def _jpeg(frame: bytes) -> Codestream | None:
    at = len(JPEG_START)
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in JPEG_PROCESSES:
            bits = frame[at + 4]
            syntaxes = JPEG_PROCESSES[0xC1 if bits > 8 and marker == 0xC0 else marker]
            return Codestream(
                syntaxes, _number(frame, at + 5, 2), _number(frame, at + 7, 2), frame[at + 9], bits
            )
        at += 1 if marker == 0xFF else 2 if marker in WITHOUT_LENGTH else 2 + _number(frame, at + 2, 2)
    return None


def _conform_segments(dataset: FileDataset, frame: bytes, despite: Callable[[str], None]) -> int:
    """RLE has a segment for each byte of a pixel (PS3.5 G.2), and its only size is that of a segment."""
    segments, start, end = (_number(frame, at, 4, "little") for at in (0, 4, 8))
    samples = int(dataset.SamplesPerPixel)
    if segments not in (samples, 2 * samples):
        raise RejectedImageError(
            f"{DIFFER}: SamplesPerPixel {samples} in the header, {segments} segments in the codestream"
        )
    pixels = len(decode_segment(frame[start : end or len(frame)]))
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if not rows * columns <= pixels < (rows + 1) * columns:
        raise RejectedImageError(
            f"{DIFFER}: Rows {rows}, Columns {columns} in the header, {pixels} pixels in the codestream"
        )
    allocated = 8 * segments // samples
    _set_bits(dataset, allocated, allocated, despite)
    return allocated


def _set_bits(dataset: FileDataset, allocated: int, bits: int, despite: Callable[[str], None]) -> None:
    """Allocate what the codestream has, and store no more than that."""
    if dataset.BitsAllocated != allocated:
        despite(f"BitsAllocated {dataset.BitsAllocated}: {bits} bits in the codestream")
    elif dataset.BitsStored > bits:
        despite(f"BitsStored {dataset.BitsStored}: {bits} bits in the codestream")
    else:
        return
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, bits - 1


def _number(data: bytes, at: int, length: int, byte_order: Literal["big", "little"] = "big") -> int:
    return int.from_bytes(data[at : at + length], byte_order)
