"""Bits and signs of stored values: a wrong header is seen in the pixels, and a right one is believed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_image import SIDE, dicom, full_range, gradual, read

from cxr_cli.images.dicom.bits import Bits, in_byte_order, value_bits


def words(values: np.ndarray, bits: int = 16) -> np.ndarray:
    """Values in the lowest bits of 16, the others clear."""
    return (values & (2**bits - 1)).astype(np.uint16)


TWELVE, BELOW_ZERO = gradual(100, 4000), gradual(-1500, 1800)
SPOT = gradual(100, 3000)
SPOT[10:12, 10:14] = np.arange(-8, 0).reshape(2, 4)
BRIGHT_SPOT = gradual(100, 4000)
BRIGHT_SPOT[BRIGHT_SPOT > 3950] += 250

WRONG: list[tuple[str, np.ndarray, dict[str, int], np.ndarray, list[str]]] = [
    (
        "12 bits said, 14 used",
        words(gradual(0, 15300)),
        {"bits": 12},
        gradual(0, 15300),
        ["BitsStored 12: the values have 14 bits"],
    ),
    (
        "10 bits said, 12 used",
        words(TWELVE),
        {"bits": 10},
        TWELVE,
        ["BitsStored 10: the values have 12 bits"],
    ),
    (
        "12 bits said, a spot of more",
        words(BRIGHT_SPOT),
        {"bits": 12},
        BRIGHT_SPOT,
        ["BitsStored 12: the values have 13 bits"],
    ),
    (
        "signed values of 16 bits",
        words(BELOW_ZERO),
        {"bits": 16},
        BELOW_ZERO,
        ["PixelRepresentation 0: the values are signed"],
    ),
    (
        "signed values of 12 bits",
        words(BELOW_ZERO, 12),
        {"bits": 12},
        BELOW_ZERO,
        ["PixelRepresentation 0: the values are signed"],
    ),
    (
        "signed values of 12 bits in 16",
        words(BELOW_ZERO),
        {"bits": 12},
        BELOW_ZERO,
        ["BitsStored 12: the values have 16 bits", "PixelRepresentation 0: the values are signed"],
    ),
    (
        "unsigned values of 12 bits",
        words(TWELVE),
        {"bits": 12, "PixelRepresentation": 1},
        TWELVE,
        ["PixelRepresentation 1: the values are unsigned"],
    ),
    (
        "unsigned values of 16 bits",
        words(gradual(100, 64000)),
        {"bits": 16, "PixelRepresentation": 1},
        gradual(100, 64000),
        ["PixelRepresentation 1: the values are unsigned"],
    ),
    (
        "unsigned values of 8 bits",
        gradual(3, 250).astype(np.uint8),
        {"bits": 8, "PixelRepresentation": 1},
        gradual(3, 250),
        ["PixelRepresentation 1: the values are unsigned"],
    ),
    (
        "few values below zero",
        words(gradual(-40, 3000)),
        {"bits": 16},
        gradual(-40, 3000),
        ["PixelRepresentation 0: the values are signed"],
    ),
    (
        "a spot below zero",
        words(SPOT),
        {"bits": 16},
        SPOT,
        ["PixelRepresentation 0: the values are signed"],
    ),
    (
        "bytes the other way round",
        words(TWELVE).byteswap(),
        {"bits": 12},
        TWELVE,
        ["TransferSyntaxUID: the two bytes of each value are the other way round"],
    ),
    (
        "high bits said, low bits used",
        words(TWELVE),
        {"bits": 12, "HighBit": 15},
        TWELVE,
        ["HighBit 15: the values have the lowest 12 bits"],
    ),
]


@pytest.mark.parametrize(
    ("stored", "said", "values", "remarks"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_wrong_headers_are_corrected(
    tmp_path: Path, stored: np.ndarray, said: dict[str, int], values: np.ndarray, remarks: list[str]
) -> None:
    pixels, mapping = read(dicom(stored, **said), tmp_path)
    np.testing.assert_allclose(pixels, full_range(values), atol=1)
    expected = [f"full range {values.min()}..{values.max()}", *(f"despite {remark}" for remark in remarks)]
    assert mapping == "; ".join(expected)


def with_text(values: np.ndarray, mark: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Mark a pattern of small blocks, as burnt-in letters are."""
    marked = values.copy()
    pattern = np.zeros(values.shape, bool)
    pattern[20:40:5, 10:50] = pattern[20:40, 10:50:6] = True
    marked[pattern] = mark(values[pattern])
    return marked


