"""DICOM images for tests of what headers say and pixels show."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr_cli.images.dicom.read import read_dicom

SIDE = 64


def gradual(low: int, high: int, rows: int = SIDE, columns: int = SIDE) -> np.ndarray:
    """Values [H, W] from `low` to `high`, in waves without edges and with a little noise, int64."""
    y, x = np.mgrid[:rows, :columns]
    waves = np.sin(y / 9.0) + np.cos(x / 7.0 + y / 23.0)
    waves += 0.02 * np.random.default_rng(rows).standard_normal((rows, columns))
    return np.rint(low + (high - low) * (waves - waves.min()) / np.ptp(waves)).astype(np.int64)


def dicom(stored: np.ndarray, bits: int | None = None, **elements: Any) -> Dataset:
    """An image of these stored values; a pair is the type and the bytes of an element."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * stored.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW" if stored.itemsize == 2 else "OB"
    for keyword, value in elements.items():
        if isinstance(value, tuple):
            tag = Tag(tag_for_keyword(keyword) or 0)
            dataset[tag] = RawDataElement(tag, value[0], len(value[1]), value[1], 0, False, True)
        else:
            setattr(dataset, keyword, value)
    return dataset


def compressed(dataset: Dataset, frame: bytes, syntax: str, **elements: Any) -> Dataset:
    """The image with this frame instead of its own pixel data, and a header that says otherwise."""
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def read(dataset: Dataset, folder: Path) -> tuple[np.ndarray, str]:
    """What is read of an image's file: gray levels [H, W] and how they came about."""
    dataset.save_as(folder / "image.dcm", enforce_file_format=True)
    decoded, _ = read_dicom(folder / "image.dcm")
    return decoded.pixels, decoded.mapping


def full_range(values: np.ndarray) -> np.ndarray:
    """The full range of values [H, W] in 255 steps."""
    return np.rint((values - values.min()) / np.ptp(values) * 255)
