"""DICOM display values against hand-worked numbers, pydicom's own functions, and real films."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_windowing
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from cxr_cli.artifacts import read_csv
from cxr_cli.dataset.dicom import has_preamble, read_dicom
from cxr_cli.dataset.raster import RejectedFilmError, read_raster

SIDE = 32


def film(values: Sequence[int], bits: int = 12, signed: bool = False, **elements: object) -> Dataset:
    """A DICOM film whose first stored values are `values`; all others repeat the last one."""
    stored = np.full((SIDE, SIDE), values[-1], np.int16 if signed else np.uint16)
    stored.ravel()[: len(values)] = values
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def lut(first: int, bits: int, data: Sequence[int]) -> list[Dataset]:
    table = Dataset()
    table.LUTDescriptor = [len(data), first, bits]
    table.add_new("LUTData", "US", list(data))
    return [table]


@pytest.fixture
def display(tmp_path: Path) -> Callable[..., list[int]]:
    """Write the dataset, read it back as a film, and give the first display values."""

    def read(dataset: Dataset, count: int) -> list[int]:
        dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
        return list(map(int, read_dicom(tmp_path / "film.dcm")[0].pixels.ravel()[:count]))

    return read


Display = Callable[[Dataset, int], list[int]]

FIVE = (0, 1000, 2000, 3000, 4000)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        # The full range of what is there: 255 * v / 4000 = 63.75, 127.5, 191.25.
        ({}, [0, 64, 128, 191, 255]),
        # c 2000, w 2001: black to 999.5, white from 2999.5, between 255 * (v - 1999.5) / 2000 + 127.5.
        ({"WindowCenter": 2000, "WindowWidth": 2001}, [0, 0, 128, 255, 255]),
        # The first of several windows; c 2000, w 4001: 255 * (1000 - 1999.5) / 4000 + 127.5 = 63.78.
        ({"WindowCenter": [2000, 100], "WindowWidth": [4001, 50]}, [0, 64, 128, 191, 255]),
        # A window wider than the values does not stretch them: c 2048, w 8193, (v - 2047.5) / 8192 + 0.5.
        ({"WindowCenter": 2048, "WindowWidth": 8193}, [64, 95, 126, 157, 188]),
        # Width 1: a step at c - 0.5.
        ({"WindowCenter": 2000, "WindowWidth": 1}, [0, 0, 255, 255, 255]),
        # Exact: (v - 2000) / 3200 + 0.5 = -0.13, 0.1875, 0.5, 0.8125, 1.13.
        (
            {"WindowCenter": 2000, "WindowWidth": 3200, "VOILUTFunction": "LINEAR_EXACT"},
            [0, 48, 128, 207, 255],
        ),
        # 1 / (1 + exp(-4 (v - 2000) / 2000)): exponents 4, 2, 0: 0.01799, 0.1192, 0.5, 0.8808, 0.9820.
        ({"WindowCenter": 2000, "WindowWidth": 2000, "VOILUTFunction": "SIGMOID"}, [5, 30, 128, 225, 250]),
        # Rescale comes before the window: v * 2 - 1000 = -1000, 1000, 3000, 5000, 7000; exact c 3000 w 8000.
        (
            {
                "RescaleSlope": 2,
                "RescaleIntercept": -1000,
                "WindowCenter": 3000,
                "WindowWidth": 8000,
                "VOILUTFunction": "LINEAR_EXACT",
            },
            [0, 64, 128, 191, 255],
        ),
        # A negative slope turns the full range round.
        ({"RescaleSlope": -1, "RescaleIntercept": 0}, [255, 191, 128, 64, 0]),
        # Inversion comes last and once, whether it is said once or twice.
        ({"PhotometricInterpretation": "MONOCHROME1"}, [255, 191, 127, 64, 0]),
        ({"PresentationLUTShape": "INVERSE"}, [255, 191, 127, 64, 0]),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            [255, 191, 127, 64, 0],
        ),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 1000, "WindowWidth": 2001},
            [255, 127, 0, 0, 0],
        ),
        ({"PresentationLUTShape": "IDENTITY"}, [0, 64, 128, 191, 255]),
        # An empty window is none.
        ({"WindowCenter": None, "WindowWidth": None}, [0, 64, 128, 191, 255]),
    ],
)
def test_display_values_are_those_worked_by_hand(
    display: Display, elements: dict[str, object], expected: list[int]
) -> None:
    assert display(film(FIVE, **elements), 5) == expected


def test_voi_lut_wins_over_the_window_and_clips_at_its_ends(display: Display) -> None:
    # From 100 on: 100 -> 0, 101 -> 20, 102 -> 200, 103 -> 1023 of 10 bits; 255 * 20 / 1023 = 4.99, 49.85.
    voi = lut(100, 10, [0, 20, 200, 1023])
    dataset = film((50, 100, 101, 102, 103, 4000), VOILUTSequence=voi, WindowCenter=1, WindowWidth=2)
    assert display(dataset, 6) == [0, 0, 5, 50, 255, 255]


def test_voi_lut_of_eight_bits_takes_values_over_255(display: Display) -> None:
    voi = lut(0, 8, [0] * 300 + [100] * 300 + [255] * 300)
    assert display(film((10, 299, 300, 599, 600, 899), VOILUTSequence=voi), 6) == [0, 0, 100, 100, 255, 255]


def test_voi_lut_in_implicit_little_endian(display: Display) -> None:
    dataset = film((0, 1, 2, 3), VOILUTSequence=lut(0, 16, [0, 65535, 257, 514]))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert display(dataset, 4) == [0, 255, 1, 2]


def test_modality_lut_comes_before_the_window(display: Display) -> None:
    elements = {"ModalityLUTSequence": lut(0, 16, [3000, 2000, 1000, 0]), "VOILUTFunction": "LINEAR_EXACT"}
    dataset = film((0, 1, 2, 3), WindowCenter=1500, WindowWidth=3000, **elements)
    assert display(dataset, 4) == [255, 170, 85, 0]


def test_signed_values(display: Display) -> None:
    assert display(film((-1000, 0, 1000), signed=True), 3) == [0, 128, 255]


def test_unused_high_bits_are_not_looked_at(display: Display) -> None:
    # An overlay of old: bits 12 to 15 set beside 12 stored bits.
    assert display(film((0xF000, 0x37D0, 4000)), 3) == [0, 128, 255]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(tmp_path: Path, function: str) -> None:
    values = np.random.default_rng(1).integers(0, 4096, SIDE * SIDE)
    dataset = film(list(map(int, values)), WindowCenter=1800.5, WindowWidth=1400.25, VOILUTFunction=function)
    dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    reference = apply_windowing(dcmread(tmp_path / "film.dcm").pixel_array, dataset) / 4095 * 255
    np.testing.assert_allclose(read_dicom(tmp_path / "film.dcm")[0].pixels, reference, atol=0.501)


def test_the_mapping_says_what_was_done(tmp_path: Path) -> None:
    dataset = film(FIVE, PhotometricInterpretation="MONOCHROME1", WindowCenter=10, WindowWidth=20)
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    assert read_dicom(tmp_path / "film.dcm")[0].mapping == "RLE Lossless; 12 bits; window; inverted"


def no_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def colour(dataset: Dataset) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0


def palette(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "PALETTE COLOR"


def several_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames, dataset.PixelData = 2, dataset.PixelData * 2


def no_rows(dataset: Dataset) -> None:
    del dataset.Rows


def tiny(dataset: Dataset) -> None:
    dataset.Rows = 16


def bomb(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 60_000


def short(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-2]


def narrow_window(dataset: Dataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = 100, 0


def odd_function(dataset: Dataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 100, 10, "SECRET"


def short_table(dataset: Dataset) -> None:
    dataset.VOILUTSequence = lut(0, 8, [1, 2, 3])
    dataset.VOILUTSequence[0].LUTDescriptor = [9, 0, 8]


def white_out(dataset: Dataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = -100, 10


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_pixels, "no pixel data"),
        (colour, "colour"),
        (palette, "colour"),
        (several_frames, "more than one frame"),
        (no_rows, "no Rows"),
        (tiny, "too small"),
        (bomb, "too large"),
        (short, "truncated"),
        (narrow_window, "window too narrow"),
        (odd_function, "function that is none of"),
        (short_table, "look-up table shorter"),
        (white_out, "constant"),
    ],
)
def test_what_cannot_be_displayed_is_rejected_with_a_reason(
    tmp_path: Path, spoil: Callable[[Dataset], None], reason: str
) -> None:
    dataset = film(FIVE, PatientName="SECRET^NAME")
    spoil(dataset)
    dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(RejectedFilmError, match=reason) as caught:
        read_dicom(tmp_path / "film.dcm")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_file_cut_off_anywhere_is_rejected_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], syntax: str, share: float
) -> None:
    values = np.random.default_rng(0).integers(0, 4096, SIDE * SIDE)
    dataset = film(list(map(int, values)))
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    path = tmp_path / "film.dcm"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(RejectedFilmError):
        read_dicom(path)
    assert capfd.readouterr() == ("", "")


def test_text_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_text("no film")
    assert not has_preamble(tmp_path / "film.dcm")
    with pytest.raises(RejectedFilmError, match="no DICOM file"):
        read_dicom(tmp_path / "film.dcm")


def test_a_header_with_an_unknown_character_set_warns_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = film(FIVE, InstitutionName="North")
    dataset.SpecificCharacterSet = "ISO_IR 999"
    with pytest.warns(UserWarning, match="encoding"):  # pydicom's, while the test writes the file
        dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    assert read_dicom(tmp_path / "film.dcm")[1]["institution"] == "North"
    assert capfd.readouterr().err == ""


def test_every_film_of_the_archive_is_read(real_films: Path) -> None:
    table = read_csv(real_films / "dicom" / "labels.csv")
    films = [read_dicom(real_films / "dicom" / path) for path in table["path"]]
    syntaxes = Counter(picture.mapping.split("; ")[0] for picture, _ in films)
    assert len(films) == 144
    assert sorted(syntaxes.values()) == [24] * 6
    for true_view, (_, header) in zip(table["true_view"], films, strict=True):
        assert header["view_position"] in ("", true_view)
        assert header["patient_id"].startswith("nih-")


def test_films_of_the_archive_look_like_the_pictures_they_were_made_of(real_films: Path) -> None:
    pictures = read_csv(real_films / "cxr3" / "metadata.csv")
    seen: set[str] = set()
    table = read_csv(real_films / "dicom" / "labels.csv")
    for path, label in zip(table["path"], table["label"], strict=True):
        picture, header = read_dicom(real_films / "dicom" / path)
        kind = picture.mapping.split("; ", 2)[2]
        same = pictures[(pictures["patient_id"] == header["patient_id"]) & (pictures["label"] == label)]
        if len(same) == 1 and kind not in seen:
            seen.add(kind)
            other = read_raster(real_films / "cxr3" / same["path"].iloc[0]).pixels
            assert _correlation(picture.pixels, other) > 0.9, (path, kind)
        if len(seen) == 6:  # window, VOI LUT, full range, each inverted and not
            return
    pytest.fail(f"only {sorted(seen)} compared")


def _correlation(film: np.ndarray, other: np.ndarray) -> float:
    """Correlation of the middle of two films at 128 x 128: black borders are painted over the outside."""
    small = [cv2.resize(pixels, (128, 128), interpolation=cv2.INTER_AREA) for pixels in (film, other)]
    return float(np.corrcoef([pixels[24:104, 24:104].ravel() for pixels in small])[0, 1])


def test_a_ct_slice_is_not_refused_for_its_class(display: Display) -> None:
    assert display(film(FIVE, SOPClassUID=CTImageStorage), 2) == [0, 64]
