"""The images that a model was trained or validated on, and which of other images are among them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_cli.dataset.reader import Dataset
from cxr_cli.dataset.settings import ids_verbatim
from cxr_cli.errors import BadInput
from cxr_cli.images.patient_ids import id_key
from cxr_cli.prediction.ensemble import Ensemble
from cxr_cli.recorded_values import recorded
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import read_config
from cxr_cli.runs.folder import open_images

OVERLAP = "overlap"
Shared = Literal["image", "patient", ""]
"""What an image has in common with those of training and validation: the image itself, or its patient."""


def development_images(
    ensemble: Ensemble, dataset: Path | None = None, split: Path | None = None
) -> list[tuple[Dataset, NDArray[np.int64]]]:
    """Open the datasets of the runs: each with the rows that any run was trained or validated on.

    Args:
        ensemble: the runs.
        dataset, split: where they are now, if they were moved.

    Raises:
        BadInput: they are not there, or not the same as in training.
    """
    seen: dict[str, tuple[Dataset, NDArray[np.bool_]]] = {}
    for member in ensemble.members:
        own, divided = open_images(read_config(member), dataset, split)
        before = seen[own.digest][1] if own.digest in seen else np.zeros(len(own.images), bool)
        seen[own.digest] = own, before | np.isin(divided.subsets, ["train", "val"])
    return [(own, np.flatnonzero(used)) for own, used in seen.values()]


class DevelopmentSet:
    """The image ids and patient ids of training and validation."""

    def __init__(self, images: Sequence[tuple[Dataset, NDArray[np.int64]]]) -> None:
        """Of datasets and their rows, see `development_images`."""
        self._image_ids: set[str] = set()
        self._patients: list[tuple[Callable[[str], str], set[str]]] = []
        for dataset, rows in images:
            used = dataset.manifest.iloc[rows]
            key = recorded if ids_verbatim(dataset) else id_key
            self._image_ids |= set(used["image_id"])
            self._patients.append((key, set(used["patient_id"].map(key)) - {""}))

    def shares(self, image_id: str, patient_id: str) -> Shared:
        """Say what an image has in common with those of training and validation."""
        if image_id in self._image_ids:
            return "image"
        return "patient" if any(key(patient_id) in known for key, known in self._patients) else ""


def development_set(
    ensemble: Ensemble, dataset: Path | None, split: Path | None, reporter: Reporter = SILENT
) -> DevelopmentSet | None:
    """Read which images and patients the runs were trained and validated on.

    Returns:
        None, and a notice, where these are not on this machine, or are others by now.
    """
    try:
        return DevelopmentSet(development_images(ensemble, dataset, split))
    except BadInput as error:
        reporter.say(f"{error}; images of training and validation are not searched for")
        return None


def report_shared(shared: Sequence[Shared], ensemble: Ensemble, reporter: Reporter) -> None:
    """Warn of predictions of images, or of patients, that the model knows from its training."""
    counts = {"images": shared.count("image"), "images, whose patients": shared.count("patient")}
    for what, count in counts.items():
        if count:
            reporter.say(
                f"warning: {count} of {len(shared)} {what} were in training or validation of "
                f"{ensemble.name}: their predictions are no test of it; see the column {OVERLAP}"
            )
