"""What became of a dataset's films in a split: by subset and class, by characteristic, and those left out."""

from typing import Any

import numpy as np
import pandas as pd

from cxr_cli.dataset.store import Dataset
from cxr_cli.splitting.divide import SUBSETS, SplitCriteria, films_of_domain

CHARACTERISTICS = ("portable", "manufacturer", "institution", "view_position")
"""Columns by whose values films are counted, where the manifest has any."""

FilmsByPart = dict[str, dict[str, int]]
"""Films by subset (or fold) and class."""


def flow(dataset: Dataset, criteria: SplitCriteria, table: pd.DataFrame) -> dict[str, Any]:
    """Count the films of a split, as split.json keeps them.

    Args:
        dataset: whose films.
        criteria: how they were divided, not into folds.
        table: as split.make_split gave it.

    Returns:
        `counts`, films by subset and class; `left_out`, films by reason; `characteristics`, films by
        characteristic, value, subset and class; and with a condition also `test_films_of_domain`, how many
        test films meet it, `absent`, what it asks for and no film has, and `respelled`, what films have in
        another spelling.
    """
    reasons = table.loc[table["subset"] == "", "reason"].value_counts()
    counted: dict[str, Any] = {
        "counts": films_by_part(table, "subset"),
        "left_out": {str(reason): int(films) for reason, films in reasons.items()},
        "characteristics": {
            name: _films_by_value(dataset.manifest[name].astype(str), table)
            for name in CHARACTERISTICS
            if name in dataset.manifest and (dataset.manifest[name] != "").any()
        },
    }
    if criteria.train_where is not None:
        domain = films_of_domain(dataset, criteria)
        tested = (table["subset"] == "test").to_numpy()
        counted["test_films_of_domain"] = int(np.sum(domain.films & tested))
        counted["absent"] = list(domain.absent)
        counted["respelled"] = list(domain.respelled)
    return counted


def films_by_part(table: pd.DataFrame, part: str) -> FilmsByPart:
    """Count films by `part`, "subset" (in the order of SUBSETS, left-out films last) or "fold", and class."""
    counts = pd.crosstab(table[part], table["label"])
    order = [*SUBSETS, ""] if part == "subset" else list(counts.index)
    there = [name for name in order if name in counts.index]
    labels = list(map(str, counts.columns))
    rows = counts.loc[there].to_numpy().tolist()
    return {str(name): dict(zip(labels, row, strict=True)) for name, row in zip(there, rows, strict=True)}


def _films_by_value(values: "pd.Series[str]", table: pd.DataFrame) -> dict[str, FilmsByPart]:
    """Count films by value, most frequent first, then by subset and class; all classes each time."""
    labels = sorted(table["label"].unique())
    counted = {}
    for value in values.value_counts().index:
        parts = films_by_part(table[(values == value).to_numpy()], "subset")
        counted[str(value)] = {
            part: {label: films.get(label, 0) for label in labels} for part, films in parts.items()
        }
    return counted
