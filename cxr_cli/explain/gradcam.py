"""Saliency maps of a RUN, as a folder of overlays: the work of `cxr gradcam`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxr_cli.artifacts import digest_file
from cxr_cli.dataset.settings import geometry_of
from cxr_cli.errors import InvalidSetting
from cxr_cli.explain.choices import Color, Method, check_choice
from cxr_cli.explain.explanation import (
    MapSettings,
    Selection,
    candidate_images,
    explain_pair,
    explain_selection,
    open_runs,
)
from cxr_cli.explain.gallery import (
    AT_DATASET_SIZE,
    AT_FULL_SIZE,
    NO_POSITIVE_VALUES,
    Display,
    Panel,
    is_done,
    read_index,
    write_gallery,
)
from cxr_cli.explain.overlay import COLORS
from cxr_cli.locks import locked
from cxr_cli.prediction.metrics_file import read_calibration, read_operating_point
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import TEMPLATES
from cxr_cli.splitting.criteria import Subset

IMAGES_BY_DEFAULT = 16


@dataclass(frozen=True)
class GradcamResult:
    """A folder of overlays.

    Attributes:
        folder: with overlays/, sheet.png, maps.npz and index.csv.
        index: index.csv, a row for each image and run.
        already_done: the folder was complete before the call.
    """

    folder: Path
    index: pd.DataFrame
    already_done: bool

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.index["image_id"].nunique())

    @property
    def without_positive_values(self) -> int:
        """Number of maps without positive values: nothing in the image is evidence for the target."""
        return int((self.index["note"] == NO_POSITIVE_VALUES).sum())

    @property
    def at_dataset_size(self) -> Mapping[str, int]:
        """Number of overlays that are drawn at the size of the DATASET, not of the original, by reason."""
        drawn_on = self.index["drawn_on"]
        reasons = drawn_on[drawn_on != AT_FULL_SIZE].str.removeprefix(f"{AT_DATASET_SIZE}: ")
        return {str(reason): int(count) for reason, count in reasons.value_counts().items()}

    @property
    def captures(self) -> int:
        """Number of DICOM Secondary Captures."""
        return int((self.index["dicom"] != "").sum())


def gradcam(
    run: Path,
    output: Path,
    *,
    subset: Subset = "test",
    images: Sequence[str] = (),
    pick: Sequence[str] | None = None,
    count: int | None = None,
    seed: int = 0,
    target: str = "predicted",
    positive: str | None = None,
    pair: tuple[str, str] | None = None,
    method: Method = "gradcam",
    layer: str | None = None,
    beside: Path | None = None,
    color: Color = "inferno",
    shared_scale: bool = False,
    dicom: bool = False,
    templates: Path | None = None,
    source_root: Path = Path(),
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> GradcamResult:
    """Explain scores of a run by saliency maps, and draw them over the images.

    A call that was interrupted is resumed by the same call; a complete folder is left as it is.

    Args:
        run: the RUN.
        output: folder to make.
        subset: of the images to choose from.
        images: files, folders, zip archives or image_ids to choose from instead.
        pick: which images to sample from, see `Pick`; "random" by default.
        count: images of each pick, 0 for all; None for 16 of a subset, and for all named images.
        seed: of the sample.
        target: the class whose score is explained: "predicted", "label", or a class of the run.
        positive: the class that tp, fp, fn and tn refer to; None for a target that is a class, else for the
            likely one of two.
        pair: two images, see `images`, whose similarity by a siamese run is explained instead of a score.
        method: of the maps.
        layer: whose feature map is weighted; None for the last.
        beside: another RUN to explain the same images by.
        color: of the overlays.
        shared_scale: one color scale for all images of a run instead of one for each image.
        dicom: write a DICOM Secondary Capture of each image that is DICOM, too.
        templates: of a siamese run; None for RUN/templates.npz.
        source_root: folder that relative paths of images start from.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices and progress.

    Raises:
        InvalidSetting: an unknown choice, layer or class, or settings that exclude each other.
        SettingsChanged: `output` was made with other settings.
        BadInput: no such run or image; `output` holds something else.
    """
    check_choice("color", color, COLORS)
    names = list(pair or images)
    default_count = 0 if names else IMAGES_BY_DEFAULT
    selection = Selection(
        tuple(pick or ("random",)), default_count if count is None else count, seed, positive
    )
    settings = MapSettings(method, layer, target, templates)
    if pair is not None:
        others = {
            "images": " ".join(images) or None,
            "pick": " ".join(pick or ()) or None,
            "count": count,
            "beside": beside,
        }
        for field, value in others.items():
            if value is not None:
                raise InvalidSetting(field, value, "cannot be combined with `pair`, which names the images")
    opened = open_runs(run, beside, layer, dataset, split, reporter)
    if pair is not None and not opened[0].run.config.siamese:
        raise InvalidSetting("pair", " ".join(pair), f"needs a siamese run, and {run} is not one")

    candidates = candidate_images(opened, names, subset, reporter)
    templates_path = templates or run / TEMPLATES
    record = {
        "runs": [[each.run.config.digest, each.run.epoch, each.dataset.digest] for each in opened],
        "images": candidates[0].table["image_id"].tolist() if names else subset,
        "pair": pair is not None,
        "pick": list(selection.picks),
        "count": selection.count,
        "seed": seed,
        "target": target,
        "positive": positive,
        "method": method,
        "layer": layer,
        "operating_points": [
            [point.positive, point.threshold] if (point := read_operating_point(each.run)) else []
            for each in opened
        ],
        "calibrations": [
            None if (calibration := read_calibration(each.run)) is None else calibration.as_json()
            for each in opened
        ],
        "templates": digest_file(templates_path) if templates_path.is_file() else None,
        "color": color,
        "shared_scale": shared_scale,
        "dicom": dicom,
    }
    if is_done(output, record):
        reporter.say(f"{output}: already done with these settings and images; nothing to do")
        return GradcamResult(output, read_index(output), already_done=True)

    with locked(output):
        if pair is not None:
            explanations = [explain_pair(opened[0], candidates[0], settings)]
        else:
            explanations = explain_selection(opened, candidates, selection, settings)
        panels = [
            Panel(
                str(each.run.folder),
                suffix,
                explanation,
                geometry_of(each.dataset),
                method,
                read_operating_point(each.run),
            )
            for each, explanation, suffix in zip(opened, explanations, ("", "-beside"), strict=False)
        ]
        display = Display(
            color=color,
            shared_scale=shared_scale,
            source_root=source_root,
            captures=dicom,
            hashed_patients=any(
                each.dataset.info.get("settings", {}).get("patient_key_digest") for each in opened
            ),
            digest=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
        )
        return GradcamResult(
            output, write_gallery(output, record, panels, display, reporter), already_done=False
        )
