"""A small study whose files try all that text can do, and whose DICOM headers are full of a patient."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

IMAGES = 16
SMALL = ("--size", 32, "--workers", 0)
SIDE = 40

CLASSES = (
    "<script>alert(1)</script>_%$x$&|*`\x1b[31m#~^{}\\frac{",
    "../../b\\input{/etc/passwd}\u202e \U0001fac1 = " + "x" * 300,
)
COLUMN = "site <b>|&_%$\\$\x1b]0;t\x07"
SITES = ('=HYPERLINK("http://x")\n| <img src=x onerror=alert(1)>', "\u202e..\\..\x9b2J_$\\alpha")

DATE, TIME, AGED = "19230417", "031407", "1923"
"""Of the patient; the year is of birth."""
MARK = "Zzyzx"
"""In every text of the header."""

KEPT = (
    *("PatientID", "PatientSex", "PatientAge", "Manufacturer", "ManufacturerModelName", "StationName"),
    *("InstitutionName", "ViewPosition"),
)
"""What the manifest is documented to have, as it is written."""
OF_PIXELS = (
    *("SpecificCharacterSet", "PhotometricInterpretation", "ImageType", "Modality", "BurnedInAnnotation"),
    *("PresentationIntentType", "PresentationLUTShape", "BodyPartExamined", "VOILUTFunction"),
    *("ImageLaterality",),
)
TEXTS = {"LO": 60, "SH": 14, "ST": 60, "LT": 60, "UT": 60, "UC": 60, "PN": 60, "CS": 14, "AE": 14, "UR": 30}
"""Value representations that hold a text, and how much of it."""


def fill(header: Dataset) -> None:
    """Give a data set a value for every attribute of text, date or time that the dictionary has."""
    for tag, (representation, *_, keyword) in DicomDictionary.items():
        if not keyword or keyword in (*KEPT, *OF_PIXELS) or tag >> 16 in (0x0000, 0x0002, 0x0004):
            continue
        if tag >> 16 in range(0x5000, 0x6100) or keyword_for_tag(tag) != keyword:
            continue
        if representation in TEXTS:
            text = f"{MARK}{tag:08x}"[: TEXTS[representation]]
            header.add_new(tag, representation, text.upper() if representation in ("CS", "AE") else text)
        elif representation in ("DA", "DT"):
            header.add_new(tag, representation, DATE)
        elif representation == "TM":
            header.add_new(tag, representation, TIME)


def write_image(path: Path, bright: bool, number: int) -> None:
    """Write an image whose header has a patient in every attribute of text, private and nested ones too."""
    image = Dataset()
    fill(image)
    nested = Dataset()
    fill(nested)
    image.RequestAttributesSequence = [nested]
    deeper = Dataset()
    deeper.ContentSequence = [nested]
    image.OriginalAttributesSequence = [deeper]
    private = image.private_block(0x0011, f"{MARK} private", create=True)
    private.add_new(0x01, "LO", f"{MARK} private text")
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"1.2.3.{number}"
    image.file_meta.ImplementationVersionName = MARK.upper()
    image.file_meta.SourceApplicationEntityTitle = MARK.upper()
    image.StudyInstanceUID = f"1.2.4.{number}"
    image.PatientID = f"P{number}"
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 1500, (SIDE, SIDE)) + 1500 * bright
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = SIDE
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = pixels.astype(np.uint16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


def make_study(folder: Path) -> Path:
    """Write the images and their label table; return the table."""
    rows = []
    for number in range(IMAGES):
        name = f"im \x1b[2J<i>{number}.dcm"
        write_image(folder / "images" / name, bool(number % 2), number)
        rows.append({"path": name, "label": CLASSES[number % 2], COLUMN: SITES[number // 2 % 2]})
    (folder / "images" / "broken.dcm").write_bytes((folder / "images" / rows[0]["path"]).read_bytes()[:9000])
    pd.DataFrame([*rows, {"path": "broken.dcm", "label": CLASSES[0]}]).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def commands(folder: Path) -> Iterator[tuple[object, ...]]:
    """The command lines of the study, from its images to its report."""
    run, dataset, split = folder / "run", folder / "dataset", folder / "split.csv"
    column = f'"{COLUMN}"'
    yield "preprocess", folder / "images", "-o", dataset, "--labels", folder / "t.csv", *SMALL
    yield "split", dataset, "-o", split, "--val", 0.25, "--test", 0.5
    yield "train", dataset, "--split", split, "-o", run, "--width", 0.0625, "--epochs", 1
    yield "test", run, "--positive", CLASSES[1]
    yield "stratify", run / "predictions.csv", "--by", column, "-o", folder / "strata", "--resamples", 100
    yield "describe", dataset, "--split", split, "-o", folder / "described"
    shutil.copy(run / "predictions.csv", folder / "other <b>_%.csv")
    yield (
        "compare",
        run / "predictions.csv",
        folder / "other <b>_%.csv",
        "-o",
        folder / "compared",
        "--resamples",
        100,
    )
    yield "audit", dataset, "--split", split, "-o", folder / "audit"
    yield "predict", run, folder / "images", "-o", folder / "files.csv"
    yield "gradcam", run, "-o", folder / "gradcam", "--dicom", "--count", 1, "--source-root", "/"
    yield "report", run
    yield "verify", dataset, run
