"""DICOM files that others made: the real archive beside its PNG and JPEG files, and pydicom's test files."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pydicom.data
import pytest

from cxr_cli.artifacts import read_csv
from cxr_cli.images.dicom.header import read_dataset
from cxr_cli.images.dicom.read import read_dicom
from cxr_cli.images.dicom.stored import stored_values
from cxr_cli.images.read import Geometry, UnreadImage, read_image
from cxr_cli.images.rejected import RejectedImageError

PYDICOM_FILES = Path(pydicom.data.__file__).parent
SECONDS_A_FILE = 30

DAMAGED = {"badVR.dcm", "JPEG2000-embedded-sequence-delimiter.dcm"}
"""The files of pydicom that no decoder here reads: values that break their type, a broken codestream."""


@cache
def small_image(path: Path) -> np.ndarray:
    """The same of a file as OpenCV reads it."""
    return small(cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_4))


def small(image: np.ndarray) -> np.ndarray:
    """The middle of an image, [40, 40] of 64 x 64: the archive has black borders painted over the outside."""
    return cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)[12:-12, 12:-12].ravel()


def test_every_image_of_the_archive_looks_like_the_file_it_was_made_of(real_images: Path) -> None:
    originals = read_csv(real_images / "cxr3" / "metadata.csv")
    table = read_csv(real_images / "dicom" / "labels.csv")
    seen: Counter[str] = Counter()
    for path, label, view in zip(table["path"], table["label"], table["true_view"], strict=True):
        image, record = read_dicom(real_images / "dicom" / path)
        same = originals[(originals["patient_id"] == record["patient_id"]) & (originals["label"] == label)]
        others = (small_image(real_images / "cxr3" / original) for original in same["path"])
        # A correlation that is right in sign as well: an image not inverted where it should be has -0.99.
        assert any(np.corrcoef(small(image.pixels), other)[0, 1] > 0.99 for other in others), path
        assert record["view_position"] in ("", view)
        seen.update([record["transfer_syntax"], record["inverted"], image.mapping.split()[0]])
    assert seen["yes"] + seen["no"] == 144
    assert (seen["yes"], seen["window"], seen["voi"], seen["full"]) == (36, 87, 19, 38)
    assert sum(count == 24 for count in seen.values()) == 6  # transfer syntaxes


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Break off what hangs."""

    def break_off(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, break_off)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_every_file_of_pydicom_is_an_image_or_a_named_reject(capfd: pytest.CaptureFixture[str]) -> None:
    files = [path for path in sorted(PYDICOM_FILES.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    images, undecoded = 0, set()
    for path in files:
        with no_longer_than(SECONDS_A_FILE):
            image = read_image(UnreadImage(path), Geometry(32))
        if isinstance(image, str):
            assert image
            undecoded |= {path.name} if "cannot be decoded (" in image else set()
        else:
            images += 1
            assert image.pixels.shape == (32, 32)
            assert image.header["transfer_syntax"]
    assert undecoded <= DAMAGED
    assert images >= 25
    assert len(files) > 150
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["RLE", "bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"]
)
def test_one_image_in_many_encodings(name: str) -> None:
    folder = PYDICOM_FILES / "test_files"
    other, image = (read_dicom(folder / f"MR_small{suffix}.dcm")[0] for suffix in (f"_{name}", ""))
    np.testing.assert_array_equal(other.pixels, image.pixels)
    assert other.mapping == "window 600 1600 LINEAR"


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_jpeg_of_12_bits_has_the_values_that_pydicom_tests_for(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # pydicom: tests/pixels/pixels_reference.py, values of the decoder of the JPEG committee.
    with (PYDICOM_FILES / "test_files" / name).open("rb") as stream:
        stored = stored_values(read_dataset(stream))
    assert (stored[420, 140], stored[230, 120]) == (244, 95)
    capfd.readouterr()  # gdcm tries other precisions first and says so, which read_dicom keeps to itself


def test_damaged_jpeg_2000_does_not_end_the_process(tmp_path: Path) -> None:
    # 128 bits a value by the codestream's header (Ssiz, ISO 15444-1 A.5.1), at which gdcm aborts.
    content = bytearray((PYDICOM_FILES / "test_files" / "MR_small_jp2klossless.dcm").read_bytes())
    content[content.index(b"\xff\x4f\xff\x51") + 42] = 0xFF
    (tmp_path / "image.dcm").write_bytes(content)
    with pytest.raises(RejectedImageError, match="cannot be decoded"):
        read_dicom(tmp_path / "image.dcm")
