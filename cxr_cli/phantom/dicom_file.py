"""A drawn image as a DICOM file: Digital X-Ray or Computed Radiography image (DICOM PS3.3, A.26 and A.2)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from cxr_cli.phantom.anatomy import Anatomy
from cxr_cli.phantom.canvas import FloatImage
from cxr_cli.phantom.cohort import PlannedImage

_IMAGE_MM = 400.0
_SOP_CLASSES = {"DX": DigitalXRayImageStorageForPresentation, "CR": ComputedRadiographyImageStorage}
_INSTITUTION = "Phantom General Hospital"


def write_dicom(path: Path, image: FloatImage, planned: PlannedImage, anatomy: Anatomy, seed: int) -> None:
    """Write an image [H, W] in 0..1, bone bright; the same arguments give the same bytes."""
    header = Dataset()
    header.file_meta = _file_meta(planned, seed)
    _identify(header, planned, anatomy, seed)
    _describe_system(header, planned)
    _describe_pixels(header, image, planned)
    header.save_as(path, enforce_file_format=True)


def stored_values(image: FloatImage, bits: int, inverted: bool) -> NDArray[np.uint16]:
    """An image in 0..1 as stored pixels of `bits` bits, dark where bone is if `inverted` (MONOCHROME1)."""
    shown = 1 - image if inverted else image
    return np.asarray(np.round(shown * (2**bits - 1)), np.uint16)


def _uid(seed: int, *what: object) -> UID:
    return generate_uid(entropy_srcs=["cxr phantom", str(seed), *map(str, what)])


def _file_meta(planned: PlannedImage, seed: int) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _SOP_CLASSES[planned.system.sop_class]
    meta.MediaStorageSOPInstanceUID = _uid(seed, "instance", planned.name)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _identify(header: Dataset, planned: PlannedImage, anatomy: Anatomy, seed: int) -> None:
    portable = planned.system.portable
    day = planned.study_date.strftime("%Y%m%d")
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID = _uid(seed, "study", planned.name)
    header.SeriesInstanceUID = _uid(seed, "series", planned.name)
    header.PatientID = planned.patient_id
    header.PatientName = f"PHANTOM^{planned.patient:04d}"
    header.PatientBirthDate = ""
    header.PatientSex = anatomy.sex
    header.PatientAge = f"{anatomy.age:03d}Y"
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = day
    header.StudyTime = header.ContentTime = ""
    header.StudyID = str(planned.number)
    header.AccessionNumber = ""
    header.ReferringPhysicianName = ""
    header.SeriesNumber = header.InstanceNumber = 1
    header.Modality = planned.system.sop_class
    header.StudyDescription = "XR CHEST PORTABLE" if portable else "XR CHEST"
    header.PerformedProcedureStepDescription = (
        f"Chest {planned.view_position} portable upright"
        if portable
        else f"Chest {planned.view_position} upright"
    )
    header.BodyPartExamined = "CHEST"
    header.ViewPosition = planned.view_position
    header.PatientOrientation = ["L", "F"]
    header.ImageLaterality = "U"
    header.ImageType = ["DERIVED", "PRIMARY"]  # drawn, not acquired


def _describe_system(header: Dataset, planned: PlannedImage) -> None:
    header.Manufacturer = planned.manufacturer_spelling
    header.ManufacturerModelName = planned.system.model
    header.StationName = planned.system.station
    header.InstitutionName = _INSTITUTION


def _describe_pixels(header: Dataset, image: FloatImage, planned: PlannedImage) -> None:
    bits = planned.system.bits
    inverted = planned.system.photometric == "MONOCHROME1"
    spacing = [f"{_IMAGE_MM / extent:.5f}" for extent in image.shape]
    header.Rows, header.Columns = image.shape
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = planned.system.photometric
    header.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    header.BitsAllocated = 16
    header.BitsStored = bits
    header.HighBit = bits - 1
    header.PixelRepresentation = 0
    header.PixelSpacing = header.ImagerPixelSpacing = spacing
    header.PixelIntensityRelationship = "LOG"
    header.PixelIntensityRelationshipSign = 1 if inverted else -1
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = 0, 1, "US"
    header.WindowCenter = 2 ** (bits - 1)
    header.WindowWidth = 2**bits
    header.BurnedInAnnotation = "NO"
    header.LossyImageCompression = "00"
    if planned.system.sop_class == "DX":
        header.PresentationIntentType = "FOR PRESENTATION"
    header.PixelData = stored_values(image, bits, inverted).astype("<u2").tobytes()
