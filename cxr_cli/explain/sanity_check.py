"""Sanity check of a RUN's saliency maps: the work of `cxr gradcam --sanity-check`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.artifacts import write_csv, write_json
from cxr_cli.dataset.settings import geometry_of
from cxr_cli.explain.agreement import OtherRun, Repeatability, check_repeatability, compare_runs
from cxr_cli.explain.choices import Method
from cxr_cli.explain.explanation import MapSettings, Selection, candidate_images, explain_selection, open_runs
from cxr_cli.explain.localization_check import LocalizationReport, check_localization
from cxr_cli.explain.masks import find_masks
from cxr_cli.explain.randomization import IMAGES, Randomization, check_randomization, map_maker
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.splitting.criteria import Subset
from cxr_cli.splitting.patients import patient_numbers

REPORT = "check.json"
TABLE = "check.csv"


@dataclass(frozen=True)
class SanityReport:
    """Whether a run's saliency maps can be trusted.

    Attributes:
        run: its folder.
        method, layer, target: of the maps.
        seed: of all random numbers.
        cells: height and width of a map.
        images: whose maps were made.
        without_positive_values: images whose map has none.
        randomization: similarity to maps of randomized models.
        masks: localization of the findings; None without masks.
        other_run: similarity to another run's maps; None without another run.
        repeatability: of the same maps.
    """

    run: str
    method: str
    layer: str
    target: str
    seed: int
    cells: tuple[int, int]
    images: int
    without_positive_values: int
    randomization: Randomization
    masks: LocalizationReport | None
    other_run: OtherRun | None
    repeatability: Repeatability

    def as_json(self) -> dict[str, Any]:
        """The content of check.json; parts that were not asked for are left out."""
        optional = {"masks": self.masks, "other_run": self.other_run}
        return {
            "run": self.run,
            "method": self.method,
            "layer": self.layer,
            "target": self.target,
            "seed": self.seed,
            "cells": list(self.cells),
            "images": self.images,
            "without_positive_values": self.without_positive_values,
            "randomization": self.randomization.as_json(),
            **{name: part.as_json() for name, part in optional.items() if part is not None},
            "repeatability": self.repeatability.as_json(),
        }


def sanity_check(
    run: Path,
    output: Path,
    *,
    subset: Subset = "test",
    images: Sequence[str] = (),
    pick: Sequence[str] = ("random",),
    count: int = 0,
    seed: int = 0,
    target: str = "predicted",
    positive: str | None = None,
    method: Method = "gradcam",
    layer: str | None = None,
    beside: Path | None = None,
    templates: Path | None = None,
    masks: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> SanityReport:
    """Check a run's saliency maps, and write check.json and check.csv, image by image.

    The maps should change when the model's parameters are randomized, come out the same again, resemble
    those of another run of the same images, and lie on the findings that masks show.

    Args:
        run: the RUN.
        output: folder of the two files; those of an earlier check are replaced.
        subset, images, pick, count, seed, positive: which images, see `gradcam`; a count of 0 takes all.
        target, method, layer, templates: which maps, see `gradcam`.
        beside: another RUN to compare with.
        masks: folder of masks of findings, see `find_masks`.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices and progress.

    Raises:
        InvalidSetting: an unknown choice, layer or class; or the runs' maps have different sizes.
        BadInput: no such run, image or mask.
    """
    selection = Selection(tuple(pick), count, seed, positive)
    settings = MapSettings(method, layer, target, templates)
    opened = open_runs(run, beside, layer, dataset, split, reporter)
    candidates = candidate_images(opened, images, subset, reporter)
    if masks is not None:
        # Refused before anything is computed.
        find_masks(masks, candidates[0].table["source"].tolist())
    explanations = explain_selection(opened, candidates, selection, settings)

    first, explanation = opened[0], explanations[0]
    patients = patient_numbers(explanation.images.table)
    rng = np.random.default_rng(seed)
    table, localization, other_run = explanation.table, None, None
    if masks is not None:
        geometry = geometry_of(first.dataset)
        localization, columns = check_localization(masks, explanation, geometry, patients, rng)
        table = table.join(columns)
    if beside is not None:
        other_run = compare_runs(explanation, explanations[1], str(beside), patients, rng)
    places = rng.permutation(len(explanation.maps))[:IMAGES]
    make_maps = map_maker(first.run, explanation, settings)
    repeatability = check_repeatability(first.run, make_maps, places)
    _, height, width = explanation.maps.shape
    report = SanityReport(
        run=str(first.run.folder),
        method=method,
        layer=explanation.layer,
        target=target,
        seed=seed,
        cells=(height, width),
        images=len(explanation.maps),
        without_positive_values=int((explanation.maps.max((1, 2)) <= 0).sum()),
        randomization=check_randomization(first.run, make_maps, places, patients[places], rng, reporter),
        masks=localization,
        other_run=other_run,
        repeatability=repeatability,
    )
    write_csv(output / TABLE, table)
    write_json(output / REPORT, report.as_json())
    return report
