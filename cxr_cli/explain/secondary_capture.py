"""An overlay as a DICOM Secondary Capture that refers to its source image (PS3.3 A.8.1)."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from cxr_cli import __version__
from cxr_cli.artifacts import atomic_path
from cxr_cli.images.archives import open_input
from cxr_cli.images.dicom.header import read_dataset
from cxr_cli.images.rejected import RejectedImageError

SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
DIRECTIONS = re.compile("[APRLHF]{1,3}")
EMPTY = (
    *("PatientName", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("SeriesNumber", "Manufacturer"),
)
"""Required but may be empty (type 2). They are left empty: no patient names or dates are copied."""


@dataclass(frozen=True)
class Derivation:
    """What a capture shows.

    Attributes:
        series: the series' description, at most 64 characters.
        description: how the overlay was made, at most 1,024 characters.
        settings: digest of all settings of the overlay; equal settings give equal UIDs.
    """

    series: str
    description: str
    settings: str


def read_source(path: Path) -> Dataset:
    """Read the header of the source image of a capture.

    Raises:
        RejectedImageError: not DICOM, or without the UIDs that a reference needs.
    """
    with open_input(path) as stream:
        source = read_dataset(stream)
    for keyword in NEEDED:
        if not source.get(keyword):
            raise RejectedImageError(f"no {keyword} in the header")
    return source


def write_secondary_capture(
    path: Path, overlay: NDArray[np.uint8], source: Dataset, patient_id: str, derivation: Derivation
) -> None:
    """Write an overlay as a capture in the study of its source image.

    It has the UIDs and the patient orientation of the source, so that a viewer can show both side by side,
    and a patient id; no name, date or free text of the source.

    Args:
        path: of the file.
        overlay: uint8 [H, W, 3].
        source: see `read_source`.
        patient_id: of the patient.
        derivation: what the overlay shows.
    """
    capture = Dataset()
    capture.file_meta = FileMetaDataset()
    _identify(capture, source, patient_id, derivation)
    _describe(capture, source, derivation)
    _put_pixels(capture, overlay)
    with atomic_path(path) as temporary:
        capture.save_as(temporary, enforce_file_format=True)


def _identify(capture: Dataset, source: Dataset, patient_id: str, derivation: Derivation) -> None:
    series = [derivation.settings, str(source.StudyInstanceUID)]
    capture.SpecificCharacterSet = "ISO_IR 192"
    for keyword in EMPTY:
        setattr(capture, keyword, "")
    capture.SOPClassUID = SecondaryCaptureImageStorage
    capture.SOPInstanceUID = generate_uid(entropy_srcs=[*series, str(source.SOPInstanceUID), "instance"])
    capture.StudyInstanceUID = source.StudyInstanceUID
    capture.SeriesInstanceUID = generate_uid(entropy_srcs=[*series, "series"])
    capture.PatientID = patient_id
    capture.InstanceNumber = 1
    capture.file_meta.MediaStorageSOPClassUID = capture.SOPClassUID
    capture.file_meta.MediaStorageSOPInstanceUID = capture.SOPInstanceUID
    capture.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _describe(capture: Dataset, source: Dataset, derivation: Derivation) -> None:
    capture.Modality = "OT"
    capture.ConversionType = "WSD"
    capture.SecondaryCaptureDeviceManufacturer = "cxr-cli"
    capture.SecondaryCaptureDeviceSoftwareVersions = __version__
    capture.SeriesDescription = derivation.series
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = derivation.description
    capture.PatientOrientation = _orientation(source)
    # Once lossy, always lossy (C.7.6.1.1.5). Annotations burned into the image stay visible.
    capture.LossyImageCompression = "01" if source.get("LossyImageCompression") == "01" else "00"
    if source.get("BurnedInAnnotation") in ("YES", "NO"):
        capture.BurnedInAnnotation = source.BurnedInAnnotation
    reference, purpose = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = SOURCE_IMAGE[:3]
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [purpose]
    capture.SourceImageSequence = [reference]


def _orientation(source: Dataset) -> list[str]:
    """The directions of rows and columns (C.7.6.1.1.1); nothing else that may stand in their place."""
    stated = source.get("PatientOrientation") or []
    given = [str(one) for one in ([stated] if isinstance(stated, str) else stated)]
    return given if all(DIRECTIONS.fullmatch(one) for one in given) else []


def _put_pixels(capture: Dataset, overlay: NDArray[np.uint8]) -> None:
    capture.Rows, capture.Columns, capture.SamplesPerPixel = overlay.shape
    capture.PhotometricInterpretation = "RGB"
    capture.PlanarConfiguration = 0
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit = 7
    capture.PixelRepresentation = 0
    pixels = np.ascontiguousarray(overlay).tobytes()
    capture.PixelData = pixels + b"\0" * (len(pixels) % 2)
