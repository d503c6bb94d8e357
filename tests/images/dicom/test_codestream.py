"""Compressed images whose header and codestream differ."""

from io import BytesIO
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom.data
import pytest
from dicom_image import SIDE, compressed, dicom, full_range, gradual, read
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import (
    JPEG2000,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxr_cli.images.dicom import decoders
from cxr_cli.images.dicom.codestream import read_codestream
from cxr_cli.images.rejected import RejectedImageError

DAMAGED = {"JPEG2000-embedded-sequence-delimiter.dcm"}

TWELVE, EIGHT = gradual(100, 4000), gradual(3, 250)


def jpeg(values: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(stream, "JPEG", quality=100)
    return stream.getvalue()


def frame_of(values: np.ndarray, bits: int, syntax: str, folder: Path) -> bytes:
    """One frame of these values, as pydicom or gdcm compresses it."""
    image = dicom(values.astype(np.uint8 if bits <= 8 else np.uint16), bits)
    path = folder / "frame.dcm"
    if syntax in (RLELossless, JPEG2000Lossless):
        image.compress(syntax)
    else:
        image.save_as(path, enforce_file_format=True)
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        image = dcmread(path)
    return get_frame(image.PixelData, 0, number_of_frames=1)


LOSSLESS = [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(
    ("stored", "bits", "said", "remark"),
    [
        (TWELVE, 12, {}, ""),
        (TWELVE, 12, {"PixelRepresentation": 1}, "PixelRepresentation 1: the values are unsigned"),
        (TWELVE, 12, {"BitsStored": 10, "HighBit": 9}, "BitsStored 10: the values have 12 bits"),
        (TWELVE, 16, {"BitsStored": 12, "HighBit": 11}, ""),
        (gradual(0, 15300), 16, {"BitsStored": 12, "HighBit": 11}, "BitsStored 12: the values have 14 bits"),
        (EIGHT, 8, {"BitsAllocated": 16}, "BitsAllocated 16: 8 bits in the codestream"),
        (
            EIGHT,
            8,
            {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11},
            "BitsAllocated 16: 8 bits in the codestream",
        ),
    ],
)
def test_bits_and_sign_are_those_of_the_pixels(
    tmp_path: Path, syntax: Any, stored: np.ndarray, bits: int, said: dict[str, int], remark: str
) -> None:
    image = dicom(stored.astype(np.uint8 if bits <= 8 else np.uint16), bits)
    frame = frame_of(stored, bits, syntax, tmp_path)
    pixels, mapping = read(compressed(image, frame, syntax, **said), tmp_path)
    np.testing.assert_allclose(pixels, full_range(stored), atol=1)
    expected = f"full range {stored.min()}..{stored.max()}"
    assert mapping == (f"{expected}; despite {remark}" if remark else expected)


def test_more_bits_stored_than_the_codestream_has(tmp_path: Path) -> None:
    frame = frame_of(TWELVE, 12, JPEG2000Lossless, tmp_path)
    pixels, mapping = read(compressed(dicom(TWELVE.astype(np.uint16)), frame, JPEG2000Lossless), tmp_path)
    np.testing.assert_allclose(pixels, full_range(TWELVE), atol=1)
    assert mapping.endswith("; despite BitsStored 16: 12 bits in the codestream")


@pytest.mark.parametrize("bits", [8, 12])
def test_baseline_jpeg_in_16_bits(tmp_path: Path, bits: int) -> None:
    frame = jpeg(EIGHT)
    image = compressed(dicom(EIGHT.astype(np.uint16), bits), frame, JPEGBaseline8Bit)
    pixels, mapping = read(image, tmp_path)
    decoded = np.asarray(Image.open(BytesIO(frame)))
    np.testing.assert_allclose(pixels, full_range(decoded.astype(int)), atol=1)
    assert mapping.endswith("; despite BitsAllocated 16: 8 bits in the codestream")


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, *LOSSLESS])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"Rows": 48}, "Rows 48"),
        ({"Rows": 80}, "Rows 80"),
        ({"Columns": 48}, "48"),
        ({"Rows": 48, "Columns": 64}, "Rows 48"),
    ],
)
def test_other_rows_and_columns_are_a_reject(
    tmp_path: Path, syntax: Any, said: dict[str, int], reason: str
) -> None:
    frame = jpeg(EIGHT) if syntax == JPEGBaseline8Bit else frame_of(EIGHT, 8, syntax, tmp_path)
    image = compressed(dicom(EIGHT.astype(np.uint8)), frame, syntax, **said)
    with pytest.raises(
        RejectedImageError, match=f"^header and codestream differ: .*{reason}.* in the header"
    ):
        read(image, tmp_path)


def test_color_in_the_codestream_of_a_gray_image_is_a_reject(tmp_path: Path) -> None:
    image = compressed(dicom(EIGHT.astype(np.uint8)), jpeg(np.stack([EIGHT] * 3, -1)), JPEGBaseline8Bit)
    with pytest.raises(RejectedImageError, match="SamplesPerPixel 1 in the header, 3 in the codestream"):
        read(image, tmp_path)


