"""Phantoms as DICOM: tags as planned, and pixels that pydicom gives back as drawn."""

from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cxr_cli.phantom.anatomy import draw_anatomy
from cxr_cli.phantom.cohort import PlannedImage
from cxr_cli.phantom.dicom_file import stored_values, write_dicom
from cxr_cli.phantom.systems import SYSTEMS, ImagingSystem

ANATOMY = draw_anatomy(np.random.default_rng(0))
IMAGE = np.linspace(0, 1, 40 * 32, dtype=np.float32).reshape(40, 32)


def _planned(system: ImagingSystem, number: int = 2) -> PlannedImage:
    return PlannedImage(
        patient=7,
        number=number,
        finding="normal",
        system=system,
        manufacturer_spelling=system.spellings[-1],
        view_position="AP" if system.portable else "PA",
        study_date=date(2020, 2, 29),
        shortcut=False,
    )


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: f"{system.manufacturer} {system.model}")
def test_a_file_holds_its_system_and_its_pixels(system: ImagingSystem, tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", IMAGE, _planned(system), ANATOMY, seed=3)
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert header.Manufacturer == system.spellings[-1]
    assert header.ManufacturerModelName == system.model
    assert header.StationName == system.station
    assert header.Modality == system.sop_class
    assert ("portable" in header.PerformedProcedureStepDescription) == system.portable
    assert ("PORTABLE" in header.StudyDescription) == system.portable
    assert header.ViewPosition == ("AP" if system.portable else "PA")
    assert (header.Rows, header.Columns) == (40, 32)
    assert header.BitsStored == system.bits == header.HighBit + 1
    stored = header.pixel_array.astype(float) / (2**system.bits - 1)
    shown = 1 - stored if header.PhotometricInterpretation == "MONOCHROME1" else stored
    assert header.PhotometricInterpretation == system.photometric
    assert header.PresentationLUTShape == ("INVERSE" if system.photometric == "MONOCHROME1" else "IDENTITY")
    assert shown == pytest.approx(IMAGE, abs=0.51 / (2**system.bits - 1))


def test_the_patient_is_invented_and_the_date_is_the_plans(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", IMAGE, _planned(SYSTEMS[0]), ANATOMY, seed=3)
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert header.PatientID == "P0007"
    assert str(header.PatientName) == "PHANTOM^0007"
    assert header.PatientBirthDate == ""
    assert header.PatientSex == ANATOMY.sex
    assert header.PatientAge == f"{ANATOMY.age:03d}Y"
    assert header.StudyDate == "20200229"
    assert header.InstitutionName == "Phantom General Hospital"
    assert header.PixelSpacing == [10.0, 12.5]  # 400 mm over 40 rows and 32 columns
    assert header.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian


def test_uids_follow_seed_and_image_and_nothing_else(tmp_path: Path) -> None:
    def uids(name: str, number: int, seed: int) -> tuple[str, str]:
        write_dicom(tmp_path / name, IMAGE, _planned(SYSTEMS[0], number), ANATOMY, seed)
        header = pydicom.dcmread(tmp_path / name, stop_before_pixels=True)
        assert header.SOPInstanceUID == header.file_meta.MediaStorageSOPInstanceUID
        return header.SOPInstanceUID, header.StudyInstanceUID

    assert uids("a", 1, 0) == uids("b", 1, 0)
    assert len({*uids("c", 1, 0), *uids("d", 2, 0), *uids("e", 1, 1)}) == 6


def test_the_whole_range_of_bits_is_used() -> None:
    ends = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert stored_values(ends, 10, inverted=False).tolist() == [[0, 512, 1023]]
    assert stored_values(ends, 16, inverted=True).tolist() == [[65535, 32768, 0]]
