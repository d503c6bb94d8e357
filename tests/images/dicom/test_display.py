"""Windows and rescaling that are not as they should be: the next that can be applied, with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_image import dicom, full_range, gradual, read

from cxr_cli.images.rejected import RejectedImageError

STORED = gradual(200, 3800)
VALUES = len(np.unique(STORED))


def window(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR of the standard (PS3.3 C.11.2.1.2.1), in 255 steps."""
    return np.rint(np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255)


def shown(folder: Path, stored: np.ndarray = STORED, **elements: Any) -> tuple[np.ndarray, str]:
    return read(dicom(stored.astype(np.uint16), 12, **elements), folder)


@pytest.mark.parametrize(
    ("center", "width", "expected"),
    [
        (b" 1500 ", b" 2000 ", (1500, 2000)),
        (b" 1500 \\ 900 ", b"2000\\1000 ", (1500, 2000)),
        (b"1500,5", b"2000", (1500.5, 2000)),
        (b"1500\\900", b"2000", (1500, 2000)),
        (b"1500", b"2000\\1000 ", (1500, 2000)),
    ],
)
def test_windows_as_they_are_written(
    tmp_path: Path, center: bytes, width: bytes, expected: tuple[float, float]
) -> None:
    pixels, mapping = shown(tmp_path, WindowCenter=("DS", center), WindowWidth=("DS", width))
    np.testing.assert_array_equal(pixels, window(STORED, *expected))
    assert mapping == f"window {expected[0]:g} {expected[1]:g} LINEAR"


@pytest.mark.parametrize(
    ("center", "width", "reason"),
    [
        (b"NaN ", b"NaN ", "WindowCenter ?, WindowWidth ?: not two numbers"),
        (b"wide", b"2000", "WindowCenter ?, WindowWidth 2000: not two numbers"),
        (b"", b"2000", "WindowCenter ?, WindowWidth 2000: not two numbers"),
        (b"1500", b"", "WindowCenter 1500, WindowWidth ?: not two numbers"),
        (b"0 ", b"0 ", "WindowCenter 0, WindowWidth 0: too narrow"),
        (b"1500", b"-200", "WindowCenter 1500, WindowWidth -200: too narrow"),
        (b"0 ", b"1 ", "WindowCenter 0, WindowWidth 1: 100% would be white"),
        (b"128 ", b"256 ", "WindowCenter 128, WindowWidth 256: 99% would be white"),
        (b"30000 ", b"400 ", "WindowCenter 30000, WindowWidth 400: 100% would be black"),
        (
            b"32768 ",
            b"65536 ",
            f"WindowCenter 32768, WindowWidth 65536: {VALUES} values would have 15 levels of gray",
        ),
        (b"2000", b"1 ", f"WindowCenter 2000, WindowWidth 1: {VALUES} values would have 2 levels of gray"),
    ],
)
def test_without_a_window_that_can_be_applied_there_is_the_full_range(
    tmp_path: Path, center: bytes, width: bytes, reason: str
) -> None:
    pixels, mapping = shown(tmp_path, WindowCenter=("DS", center), WindowWidth=("DS", width))
    np.testing.assert_array_equal(pixels, full_range(STORED))
    assert mapping == f"full range 200..3800; despite {reason}"


@pytest.mark.parametrize(("first", "reason"), [("nan", "?, WindowWidth ?: not two numbers"), ("99999", "")])
def test_the_first_window_that_can_be_applied(tmp_path: Path, first: str, reason: str) -> None:
    center, width = f"{first}\\1500 ", f"{first}\\2000 "
    pixels, mapping = shown(
        tmp_path, WindowCenter=("DS", center.encode()), WindowWidth=("DS", width.encode())
    )
    np.testing.assert_array_equal(pixels, window(STORED, 1500, 2000))
    assert mapping.startswith(f"window 1500 2000 LINEAR; despite WindowCenter {reason}")


def test_a_window_that_leaves_much_of_the_image_white_is_applied_and_said(tmp_path: Path) -> None:
    center = float(np.quantile(STORED, 0.2)) - 200
    pixels, mapping = shown(tmp_path, WindowCenter=center, WindowWidth=400)
    np.testing.assert_array_equal(pixels, window(STORED, center, 400))
    assert mapping == f"window {center:g} 400 LINEAR; despite 80% white"


