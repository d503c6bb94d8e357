"""A manifest's characteristics reduced to few levels, to examine their association with the class."""

from collections.abc import Callable, Collection
from math import isnan
from pathlib import PurePath
from typing import NamedTuple

import pandas as pd

from cxr_cli.errors import InvalidSetting
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.recorded_values import number_of, recorded

MISSING = "(missing)"
RARE = "(rare)"
MOST_LEVELS = 20
FEWEST_IMAGES = 5
"""Images that a level needs; those with fewer are one level together."""
AGES = (20, 40, 60, 80)
"""Years at which age groups part."""


class Characteristics(NamedTuple):
    """Characteristics that can be examined.

    Attributes:
        table: one row an image, one column a characteristic, its levels as text; two or more each.
        left_out: the other columns, and why.
    """

    table: pd.DataFrame
    left_out: dict[str, str]


def age_group(age: str) -> str:
    """Name the group of an age in years, such as "40-59"; missing where it is no number."""
    years = number_of("age", age)
    if isnan(years):
        return MISSING
    edges = [edge for edge in AGES if edge <= years]
    low = edges[-1] if edges else 0
    high = next((edge for edge in AGES if edge > years), None)
    return f"{low}-{high - 1}" if high else f"{low} and over"


def file_type(source: str) -> str:
    """The suffix of an image's file, in small letters; DICOM often has none."""
    return PurePath(source).suffix.lower() or "no suffix"


NAMES = ("image_id", "row", "source", "patient_id", "label")
"""Manifest columns that name an image or its class."""
STATED = tuple(
    name
    for name in MANIFEST_COLUMNS
    if name not in (*NAMES, "age") and not name.endswith(("_raw", "_evidence"))
)
"""Manifest columns that are taken as they are."""
DERIVED: dict[str, tuple[str, Callable[[str], str]]] = {
    "age": ("age", age_group),
    "file_type": ("source", file_type),
}
"""Characteristics made of a manifest column."""


def characteristics_of(manifest: pd.DataFrame, ignored: Collection[str] = ()) -> Characteristics:
    """Gather the characteristics of images, and reduce them to few levels.

    The manifest's own columns, age in groups, the type of file, and the columns of the user's own table with
    at most 20 values. What is missing is a level of its own, and so are all rare values together.

    Args:
        manifest: of the images, all text.
        ignored: names to leave out.

    Raises:
        InvalidSetting: a name to be left out that is not there.
    """
    own = [str(name) for name in manifest if name not in MANIFEST_COLUMNS]
    values: dict[str, pd.Series[str]] = {
        **{name: manifest[name] for name in STATED},
        **{name: manifest[column].map(of) for name, (column, of) in DERIVED.items()},
        **{name: manifest[name] for name in own},
    }
    for name in ignored:
        if name not in values:
            raise InvalidSetting(
                "ignore", repr(name), f"no such characteristic; there are {', '.join(values)}"
            )
    table: dict[str, pd.Series[str]] = {}
    left_out: dict[str, str] = {}
    for name, column in values.items():
        reason = "ignored" if name in ignored else _reason_against(column, manifest["label"], name in own)
        if reason:
            left_out[name] = reason
        else:
            table[name] = few_levels(column)
    return Characteristics(pd.DataFrame(table, index=manifest.index), left_out)


def _reason_against(column: "pd.Series[str]", labels: "pd.Series[str]", own: bool) -> str:
    values = set(column.str.strip().str.lower())
    if len(values) < 2:
        return "one value on all images"
    if own and len(values) > MOST_LEVELS:
        return f"more than {MOST_LEVELS} values"
    if own and values <= set(labels.str.strip().str.lower()):
        return "repeats the label"
    return "" if few_levels(column).nunique() > 1 else "one value on nearly all images"


def few_levels(column: "pd.Series[str]") -> "pd.Series[str]":
    """Reduce values to levels: missing, the most frequent values, and the rare ones together."""
    column = column.astype(str).map(recorded).replace("", MISSING)
    images = column.value_counts()
    kept = images[images >= FEWEST_IMAGES].index[:MOST_LEVELS]
    return column.where(column.isin(kept) | (column == MISSING), RARE)
