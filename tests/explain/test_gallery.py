"""The folder of overlays: images at their original size, captures, the index, and resuming."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from recorder import Recorder

from cxr_cli.artifacts import read_csv, write_record
from cxr_cli.errors import BadInput, SettingsChanged
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.explain import gallery
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.gallery import Display, Panel, is_done, write_gallery
from cxr_cli.explain.select import ImageSet
from cxr_cli.images.read import Geometry, UnreadImage, read_image
from cxr_cli.plots.thumbnails import Tile

GEOMETRY = Geometry(24, crop_top=0.1, crop_border=0.05)
SETTINGS = {"method": "gradcam"}
DISPLAY = Display(
    "red", shared_scale=False, source_root=Path(), captures=True, hashed_patients=False, digest="d" * 64
)


def image(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(60, 120, (height, width)).astype(np.uint8)


def write_dicom(path: Path, pixels: NDArray[np.uint8]) -> None:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = ComputedRadiographyImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid(entropy_srcs=["image"])
    header.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    header.PatientID, header.PatientName, header.PatientBirthDate = "P-7", "Doe^Jane", "19500101"
    header.StudyDescription = "seen by Dr Who"
    header.PatientOrientation = ["L", "F"]
    header.Modality = "CR"
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation = 7, 0
    header.PixelData = pixels.tobytes()
    header.save_as(path, enforce_file_format=True)


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    """Three images: a PNG of odd size, a DICOM file, and one whose file is gone."""
    paths = [tmp_path / "image.png", tmp_path / "image.dcm", tmp_path / "gone.png"]
    Image.fromarray(image(131, 97)).save(paths[0])
    write_dicom(paths[1], image(80, 110))
    Image.fromarray(image(64, 64)).save(paths[2])
    prepared = [read_image(UnreadImage(path), GEOMETRY) for path in paths]
    assert not any(isinstance(each, str) for each in prepared)
    paths[2].unlink()
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 1, 2] = 0.5
    maps[2, 0, 0] = 2.0
    table = pd.DataFrame(
        {
            "image_id": [each.image_id for each in prepared],
            "source": [str(path) for path in paths],
            "patient_id": ["a", "b", "c"],
            "label": ["normal", "covid19", ""],
            "pick": ["tp", "random", "random"],
            "predicted": ["normal", "normal", "covid19"],
            "predicted_score": [0.9, 0.6, 0.7],
            "target": ["normal", "covid19", "covid19"],
            "score": [0.9, 0.4, 0.7],
        }
    )
    images = np.stack([each.pixels for each in prepared])
    explanation = Explanation(ImageSet(images, np.arange(3), table), table, maps, "stage4")
    return Panel("run", "", explanation, GEOMETRY, "gradcam")


def pixels_of(path: Path) -> NDArray[np.int64]:
    """The image of an overlay, without the strip below it."""
    with Image.open(path) as image:
        width, height = map(int, image.info["image_size"].split())
        return np.asarray(image).astype(int)[:height, :width]


def test_overlays_have_the_images_original_size_and_the_map_where_it_belongs(
    panel: Panel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    index = write_gallery(out, SETTINGS, [panel], DISPLAY)
    assert index["drawn_on"].tolist() == [
        "image",
        "image",
        "DATASET image: the file cannot be opened (FileNotFoundError)",
    ]
    assert index["note"].tolist() == ["", "no positive values", ""]
    assert index["largest"].tolist() == [0.5, 0.0, 2.0]
    written = read_csv(out / "index.csv")
    assert written["image_id"].tolist() == panel.explanation.table["image_id"].tolist()
    assert (out / "sheet.png").stat().st_size > 0

    drawn = pixels_of(out / index["overlay"][0])
    assert drawn.shape == (131, 97, 3)
    # The model's input was rows 13 + 5 to 131 - 5, columns 4 to 97 - 4; the cell is in row 2, column 3 of 4.
    redness = drawn[..., 0] - drawn[..., 1]
    largest = np.unravel_index(redness.argmax(), redness.shape)
    assert largest == (pytest.approx(18 + 1.5 * 108 / 4, abs=3), pytest.approx(4 + 2.5 * 89 / 4, abs=3))
    assert not redness[:18].any()
    assert not redness[:, :4].any()
    # No color: a map without positive values is not rescaled.
    plain = pixels_of(out / index["overlay"][1])
    assert plain.shape == (80, 110, 3)
    assert (plain[..., 0] == plain[..., 1]).all()
    assert pixels_of(out / index["overlay"][2]).shape == (24, 24, 3)


def test_maps_are_stored_as_they_are(panel: Panel, tmp_path: Path) -> None:
    write_gallery(tmp_path / "out", SETTINGS, [panel], DISPLAY)
    with np.load(tmp_path / "out" / "maps.npz") as content:
        np.testing.assert_array_equal(content["maps"], panel.explanation.maps)
        assert content["image_id"].tolist() == panel.explanation.table["image_id"].tolist()
        assert content["target"].tolist() == ["normal", "covid19", "covid19"]
        assert [str(content[name]) for name in ("layer", "method", "run")] == ["stage4", "gradcam", "run"]


def test_with_a_shared_scale_only_the_largest_value_of_all_is_opaque(panel: Panel, tmp_path: Path) -> None:
    redness = []
    for shared in (False, True):
        out = tmp_path / str(shared)
        index = write_gallery(out, SETTINGS, [panel], replace(DISPLAY, shared_scale=shared))
        drawn = pixels_of(out / index["overlay"][0])
        redness.append((drawn[..., 0] - drawn[..., 1]).max())
    assert redness[1] == pytest.approx(redness[0] * 0.5 / 2.0, abs=3)


def test_a_capture_refers_to_its_image_and_has_no_other_data_of_the_patient(
    panel: Panel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    index = write_gallery(out, SETTINGS, [panel], DISPLAY)
    assert index["dicom"].tolist() == ["", f"dicom/{panel.explanation.table['image_id'][1]}.dcm", ""]
    source, capture = pydicom.dcmread(tmp_path / "image.dcm"), pydicom.dcmread(out / index["dicom"][1])
    assert capture.SOPClassUID.name == "Secondary Capture Image Storage"
    assert capture.StudyInstanceUID == source.StudyInstanceUID
    assert capture.PatientID == "P-7"
    assert capture.PatientOrientation == ["L", "F"]
    (reference,) = capture.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == source.SOPClassUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert capture.SOPInstanceUID != source.SOPInstanceUID
    assert capture.ImageType == ["DERIVED", "SECONDARY"]
    assert capture.ConversionType == "WSD"
    assert "not for diagnosis" in capture.DerivationDescription
    everything = str(capture)
    assert not any(secret in everything for secret in ("Jane", "1950", "Dr Who"))
    # Type 1 and 2 of Patient, General Study, General Series, SC Equipment and Image Pixel (PS3.3 A.8.1.3).
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate"),
        *("StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber", "Modality"),
        *("SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "SOPClassUID", "SOPInstanceUID"),
    ):
        assert keyword in capture
    pixels = capture.pixel_array
    with Image.open(out / index["overlay"][1]) as whole:
        np.testing.assert_array_equal(pixels, np.asarray(whole))
    # The strip below it says what it is.
    assert pixels.shape[0] > 80
    assert pixels[80:].max() == 255
    again = tmp_path / "again"
    write_gallery(again, SETTINGS, [panel], DISPLAY)
    assert (again / index["dicom"][1]).read_bytes() == (out / index["dicom"][1]).read_bytes()


def test_a_capture_has_the_hash_where_patients_are_hashed(panel: Panel, tmp_path: Path) -> None:
    out = tmp_path / "out"
    index = write_gallery(out, SETTINGS, [panel], replace(DISPLAY, hashed_patients=True))
    assert pydicom.dcmread(out / index["dicom"][1]).PatientID == "b"


def test_existing_overlays_are_kept_and_the_others_drawn(panel: Panel, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert not is_done(out, SETTINGS)
    index = write_gallery(out, SETTINGS, [panel], DISPLAY)
    assert is_done(out, SETTINGS)
    first, second = (out / index["overlay"][number] for number in (0, 1))
    whole = second.read_bytes()
    (out / "index.csv").unlink()
    second.unlink()
    assert not is_done(out, SETTINGS)
    kept = first.stat().st_mtime_ns
    pd.testing.assert_frame_equal(write_gallery(out, SETTINGS, [panel], DISPLAY), index)
    assert first.stat().st_mtime_ns == kept
    assert second.read_bytes() == whole


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not empty and holds no maps"):
        is_done(tmp_path, SETTINGS)
    write_record(tmp_path / "gradcam.json", SETTINGS)
    with pytest.raises(SettingsChanged, match="`method` was 'gradcam', now 'layercam'; name a new folder"):
        is_done(tmp_path, {"method": "layercam"})


def test_a_file_with_other_pixels_is_not_drawn_on(panel: Panel, tmp_path: Path) -> None:
    Image.fromarray(image(90, 90)).save(tmp_path / "image.png")
    index = write_gallery(tmp_path / "out", SETTINGS, [panel], DISPLAY)
    assert index["drawn_on"][0] == "DATASET image: the file has changed since preprocessing"


def test_a_sheet_shows_each_image_beside_its_map_with_file_score_and_threshold(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets: list[tuple[str, list[list[Tile]]]] = []

    def contact_sheets(images: int, tiles_of: Callable[[int], list[Tile]], heading: str, *_: Any) -> None:
        sheets.append((heading, [tiles_of(image) for image in range(images)]))

    monkeypatch.setattr(gallery, "contact_sheets", contact_sheets)
    recorder = Recorder()
    decided = replace(panel, point=OperatingPoint("covid19", 0.4, "Youden"))
    write_gallery(tmp_path / "out", SETTINGS, [decided], DISPLAY, recorder)
    [(heading, [[plain, drawn], [_, of_other], _])] = sheets
    assert heading == "run: Grad-CAM, stage4, 4×4 cells"
    assert (plain.title, plain.pixels.ndim) == ("image", 2)
    assert drawn.title == "true positive, label normal\npredicted P(normal) 0.90"
    assert drawn.below == f"image.png\n{panel.explanation.table['image_id'][0]}"
    assert "map: P(covid19) 0.40, threshold 0.40" in of_other.title
    assert [message for message in recorder.said if "4×4 cells, fewer than 7×7" in message]
    # A file's name may hold a patient id.
    write_gallery(tmp_path / "hashed", SETTINGS, [panel], replace(DISPLAY, hashed_patients=True))
    assert sheets[1][1][0][1].below == panel.explanation.table["image_id"][0]
