"""A folder of phantoms: images, masks, labels.csv and, last of all, phantom.json."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr_cli import artifacts
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.workers import map_in_order, usable_cpus
from cxr_cli.locks import locked
from cxr_cli.phantom.canvas import Mask
from cxr_cli.phantom.cohort import (
    PhantomSettings,
    PlannedImage,
    image_generator,
    patient_anatomy,
    plan_images,
)
from cxr_cli.phantom.dicom_file import write_dicom
from cxr_cli.phantom.radiograph import draw_image, plant_marker
from cxr_cli.reporting import SILENT, Reporter

COMPLETE = "phantom.json"
UNFINISHED = ".phantom.unfinished.json"


@dataclass(frozen=True)
class PhantomResult:
    """A folder of phantoms.

    Attributes:
        folder: where they are.
        images: in all.
        drawn: by this call; 0 where the folder was complete already.
    """

    folder: Path
    images: int
    drawn: int


def phantom(
    folder: Path,
    settings: PhantomSettings,
    *,
    workers: int | None = 1,
    reporter: Reporter = SILENT,
) -> PhantomResult:
    """Draw all images of `settings` into `folder`; an interrupted folder is completed.

    Args:
        folder: made if it is not there.
        settings: what to draw.
        workers: processes, whose number changes no byte; None takes one a usable CPU.
        reporter: takes the progress.

    Raises:
        InvalidSetting: there are no workers.
        SettingsChanged: the folder holds phantoms of other settings.
        BadInput: the folder holds something else, or is no folder.
    """
    if workers is not None and workers < 1:
        raise InvalidSetting("workers", workers, "must be 1 or more")
    workers = workers or usable_cpus()
    described = {**asdict(settings), "findings": list(settings.findings)}
    with locked(folder):
        if not _claim(folder, described):
            return PhantomResult(folder, settings.count, 0)
        images = plan_images(settings)
        missing = [image for image in images if not _image_path(folder, image).exists()]
        processes = 0 if workers == 1 else workers
        with (
            reporter.progress("phantom") as advance,
            closing(map_in_order(partial(_write_image, folder, settings), missing, processes)) as written,
        ):
            for done, _ in enumerate(written, start=1):
                advance(len(images) - len(missing) + done, len(images))
        artifacts.write_csv(folder / "labels.csv", label_table(images))
        content = {"settings": described, "images": len(images), "versions": artifacts.versions()}
        artifacts.write_json(folder / COMPLETE, content)
        (folder / UNFINISHED).unlink(missing_ok=True)
        return PhantomResult(folder, len(images), len(missing))


def label_table(images: Iterable[PlannedImage]) -> pd.DataFrame:
    """The truth about each image; paths relative to the folder of phantoms."""
    return pd.DataFrame(
        {
            "path": f"images/{image.finding}/{image.name}.dcm",
            "label": image.finding,
            "patient_id": image.patient_id,
            "view_position": image.view_position,
            "manufacturer": image.system.manufacturer,
            "portable": image.portability,
            "shortcut": int(image.shortcut),
            "mask": f"masks/{image.finding}/{image.name}.png",
        }
        for image in images
    )


def _claim(folder: Path, described: dict[str, object]) -> bool:
    """Claim the folder for these settings; False if it is complete."""
    record = COMPLETE if (folder / COMPLETE).exists() else UNFINISHED
    begun = artifacts.claim_folder(folder, record, described, holds="phantoms", made_with=_recorded_settings)
    if not begun:
        artifacts.write_json(folder / UNFINISHED, {"settings": described})
    return not begun or record == UNFINISHED


def _recorded_settings(record: Path) -> Mapping[str, object]:
    settings = artifacts.read_json(record).get("settings")
    if not isinstance(settings, dict):
        raise BadInput(f"{record}: no settings in it, so not written by cxr phantom")
    return settings


def _image_path(folder: Path, image: PlannedImage) -> Path:
    return folder / "images" / image.finding / f"{image.name}.dcm"


def _write_image(folder: Path, settings: PhantomSettings, image: PlannedImage) -> None:
    """Draw and write one image, its masks first: where the image is, all is."""
    anatomy = patient_anatomy(settings, image.patient)
    rng = image_generator(settings, image)
    pixels, mask = draw_image(anatomy, image.finding, image.system, image.view_position, settings.size, rng)
    marker = np.zeros_like(mask)
    if image.shortcut:
        pixels, marker = plant_marker(pixels, rng)
    _write_mask(folder / "masks" / image.finding / f"{image.name}.png", mask)
    if settings.shortcut > 0:
        _write_mask(folder / "markers" / image.finding / f"{image.name}.png", marker)
    with artifacts.atomic_path(_image_path(folder, image)) as temporary:
        write_dicom(temporary, pixels, image, anatomy, settings.seed)


def _write_mask(path: Path, mask: Mask) -> None:
    with artifacts.atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), mask.astype(np.uint8) * 255):
            raise OSError(f"{temporary}: could not be written")
