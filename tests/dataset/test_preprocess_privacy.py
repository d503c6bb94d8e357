"""What of a patient and of a machine reaches a dataset, from DICOM headers and label tables."""

import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from recorder import Recorder

from cxr_cli.artifacts import read_json
from cxr_cli.dataset.preprocess import Effort, make_dataset
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.dataset.settings import Settings
from cxr_cli.errors import InvalidSetting, SettingsChanged
from cxr_cli.images.privacy import pseudonym
from cxr_cli.images.read import Geometry
from cxr_cli.labels.table import Columns

KEY = b"sixteen bytes at"
OTHER_KEY = b"other bytes, too"
SECRETS = ("SMITH", "19600520", "20100519", "ACC-77", "Dr. Who")


def write_image(path: Path, **elements: object) -> None:
    """A DICOM image of noise that its file's name decides, with a header full of secrets."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = "1.2.3"
    stored = np.random.default_rng(list(path.name.encode())).integers(0, 4096, (32, 32)).astype(np.uint16)
    described = {
        "PatientName": "SMITH^JOHN",
        "PatientID": "MRN 5",
        "PatientBirthDate": "19600520",
        "StudyDate": "20100519",
        "AccessionNumber": "ACC-77",
        "ReferringPhysicianName": "Dr. Who",
        "StudyDescription": "SMITH^JOHN chest portable ACC-77",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 32,
        "Columns": 32,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": stored.tobytes(),
        **elements,
    }
    for keyword, value in described.items():
        setattr(image, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two images of one class, whose manufacturers have several spellings, and one that cannot be read."""
    write_image(tmp_path / "images" / "x" / "a.dcm", Manufacturer="Philips Medical Systems")
    write_image(tmp_path / "images" / "x" / "b.dcm", Manufacturer="ACME GmbH")
    write_image(tmp_path / "images" / "x" / "c.dcm", Manufacturer="Umbrella", Rows=64)
    return tmp_path / "images"


def make(images: Path, to: Path, settings: Settings) -> list[str]:
    said: list[str] = []
    make_dataset([images], to, settings, Effort(0), reporter=Recorder(said))
    return said


def everything_in(folder: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.iterdir()))


def test_no_header_secret_reaches_the_dataset(tmp_path: Path, images: Path) -> None:
    said = make(images, tmp_path / "d", Settings(Geometry(16)))
    text = everything_in(tmp_path / "d") + "".join(said)
    assert [secret for secret in SECRETS if secret in text] == []
    manifest = open_dataset(tmp_path / "d").manifest
    for column, value in {
        "patient_id": "MRN 5",
        "age": "49",
        "year": "2010",
        "portable": "portable",
        "portable_evidence": "StudyDescription portable +3",
    }.items():
        assert manifest[column].tolist() == [value, value]


def test_unmapped_manufacturers_are_listed_until_a_table_has_them(tmp_path: Path, images: Path) -> None:
    said = make(images, tmp_path / "d", Settings(Geometry(16)))
    # The third spelling is of an image that gave no row.
    assert said == [
        "manufacturers in no table, kept as they are spelled (`manufacturers` adds them): 'ACME GmbH'",
        "images of unknown view, taken: 2 of 2",
    ]
    manifest = open_dataset(tmp_path / "d").manifest
    assert manifest["manufacturer"].tolist() == ["Philips", "ACME GmbH"]
    assert read_json(tmp_path / "d" / "dataset.json")["unmapped_manufacturers"] == ["ACME GmbH"]
    table = tmp_path / "own.toml"
    table.write_text('"Acme" = ["acme"]\n')
    assert make(images, tmp_path / "e", Settings(Geometry(16), manufacturers=table)) == [
        "images of unknown view, taken: 2 of 2"
    ]
    manifest = open_dataset(tmp_path / "e").manifest
    assert manifest["manufacturer"].tolist() == ["Philips", "Acme"]
    assert manifest["manufacturer_raw"].tolist() == ["Philips Medical Systems", "ACME GmbH"]
    table.write_text('"Acme" = ["acme gmbh"]\n')
    with pytest.raises(SettingsChanged, match="the content of `manufacturers` was"):
        make(images, tmp_path / "e", Settings(Geometry(16), manufacturers=table))


