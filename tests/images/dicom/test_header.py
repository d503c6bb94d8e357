"""Headers whose rows, columns and bits do not fit the pixel data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_image import SIDE, dicom, full_range, gradual, read

from cxr_cli.images.rejected import RejectedImageError

STORED = gradual(100, 4000)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Rows": 65}, "truncated: the file ends within the pixel data, 8192 of 8320 bytes"),
        (
            {"Rows": 63},
            "more pixel data than the header says: 8192 bytes, Rows 63, Columns 64, BitsAllocated 16",
        ),
        (
            {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
            "more pixel data than the header says: 8192 bytes, Rows 64, Columns 64, BitsAllocated 8",
        ),
        ({"BitsAllocated": 32}, "neither 8 nor 16 bits allocated a pixel: BitsAllocated 32"),
        ({"BitsStored": 17}, "BitsStored does not fit BitsAllocated: 17 of 16 bits"),
        ({"PixelRepresentation": 2}, "neither unsigned nor signed: PixelRepresentation 2"),
        ({"NumberOfFrames": 3}, "more than one frame: NumberOfFrames 3"),
        (
            {"PhotometricInterpretation": "YBR_FULL_422"},
            "color of a kind that is not read: PhotometricInterpretation YBR_FULL_422 with SamplesPerPixel 1"
            "; MONOCHROME1 or MONOCHROME2 is needed",
        ),
        (
            {"SamplesPerPixel": 3, "PhotometricInterpretation": "MONOCHROME1"},
            "gray of several samples: PhotometricInterpretation MONOCHROME1, SamplesPerPixel 3",
        ),
        ({"Rows": ("LO", b"many")}, "no Rows in the header"),
        ({"PhotometricInterpretation": ("CS", b"  ")}, "no PhotometricInterpretation in the header"),
    ],
)
def test_headers_that_do_not_fit_are_rejects_with_tag_and_value(
    tmp_path: Path, elements: dict[str, Any], reason: str
) -> None:
    image = dicom(STORED.astype(np.uint16), 12, **elements)
    with pytest.raises(RejectedImageError) as caught:
        read(image, tmp_path)
    assert str(caught.value) == reason


def test_numbers_that_are_written_as_text(tmp_path: Path) -> None:
    said = {"Rows": b"64", "BitsStored": b" 12 ", "NumberOfFrames": b"one "}
    image = dicom(STORED.astype(np.uint16), 12, **{keyword: ("LO", text) for keyword, text in said.items()})
    np.testing.assert_array_equal(read(image, tmp_path)[0], full_range(STORED))


@pytest.mark.parametrize("filler", [b"\0" * 512, b"\xff" * 512, bytes(range(100))])
def test_pixel_data_may_be_filled_up_with_one_value_or_less_than_a_row(tmp_path: Path, filler: bytes) -> None:
    image = dicom(STORED.astype(np.uint16), 12)
    image.PixelData += filler
    np.testing.assert_array_equal(read(image, tmp_path)[0], full_range(STORED))


@pytest.mark.parametrize(("rows", "columns"), [(48, SIDE), (SIDE, 48)])
def test_rows_and_columns_that_are_swapped_are_a_reject(tmp_path: Path, rows: int, columns: int) -> None:
    image = dicom(gradual(100, 4000, rows, columns).astype(np.uint16), 12)
    assert read(image, tmp_path)[0].shape == (rows, columns)
    image.Rows, image.Columns = columns, rows
    with pytest.raises(RejectedImageError, match=f"swapped: Rows {columns}, Columns {rows}"):
        read(image, tmp_path)
