"""A folder of phantoms: images, masks, labels.csv and, last of all, phantom.json."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr_cli import artifacts
from cxr_cli.errors import BadInput
from cxr_cli.images.workers import map_in_order
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

COMPLETE = "phantom.json"
UNFINISHED = ".phantom.unfinished.json"


def build_phantoms(
    folder: Path,
    settings: PhantomSettings,
    workers: int = 1,
    advance: Callable[[int, int], None] | None = None,
) -> bool:
    """Draw all images of `settings` into `folder`; an interrupted folder is gone on with.

    Args:
        folder: made if it is not there.
        settings: what to draw.
        workers: processes; their number changes no byte.
        advance: if given, called with (images done, images in all).

    Returns:
        False if the folder was complete already and nothing was drawn.

    Raises:
        UsageFault: the folder holds phantoms of other settings.
        BadInput: the folder holds something else, or is no folder.
    """
    described = {**asdict(settings), "findings": list(settings.findings)}
    if not _claim(folder, described):
        return False
    images = plan_images(settings)
    missing = [image for image in images if not _image_path(folder, image).exists()]
    for leftover in folder.rglob(".*.tmp.*"):  # of a run that was killed while writing
        leftover.unlink()
    processes = 0 if workers == 1 else workers
    with closing(map_in_order(partial(_write_image, folder, settings), missing, processes)) as written:
        for done, _ in enumerate(written, start=1):
            if advance:
                advance(len(images) - len(missing) + done, len(images))
    artifacts.write_csv(folder / "labels.csv", label_table(images))
    content = {"settings": described, "images": len(images), "versions": artifacts.versions()}
    artifacts.write_json(folder / COMPLETE, content)
    (folder / UNFINISHED).unlink(missing_ok=True)
    return True


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
    """Make the folder ours for these settings; False if it is complete."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file, a folder is needed")
    for name in (COMPLETE, UNFINISHED):
        if (folder / name).exists():
            found = artifacts.read_json(folder / name).get("settings")
            if not isinstance(found, dict):
                raise BadInput(f"{folder / name}: no settings in it, so not written by cxr phantom")
            artifacts.check_same_settings(folder, found, described)
            return name != COMPLETE
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder}: not empty and no folder of phantoms (no {COMPLETE}); name a new folder")
    artifacts.write_json(folder / UNFINISHED, {"settings": described})
    return True


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