def test_black_and_white_are_those_of_the_image_as_it_is_shown(tmp_path: Path) -> None:
    _, mapping = shown(tmp_path, PhotometricInterpretation="MONOCHROME1", WindowCenter=128, WindowWidth=256)
    assert mapping == "full range 200..3800; despite WindowCenter 128, WindowWidth 256: 99% would be black"


@pytest.mark.parametrize("function", [b"linear", b" SIGMOID", b"Linear_Exact"])
def test_functions_in_small_letters_with_blanks(tmp_path: Path, function: bytes) -> None:
    said = {"WindowCenter": 1500, "WindowWidth": 2000}
    name = function.decode().strip().upper()
    pixels, mapping = shown(tmp_path, **said, VOILUTFunction=("CS", function))
    np.testing.assert_array_equal(pixels, shown(tmp_path, **said, VOILUTFunction=name)[0])
    assert mapping == f"window 1500 2000 {name}"


@pytest.mark.parametrize(
    ("slope", "intercept", "remarks"),
    [
        (b"", b"", []),
        (b"1,0 ", b"0,0 ", []),
        (b"0 ", b"0 ", ["RescaleSlope: 0"]),
        (b"NaN ", b"0 ", ["RescaleSlope: not a number"]),
        (b"US", b"US", ["RescaleSlope: not a number", "RescaleIntercept: not a number"]),
        (b"1e-320", b"0 ", ["RescaleSlope: 9.99989e-321"]),
    ],
)
def test_rescaling_that_can_not_be_meant_is_left_out(
    tmp_path: Path, slope: bytes, intercept: bytes, remarks: list[str]
) -> None:
    rescaling = {"RescaleSlope": ("DS", slope), "RescaleIntercept": ("DS", intercept)}
    pixels, mapping = shown(tmp_path, **rescaling, WindowCenter=1500, WindowWidth=2000)
    np.testing.assert_array_equal(pixels, window(STORED, 1500, 2000))
    assert mapping == "; ".join(["window 1500 2000 LINEAR", *(f"despite {remark}" for remark in remarks)])


@pytest.mark.parametrize(
    ("elements", "inverted"),
    [
        ({"PhotometricInterpretation": ("CS", b" MONOCHROME2")}, False),
        ({"PhotometricInterpretation": ("CS", b"monochrome1 ")}, True),
        ({"PresentationLUTShape": ("CS", b"inverse ")}, True),
        ({"PresentationLUTShape": ("CS", b" Identity ")}, False),
    ],
)
def test_code_strings_in_small_letters_with_blanks(
    tmp_path: Path, elements: dict[str, Any], inverted: bool
) -> None:
    expected = full_range(STORED)
    np.testing.assert_array_equal(shown(tmp_path, **elements)[0], 255 - expected if inverted else expected)


def test_a_few_values_far_from_all_others_are_no_part_of_the_range(tmp_path: Path) -> None:
    damaged = STORED.copy()
    damaged[10, 10], damaged[50, 20] = 65535, 40000
    pixels, mapping = read(dicom(damaged.astype(np.uint16)), tmp_path)
    np.testing.assert_array_equal(pixels, np.minimum(full_range(np.minimum(damaged, 3800)), 255))
    assert mapping == "full range 200..3800; despite values 200..65535: a few are far from all others"


def test_two_groups_of_many_values_are_both_shown(tmp_path: Path) -> None:
    halves = gradual(0, 1000)
    halves[:, 32:] += 20000
    pixels, mapping = read(dicom(halves.astype(np.uint16)), tmp_path)
    np.testing.assert_array_equal(pixels, full_range(halves))
    assert mapping == f"full range {halves.min()}..{halves.max()}"


def test_an_image_of_hardly_anything_but_padding_is_a_reject(tmp_path: Path) -> None:
    with pytest.raises(RejectedImageError, match="nothing but padding"):
        shown(tmp_path, PixelPaddingValue=0, PixelPaddingRangeLimit=3790, WindowCenter=9, WindowWidth=9)