def test_rle_of_other_samples_is_a_reject(tmp_path: Path) -> None:
    frame = bytearray(frame_of(EIGHT, 8, RLELossless, tmp_path))
    frame[0] = 3  # segments
    image = compressed(dicom(EIGHT.astype(np.uint8)), bytes(frame), RLELossless)
    with pytest.raises(RejectedImageError, match="SamplesPerPixel 1 in the header, 3 segments"):
        read(image, tmp_path)


def test_a_decoder_that_panics_costs_a_reject(tmp_path: Path) -> None:
    segment = bytes([129, 0]) * 32  # runs of 128 zeros: 4,096 pixels
    longer = segment + bytes([225, 0])  # 32 more: pylibjpeg-rle would write beyond its frame
    frame = b"".join(n.to_bytes(4, "little") for n in (2, 64, 64 + len(longer), *[0] * 13)) + longer + segment
    image = compressed(dicom(TWELVE.astype(np.uint16), 12), frame, RLELossless)
    with pytest.raises(RejectedImageError, match=r"^DICOM that cannot be decoded \(PanicException\)$"):
        read(image, tmp_path)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_frame_that_is_cut_off_is_a_reject(tmp_path: Path, syntax: str, share: float) -> None:
    frame = frame_of(TWELVE, 12, syntax, tmp_path)
    image = compressed(dicom(TWELVE.astype(np.uint16), 12), frame[: int(share * len(frame))], syntax)
    with pytest.raises(RejectedImageError, match=r"^DICOM that cannot be decoded"):
        read(image, tmp_path)


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1, JPEGLSLossless])
def test_imagecodecs_gives_the_stored_values(tmp_path: Path, syntax: str) -> None:
    pytest.importorskip("imagecodecs")
    frame = frame_of(TWELVE, 12, syntax, tmp_path)
    image = compressed(dicom(TWELVE.astype(np.uint16), 12), frame, syntax)
    decoded = pixel_array(image, raw=True, decoding_plugin=decoders.__name__)
    np.testing.assert_array_equal(decoded, TWELVE)


def test_the_codestream_decides_how_it_is_decoded(tmp_path: Path) -> None:
    frame = frame_of(TWELVE, 12, JPEGLSLossless, tmp_path)
    image = compressed(dicom(TWELVE.astype(np.uint16), 12), frame, JPEG2000)
    pixels, mapping = read(image, tmp_path)
    np.testing.assert_allclose(pixels, full_range(TWELVE), atol=1)
    assert mapping.endswith("; despite TransferSyntaxUID: JPEG-LS Lossless Image Compression")


def test_compressed_pixel_data_said_not_to_be(tmp_path: Path) -> None:
    image = dicom(TWELVE.astype(np.uint16), 12)
    frame = frame_of(TWELVE, 12, JPEG2000Lossless, tmp_path)
    with pytest.raises(RejectedImageError, match="compressed pixel data: TransferSyntaxUID"):
        read(compressed(image, frame, ExplicitVRLittleEndian), tmp_path)


def test_a_codestream_of_more_than_16_bits_is_a_reject(tmp_path: Path) -> None:
    frame = bytearray(frame_of(TWELVE, 12, JPEG2000Lossless, tmp_path))
    frame[frame.index(b"\xff\x51") + 40] = 31  # Ssiz: precision - 1
    with pytest.raises(RejectedImageError, match="codestream of 32 bits"):
        read(compressed(dicom(TWELVE.astype(np.uint16), 12), bytes(frame), JPEG2000Lossless), tmp_path)


def test_what_the_beginning_of_a_codestream_says(tmp_path: Path) -> None:
    wide = gradual(3, 250, rows=40)
    for syntax in (JPEGLossless, JPEGLSLossless, JPEG2000Lossless):
        found = read_codestream(frame_of(wide, 8, syntax, tmp_path))
        assert found is not None
        assert (found.rows, found.columns, found.samples, found.bits) == (40, SIDE, 1, 8)
        assert syntax in found.syntaxes
    assert read_codestream(b"\xff\xd8\xff\xff\xc0\x00\x0b\x08\x00\x28\x00\x40\x01\x01\x11\x00") is not None
    for other in (b"", b"\xff\xd8", b"\xff\xd8\xff\xda\x00\x02", b"\x01\0\0\0" * 16):
        assert read_codestream(other) is None


@pytest.mark.filterwarnings("ignore:Expected explicit VR")
def test_the_codestreams_of_others_agree_with_their_headers() -> None:
    read_ones = 0
    for path in sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm")):
        image: Dataset = dcmread(path, force=True)
        syntax = image.get("file_meta", Dataset()).get("TransferSyntaxUID")
        if "PixelData" not in image or not syntax or not syntax.is_compressed or syntax.is_deflated:
            continue
        frames = int(image.get("NumberOfFrames") or 1)
        found = read_codestream(get_frame(image.PixelData, 0, number_of_frames=frames))
        if found is not None and path.name not in DAMAGED:
            assert syntax in found.syntaxes
            read_ones += 1
            assert (found.rows, found.columns) == (image.Rows, image.Columns), path.name
    assert read_ones >= 15
