"""Padding that the header does not know of."""

from pathlib import Path

import numpy as np
import pytest
from dicom_image import SIDE, dicom, gradual, read

from cxr_cli.images.dicom.borders import find_padding

ROW, COLUMN = np.ogrid[:SIDE, :SIDE]
OUTSIDE = (ROW - 31.5) ** 2 + (COLUMN - 31.5) ** 2 > 31**2


def padded(value: int) -> np.ndarray:
    """An image in a circle, and `value` around it."""
    return np.where(OUTSIDE, value, gradual(100, 3000))


@pytest.mark.parametrize("value", [-32768, -1500, 4600, 32767])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1500, "WindowWidth": 3000}])
def test_a_value_around_the_image_and_far_from_it_is_padding(
    tmp_path: Path, value: int, window: dict[str, int]
) -> None:
    image = dicom(padded(value).astype(np.int16), **window)
    pixels, mapping = read(image, tmp_path)
    assert mapping.endswith(f"; despite no PixelPaddingValue: {value} is padding")
    image.PixelPaddingValue = value
    as_stated, stated = read(image, tmp_path)
    np.testing.assert_array_equal(pixels, as_stated)
    assert mapping.startswith(stated)
    assert (pixels[OUTSIDE] == 0).all()


@pytest.mark.parametrize("value", [0, -1000, 4095])
def test_a_value_around_the_image_that_may_belong_to_it_is_none(value: int) -> None:
    assert find_padding(padded(value)) is None


def test_a_far_value_within_the_image_is_no_padding() -> None:
    marked = gradual(100, 3000)
    marked[20:30, 20:30] = 65535
    assert find_padding(marked) is None


def test_among_few_values_none_is_far() -> None:
    assert find_padding(np.where(OUTSIDE, 65535, COLUMN // 8)) is None


@pytest.mark.parametrize("limit", [None, ("LO", b" 4500 ")])
def test_padding_that_is_written_as_text(tmp_path: Path, limit: tuple[str, bytes] | None) -> None:
    said = {"PixelPaddingValue": ("LO", b"4095"), "PixelPaddingRangeLimit": limit}
    elements = {keyword: value for keyword, value in said.items() if value}
    pixels, _ = read(dicom(padded(4095).astype(np.uint16), **elements), tmp_path)
    assert (pixels[OUTSIDE] == 0).all()


def test_padding_has_the_sign_that_the_values_have(tmp_path: Path) -> None:
    # -3000 as unsigned words, in values that are said to be unsigned.
    values = np.where(OUTSIDE, -3000, gradual(-2000, 1000)).astype(np.int16)
    image = dicom(values.view(np.uint16), PixelPaddingValue=65536 - 3000)
    pixels, mapping = read(image, tmp_path)
    assert mapping.startswith("full range -2000..1000; despite PixelRepresentation 0")
    assert (pixels[OUTSIDE] == 0).all()
