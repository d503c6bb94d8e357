"""Look-up tables whose descriptor and data disagree."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_image import dicom, full_range, gradual, read
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from cxr_cli.images.dicom.tables import UnusableError, read_table
from cxr_cli.images.rejected import RejectedImageError

TWELVE = gradual(10, 4000)


def curve(highest: int, entries: int = 4096) -> np.ndarray:
    """Entries from 0 to `highest`, darker in the middle than a line."""
    return np.rint(highest * np.linspace(0, 1, entries) ** 1.5).astype("<u2")


def item(descriptor: Sequence[int], data: Any, kind: str = "US") -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", kind, list(descriptor))
    table.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return table


def shown(entries: np.ndarray, values: np.ndarray, first: int = 0) -> np.ndarray:
    """What a table shows: its own highest entry is white."""
    return np.rint(entries[np.clip(values - first, 0, len(entries) - 1)] / entries.max() * 255)


@pytest.mark.parametrize(("said", "used"), [(16, 12), (12, 16), (16, 10), (8, 16)])
def test_the_highest_entry_is_white_whatever_bits_are_said(tmp_path: Path, said: int, used: int) -> None:
    entries = curve(2**used - 1)
    table = item((4096, 0, said), entries.tobytes())
    pixels, mapping = read(dicom(TWELVE.astype(np.uint16), 12, VOILUTSequence=[table]), tmp_path)
    np.testing.assert_array_equal(pixels, shown(entries, TWELVE))
    assert mapping == f"voi lut; despite LUTDescriptor of {said} bits: the entries have {used}"


@pytest.mark.parametrize(
    ("values", "word", "kind", "rescale"),
    [
        (gradual(-10, 3000), 40000, "US", 40000),
        (gradual(-2000, 1800), 65536 - 2000, "US", 0),
        (gradual(-2000, 1800), -2000, "SS", 0),
        (gradual(40000, 43000), 40000, "US", 0),
        (gradual(40000, 43000), 40000 - 65536, "SS", 0),
        (gradual(0, 3000), 65536 - 1024, "US", -1024),
    ],
)
def test_the_first_value_has_the_sign_of_the_values(
    tmp_path: Path, values: np.ndarray, word: int, kind: str, rescale: int
) -> None:
    entries = curve(4095)
    stored = values.astype(np.int16 if values.min() < 0 else np.uint16)
    tables = [item((4096, word, 12), entries.tobytes(), kind)]
    dataset = dicom(stored, RescaleSlope=1, RescaleIntercept=rescale, VOILUTSequence=tables)
    first = word % 2**16 - (2**16 if values.min() + rescale < 0 else 0)
    np.testing.assert_array_equal(read(dataset, tmp_path)[0], shown(entries, values + rescale, first))


EIGHT = curve(255, 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [
        ((256, 0, 8), EIGHT.tobytes()),
        ((256, 0, 8), np.frombuffer(EIGHT.tobytes(), "<u2").tolist()),
        ((256, 0, 8), EIGHT.astype("<u2").tobytes()),
        ((256, 0, 16), EIGHT.tobytes()),
        ((255, 0, 8), EIGHT.tobytes()),
    ],
    ids=["bytes", "two in a word", "one in a word", "said to have 16 bits", "one to fill up"],
)
def test_entries_of_8_bits(tmp_path: Path, descriptor: Sequence[int], data: Any) -> None:
    values = gradual(0, 255)
    dataset = dicom(values.astype(np.uint8), VOILUTSequence=[item(descriptor, data)])
    pixels, _ = read(dataset, tmp_path)
    np.testing.assert_array_equal(pixels, shown(EIGHT[: descriptor[0]], values))


@pytest.mark.parametrize(
    ("said", "there", "remark"),
    [
        (0, 4096, ""),
        (4097, 4096, ""),
        (256, 4096, "; despite LUTDescriptor of 256 entries: LUTData has 4096"),
    ],
)
def test_entries_are_counted(tmp_path: Path, said: int, there: int, remark: str) -> None:
    entries = curve(4095, there)
    dataset = dicom(TWELVE.astype(np.uint16), 12, VOILUTSequence=[item((said, 0, 12), entries.tobytes())])
    pixels, mapping = read(dataset, tmp_path)
    np.testing.assert_array_equal(pixels, shown(entries, TWELVE))
    assert mapping == f"voi lut{remark}"


def test_0_entries_are_65536(tmp_path: Path) -> None:
    values, entries = gradual(0, 65535), curve(65535, 65536)
    dataset = dicom(values.astype(np.uint16), VOILUTSequence=[item((0, 0, 16), entries.tobytes())])
    np.testing.assert_array_equal(read(dataset, tmp_path)[0], shown(entries, values))


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        (
            [item((4096, 0, 12), curve(4095, 900).tobytes())],
            "LUTDescriptor says 4096 entries, LUTData has 900",
        ),
        ([item((4096, 0, 12), bytes(8192))], "all entries of LUTData are 0"),
        ([item((4096, 0, 12), b"")], "LUTData has no entries"),
        ([item((4096, 0), curve(4095).tobytes())], "LUTDescriptor has 2 values"),
        ([Dataset()], "LUTDescriptor has 0 values"),
        ([item((4096, 60000, 12), curve(4095).tobytes())], "100% would be black"),
    ],
)
def test_without_a_table_that_can_be_applied_there_is_the_full_range(
    tmp_path: Path, tables: list[Dataset], reason: str
) -> None:
    pixels, mapping = read(dicom(TWELVE.astype(np.uint16), 12, VOILUTSequence=tables), tmp_path)
    np.testing.assert_array_equal(pixels, full_range(TWELVE))
    assert mapping == f"full range 10..4000; despite VOILUTSequence: {reason}"


def test_the_next_table_or_window_is_taken_instead(tmp_path: Path) -> None:
    good, bad = item((4096, 0, 12), curve(4095).tobytes()), item((4096, 0, 12), b"")
    image = dicom(TWELVE.astype(np.uint16), 12, WindowCenter=2000, WindowWidth=3000)
    image.VOILUTSequence = [bad, good]
    pixels, mapping = read(image, tmp_path)
    np.testing.assert_array_equal(pixels, shown(curve(4095), TWELVE))
    assert mapping == "voi lut; despite VOILUTSequence: LUTData has no entries"
    image.VOILUTSequence = [bad]
    assert (
        read(image, tmp_path)[1] == "window 2000 3000 LINEAR; despite VOILUTSequence: LUTData has no entries"
    )


def test_a_modality_table_that_cannot_be_applied_is_a_reject(tmp_path: Path) -> None:
    table = item((4096, 0, 16), curve(4095, 900).tobytes())
    with pytest.raises(
        RejectedImageError, match=r"modality LUT .*: LUTDescriptor says 4096 entries, LUTData has 900"
    ):
        read(dicom(TWELVE.astype(np.uint16), 12, ModalityLUTSequence=[table]), tmp_path)


def test_modality_and_voi_table(tmp_path: Path) -> None:
    first, second = curve(4095)[::-1].copy(), curve(65535)
    image = dicom(TWELVE.astype(np.uint16), 12, PhotometricInterpretation="MONOCHROME1")
    image.ModalityLUTSequence = [item((4096, 0, 16), first.tobytes())]
    image.VOILUTSequence = [item((4096, 0, 16), second.tobytes())]
    pixels, mapping = read(image, tmp_path)
    np.testing.assert_array_equal(pixels, 255 - shown(second, first[TWELVE].astype(int)))
    assert mapping == "modality lut; voi lut"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("entries", [curve(4095, 256), EIGHT], ids=["words", "bytes"])
def test_tables_in_other_transfer_syntaxes(tmp_path: Path, syntax: str, entries: np.ndarray) -> None:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    values = gradual(0, 255)
    image = dicom(values.astype(f"{order}u2"), 12)
    image.file_meta.TransferSyntaxUID = syntax
    words = np.frombuffer(entries.tobytes(), "<u2").astype(f"{order}u2")
    image.VOILUTSequence = [item((256, 0, int(entries.max()).bit_length()), words.tobytes())]
    pixels, mapping = read(image, tmp_path)
    np.testing.assert_array_equal(pixels, shown(entries, values))
    assert mapping == "voi lut"


def test_values_past_the_table_have_its_ends() -> None:
    table = read_table(item((3, 10, 8), [1, 2, 3]), 0, 100, False, lambda _: None)
    assert table.look_up(np.array([0, 10, 11, 12.4, 13, 99])).tolist() == [1, 1, 2, 3, 3, 3]
    with pytest.raises(UnusableError):
        read_table(item((9, 10, 8), [1, 2]), 0, 100, False, lambda _: None)
