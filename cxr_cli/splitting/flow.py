"""The flow of images in a split: by subset and class, by characteristic, and those left out."""

from typing import Any

import numpy as np
import pandas as pd

from cxr_cli.dataset.reader import Dataset
from cxr_cli.splitting.criteria import SUBSETS, SplitCriteria
from cxr_cli.splitting.where import images_of_domain

CHARACTERISTICS = ("portable", "manufacturer", "institution", "view_position")
"""Columns by whose values images are counted, where the manifest has any."""

ImagesByPart = dict[str, dict[str, int]]
"""Images by subset (or fold) and class."""


def flow(dataset: Dataset, criteria: SplitCriteria, table: pd.DataFrame) -> dict[str, Any]:
    """Count the images of a split, as split.json keeps them.

    Args:
        dataset: whose images.
        criteria: how they were divided, not into folds.
        table: as `make_split` gave it.

    Returns:
        `counts`, images by subset and class; `left_out`, images by reason; `characteristics`, images by
        characteristic, value, subset and class; and with a condition also `test_images_of_domain`, how many
        test images meet it, `absent`, what it asks for and no image has, and `respelled`, what images have in
        another spelling.
    """
    reasons = table.loc[table["subset"] == "", "reason"].value_counts()
    counted: dict[str, Any] = {
        "counts": images_by_part(table, "subset"),
        "left_out": {str(reason): int(images) for reason, images in reasons.items()},
        "characteristics": {
            name: _images_by_value(dataset.manifest[name].astype(str), table)
            for name in CHARACTERISTICS
            if name in dataset.manifest and (dataset.manifest[name] != "").any()
        },
    }
    if criteria.train_where is not None:
        domain = images_of_domain(dataset, criteria)
        tested = (table["subset"] == "test").to_numpy()
        counted["test_images_of_domain"] = int(np.sum(domain.images & tested))
        counted["absent"] = list(domain.absent)
        counted["respelled"] = list(domain.respelled)
    return counted


def images_by_part(table: pd.DataFrame, part: str) -> ImagesByPart:
    """Count images by `part`, "subset" (as in SUBSETS, left-out images last) or "fold", and class."""
    counts = pd.crosstab(table[part], table["label"])
    order = [*SUBSETS, ""] if part == "subset" else list(counts.index)
    there = [name for name in order if name in counts.index]
    labels = list(map(str, counts.columns))
    rows = counts.loc[there].to_numpy().tolist()
    return {str(name): dict(zip(labels, row, strict=True)) for name, row in zip(there, rows, strict=True)}


def _images_by_value(values: "pd.Series[str]", table: pd.DataFrame) -> dict[str, ImagesByPart]:
    """Count images by value, most frequent first, then by subset and class; all classes each time."""
    labels = sorted(table["label"].unique())
    counted = {}
    for value in values.value_counts().index:
        parts = images_by_part(table[(values == value).to_numpy()], "subset")
        counted[str(value)] = {
            part: {label: images.get(label, 0) for label in labels} for part, images in parts.items()
        }
    return counted
