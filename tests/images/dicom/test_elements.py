"""Numbers and code strings of headers as files have them."""

import pytest
from dicom_image import dicom, gradual
from pydicom.dataset import Dataset

from cxr_cli.images.dicom.elements import code_string, code_strings, numbers


def header(keyword: str, vr: str, value: bytes) -> Dataset:
    return dicom(gradual(0, 255).astype("u1"), **{keyword: (vr, value)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1500", [1500.0]),
        (b" 1500 \\ 900 ", [1500.0, 900.0]),
        (b"1500,5", [1500.5]),
        (b"-1.5E3\0", [-1500.0]),
        (b"NaN ", [None]),
        (b"inf ", [None]),
        (b"1e99", [None]),
        (b"1.500,5 ", [None]),
        (b"wide\\900", [None, 900.0]),
        (b"1500\\", [1500.0, None]),
        (b"", []),
        (b"    ", []),
    ],
)
@pytest.mark.parametrize("vr", ["DS", "LO", "UN"])
def test_numbers_written_as_text(vr: str, text: bytes, expected: list[float | None]) -> None:
    assert numbers(header("WindowCenter", vr, text), "WindowCenter") == expected


def test_numbers_of_other_types() -> None:
    dataset = header("WindowWidth", "US", b"\xd0\x07")
    assert numbers(dataset, "WindowWidth") == [2000]
    assert numbers(dataset, "Rows") == [64]
    assert numbers(dataset, "RescaleSlope") == []
    dataset.WindowCenter = [1, 2.5]
    assert numbers(dataset, "WindowCenter") == [1, 2.5]
    dataset.WindowCenter = None
    assert numbers(dataset, "WindowCenter") == []


@pytest.mark.parametrize("text", [b" MONOCHROME2", b"monochrome2 ", b"MONOCHROME2\0", b" Monochrome2 \\X"])
def test_code_strings_without_blanks_and_small_letters(text: bytes) -> None:
    assert code_string(header("PhotometricInterpretation", "CS", text), "PhotometricInterpretation") == (
        "MONOCHROME2"
    )


def test_several_and_missing_code_strings() -> None:
    dataset = header("CollimatorShape", "CS", b"circular\\ rectangular")
    assert code_strings(dataset, "CollimatorShape") == ["CIRCULAR", "RECTANGULAR"]
    assert code_string(header("CollimatorShape", "CS", b""), "CollimatorShape") == ""
    assert code_string(dataset, "ShutterShape") == ""