ON_BLACK = with_text(np.maximum(gradual(-1500, 1500), 0), lambda _: np.int64(4095))

RIGHT: list[tuple[str, np.ndarray, dict[str, int], np.ndarray]] = [
    ("unsigned", words(TWELVE), {"bits": 12}, TWELVE),
    ("unsigned, all bits", words(gradual(0, 65535)), {"bits": 16}, gradual(0, 65535)),
    ("signed", words(BELOW_ZERO), {"bits": 16, "PixelRepresentation": 1}, BELOW_ZERO),
    ("signed, extended", words(BELOW_ZERO), {"bits": 12, "PixelRepresentation": 1}, BELOW_ZERO),
    ("signed, not extended", words(BELOW_ZERO, 12), {"bits": 12, "PixelRepresentation": 1}, BELOW_ZERO),
    ("in the high byte", words(gradual(0, 255) << 8), {"bits": 16}, gradual(0, 255) << 8),
    ("in the high bits", words(TWELVE << 4), {"bits": 12, "HighBit": 15}, TWELVE),
    # Letters of the highest value on the darkest ground are edges, and no sign that has been lost.
    (
        "white letters",
        words(with_text(gradual(0, 1500), lambda _: np.int64(4095))),
        {"bits": 12},
        with_text(gradual(0, 1500), lambda _: np.int64(4095)),
    ),
    ("white letters beside black", words(ON_BLACK), {"bits": 12}, ON_BLACK),
    ("few values", words(np.kron(np.eye(8, dtype=int), np.full((8, 8), 4095))), {"bits": 12}, None),
]


@pytest.mark.parametrize(
    ("stored", "said", "values"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT]
)
def test_right_headers_are_believed(stored: np.ndarray, said: dict[str, int], values: np.ndarray) -> None:
    remarks: list[str] = []
    header = dicom(stored, **said)
    assert in_byte_order(stored, header, remarks.append) is stored
    bits = value_bits(stored, header, remarks.append)
    np.testing.assert_array_equal(bits.values(stored), stored if values is None else values)
    assert remarks == []


def test_an_overlay_in_the_bits_above_is_cleared_and_said(tmp_path: Path) -> None:
    stored = words(with_text(TWELVE, lambda values: values | 0x5000))
    pixels, mapping = read(dicom(stored, bits=12), tmp_path)
    np.testing.assert_allclose(pixels, full_range(TWELVE), atol=1)
    assert mapping == (
        f"full range {TWELVE.min()}..{TWELVE.max()}; "
        "despite BitsStored 12: bits above are set, which are no part of the values"
    )


def test_an_overlay_in_the_bits_below_is_cleared() -> None:
    stored = words(with_text(gradual(0, 255) << 8, lambda values: values | 1))
    header = dicom(stored, bits=8, HighBit=15)
    assert in_byte_order(stored, header, pytest.fail) is stored
    values = value_bits(stored, header, pytest.fail).values(stored)
    np.testing.assert_array_equal(values, gradual(0, 255))


def test_values_of_some_bits() -> None:
    # 0xABC above 4 bits; in two's complement of 12 bits 0xABC - 0x1000 = -1348.
    word = np.array([[0xABCD]], np.uint16)
    assert Bits(4, 12, False).values(word).tolist() == [[0xABC]]
    assert Bits(4, 12, True).values(word).tolist() == [[-1348]]
    # 0xCD in bits 0 to 7.
    assert Bits(0, 8, False).values(word).tolist() == [[0xCD]]
    assert Bits(0, 8, True).values(word).tolist() == [[0xCD - 256]]
    assert Bits(0, 16, True).values(word).dtype == np.int16


def test_an_image_without_neighbors_in_question_is_left_alone() -> None:
    # All values above half of the range: both readings are the same but for a constant.
    stored = words(gradual(2100, 4000))
    remarks: list[str] = []
    assert value_bits(stored, dicom(stored, 12, PixelRepresentation=1), remarks.append) == Bits(0, 12, True)
    assert remarks == []
    assert stored.shape == (SIDE, SIDE)