def test_tags_are_kept_on_the_users_wish(tmp_path: Path, images: Path) -> None:
    make(images, tmp_path / "d", Settings(Geometry(16), keep_tags=("StudyDate", "KVP")))
    manifest = open_dataset(tmp_path / "d").manifest
    assert manifest["StudyDate"].tolist() == ["20100519", "20100519"]
    assert manifest["KVP"].tolist() == ["", ""]
    (tmp_path / "t.csv").write_text("path,label,StudyDate\na.dcm,x,1\n")
    settings = Settings(Geometry(16), (tmp_path / "t.csv",), keep_tags=("StudyDate",))
    with pytest.raises(
        InvalidSetting, match="`keep_tags` StudyDate: the label table has a column of that name"
    ):
        make(images, tmp_path / "e", settings)


def test_patients_of_headers_and_tables_are_hashed_alike(tmp_path: Path, images: Path) -> None:
    make(images, tmp_path / "d", Settings(Geometry(16), key=KEY))
    assert "MRN 5" not in everything_in(tmp_path / "d")
    assert not re.search(r"\ba\.dcm", everything_in(tmp_path / "d"))
    manifest = open_dataset(tmp_path / "d").manifest

    assert manifest["source"].tolist() == [
        f"{pseudonym(str(images / 'x' / name), KEY)}.dcm" for name in ("a.dcm", "b.dcm")
    ]
    assert KEY.decode() not in everything_in(tmp_path / "d")
    (tmp_path / "t.csv").write_text("path,label,who,patient_id\na.dcm,x,MRN 5,MRN 9\nb.dcm,x,,MRN 5\n")
    settings = Settings(Geometry(16), (tmp_path / "t.csv",), Columns(patient="who"), key=KEY)
    make(images, tmp_path / "t", settings)
    assert "MRN" not in everything_in(tmp_path / "t")
    assert not re.search(r"\ba\.dcm", everything_in(tmp_path / "t"))  # the table's own column of paths
    patient = pseudonym("MRN 5", KEY)
    for folder in ("d", "t"):
        assert open_dataset(tmp_path / folder).manifest["patient_id"].tolist() == [patient, patient]


def test_images_with_text_burned_in_are_counted_and_found(tmp_path: Path) -> None:
    for name, burned in (("a", "YES"), ("b", "NO")):
        write_image(tmp_path / "images" / "x" / f"{name}.dcm", BurnedInAnnotation=burned)
    said = make(tmp_path / "images", tmp_path / "d", Settings(Geometry(16)))
    assert any("burned into the pixels: look at them before they travel: 1 of 2 (column" in of for of in said)
    mapping = open_dataset(tmp_path / "d").manifest["pixel_mapping"]
    assert mapping.str.contains("BurnedInAnnotation YES").tolist() == [True, False]


def test_spellings_of_a_hashed_id_are_one_patient(tmp_path: Path) -> None:
    for name, patient in (("a", "MRN 5"), ("b", "mrn5"), ("c", "MRN 6")):
        write_image(tmp_path / "images" / "x" / f"{name}.dcm", PatientID=patient)
    said = make(tmp_path / "images", tmp_path / "d", Settings(Geometry(16), key=KEY))
    assert "MRN" not in everything_in(tmp_path / "d").upper() + "".join(said).upper()
    one, other, third = (pseudonym(patient, KEY) for patient in ("MRN 5", "mrn5", "MRN 6"))
    manifest = open_dataset(tmp_path / "d").manifest
    assert manifest["patient_id"].tolist() == [one, one, third]
    assert manifest["patient_id_raw"].tolist() == [one, other, third]
    assert f"each taken as one patient: 1, such as {one!r} and {other!r}" in said[0]
    (tmp_path / "t.csv").write_text("path,label,patient_id_raw\na.dcm,x,MRN 9\n")
    settings = Settings(Geometry(16), (tmp_path / "t.csv",), key=KEY)
    make(tmp_path / "images", tmp_path / "t", settings)
    assert "MRN" not in everything_in(tmp_path / "t")


def test_another_key_is_refused(tmp_path: Path, images: Path) -> None:
    make(images, tmp_path / "d", Settings(Geometry(16), key=KEY))
    for key in (OTHER_KEY, None):
        with pytest.raises(SettingsChanged, match="the key of `pseudonymize` was") as refused:
            make(images, tmp_path / "d", Settings(Geometry(16), key=key))
        assert KEY.decode() not in str(refused.value)
