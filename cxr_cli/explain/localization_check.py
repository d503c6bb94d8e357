"""Sanity check by masks of findings: do saliency maps lie on the findings, beyond chance?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval, proportion_interval
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.localization import Floats, Located, locate
from cxr_cli.explain.masks import find_masks, read_masks
from cxr_cli.images.read import Geometry


@dataclass(frozen=True)
class LocalizationMetric:
    """The mean of a metric of `localization.METRICS` over images, and of its baselines.

    Attributes:
        estimate: of the images' own maps, with its 95% interval.
        uniform, centered: of a constant map, and of a centered Gaussian.
        other_patients: of the maps of other patients' images; None where there is no other patient.
    """

    estimate: Estimate
    uniform: float
    centered: float
    other_patients: float | None

    @property
    def above_chance(self) -> bool:
        """Whether the interval lies above a constant map and above a centered Gaussian."""
        low = self.estimate.as_json()["low"]
        return isinstance(low, float) and low > max(self.uniform, self.centered)

    def as_json(self) -> dict[str, Any]:
        """The estimate, the baselines, and whether it is above chance."""
        return {
            **self.estimate.as_json(),
            "uniform": self.uniform,
            "centered": self.centered,
            "other_patients": self.other_patients,
            "above_chance": self.above_chance,
        }


@dataclass(frozen=True)
class LocalizationGroup:
    """A group of images: numbers of images and patients, and the metrics by name."""

    images: int
    patients: int
    metrics: dict[str, LocalizationMetric]

    def as_json(self) -> dict[str, Any]:
        """Numbers and metrics side by side."""
        metrics = {name: metric.as_json() for name, metric in self.metrics.items()}
        return {"images": self.images, "patients": self.patients, **metrics}


@dataclass(frozen=True)
class LocalizationReport:
    """How well maps lie on the findings of masks.

    Attributes:
        folder: of the masks.
        images: with a finding.
        without_mask, without_finding: images that are left out: no mask, or an all-black mask.
        groups: "all", and the images of each label and with correct and incorrect predictions.
    """

    folder: str
    images: int
    without_mask: int
    without_finding: int
    groups: dict[str, LocalizationGroup]

    @property
    def verdict(self) -> str:
        """Whether the maps point to the findings, by the pointing game of all images."""
        pointing = self.groups["all"].metrics["pointing_game"]
        if not pointing.above_chance:
            return "the maps do not point to the findings more often than maps that ignore the image"
        if pointing.other_patients is not None and pointing.estimate.interval.low <= pointing.other_patients:
            return (
                "the maps point to the findings more often than chance, but no more often than maps of other "
                "patients do: the findings are always in the same place"
            )
        return "the maps point to the findings more often than chance, and than maps of other patients do"

    def as_json(self) -> dict[str, Any]:
        """All of it, with the verdict."""
        return {
            "folder": self.folder,
            "images": self.images,
            "without_mask": self.without_mask,
            "without_finding": self.without_finding,
            "groups": {name: group.as_json() for name, group in self.groups.items()},
            "verdict": self.verdict,
        }


def check_localization(
    folder: Path,
    explanation: Explanation,
    geometry: Geometry,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[LocalizationReport, pd.DataFrame]:
    """Measure how well maps lie on the findings of masks; images without a finding are left out.

    Args:
        folder: of masks, see `find_masks`.
        explanation: of N images.
        geometry: of the images.
        patients: int [N].
        rng: of the resamples.

    Returns:
        The report, and N rows of the path of the `mask` and each metric, NaN where there is no finding.

    Raises:
        BadInput: see `find_masks` and `read_mask`; or no image has a finding.
    """
    table = explanation.table
    paths = find_masks(folder, table["source"].tolist())
    masks = read_masks(paths, geometry)
    has_mask = np.array([mask is not None for mask in masks])
    images = np.flatnonzero(np.array([mask is not None and bool(mask.any()) for mask in masks]))
    if not len(images):
        raise BadInput(f"{folder}: the masks of all {has_mask.sum()} images are black: there is no finding")
    findings = np.stack([mask for mask in masks if mask is not None and mask.any()])
    located = locate(explanation.maps[images], findings, patients[images])

    chosen = table.iloc[images]
    labels, correct = chosen["label"].to_numpy(), (chosen["label"] == chosen["predicted"]).to_numpy()
    parts = {
        **{f"label {name}": labels == name for name in sorted({*labels} - {""})},
        "correct predictions": correct,
        "incorrect predictions": ~correct & (labels != ""),
    }
    parts = {name: part for name, part in parts.items() if 0 < part.sum() < len(images)}
    report = LocalizationReport(
        folder=str(folder),
        images=len(images),
        without_mask=int((~has_mask).sum()),
        without_finding=int(has_mask.sum()) - len(images),
        groups={
            name: summarize_group(located, patients[images], part, rng)
            for name, part in {"all": np.ones(len(images), np.bool_), **parts}.items()
        },
    )
    columns: dict[str, Any] = {"mask": ["" if path is None else str(path) for path in paths]}
    for name, metric in located.items():
        columns[name] = np.full(len(table), np.nan)
        columns[name][images] = metric.own
    return report, pd.DataFrame(columns, index=table.index)


def summarize_group(
    located: dict[str, Located],
    patients: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> LocalizationGroup:
    """Average the metrics over some images.

    Args:
        located: of N images.
        patients: int [N].
        chosen: bool [N], one image or more.
        rng: of the resamples.
    """
    metrics = {}
    for name, metric in located.items():
        of = Located(*(values[chosen] for values in metric))
        metrics[name] = LocalizationMetric(
            mean_estimate(of.own, patients[chosen], rng, hits=name == "pointing_game"),
            float(of.uniform.mean()),
            float(of.centered.mean()),
            None if np.isnan(of.other_patients).all() else float(np.nanmean(of.other_patients)),
        )
    return LocalizationGroup(int(chosen.sum()), len(np.unique(patients[chosen])), metrics)


def mean_estimate(
    values: Floats, patients: NDArray[np.int64], rng: np.random.Generator, *, hits: bool = False
) -> Estimate:
    """Estimate the mean of a metric over images, with its 95% interval by patients.

    Args:
        values: float64 [N].
        patients: int [N].
        rng: of the resamples.
        hits: the values are hits, 1, and misses, 0, and their mean a proportion. A value between them comes
            from a map with tied maxima; then the interval is the bootstrap's.
    """

    def mean(weights: Floats) -> dict[str, Floats]:
        return {"mean": weights @ values / weights.sum(1)}

    if hits and np.isin(values, (0.0, 1.0)).all():
        interval = proportion_interval(np.ones(len(values), np.bool_), values == 1.0, patients)
    else:
        interval = percentile_interval(over_resamples(mean, patients, rng)["mean"])
    return Estimate(float(values.mean()), interval)
