"""Characteristics of images with few levels each."""

import pandas as pd
import pytest

from cxr_cli.audit.levels import MISSING, RARE, age_group, characteristics_of, few_levels, file_type
from cxr_cli.errors import InvalidSetting
from cxr_cli.images.characteristics import MANIFEST_COLUMNS

IMAGES = 60


def manifest(**columns: list[str]) -> pd.DataFrame:
    empty = {name: [""] * IMAGES for name in MANIFEST_COLUMNS}
    fixed = {
        "image_id": [f"{number:016x}" for number in range(IMAGES)],
        "label": ["covid19", "normal", "pneumonia"] * 20,
        "source": ["images/a.png"] * IMAGES,
    }
    return pd.DataFrame({**empty, **fixed, **columns})


@pytest.mark.parametrize(
    ("age", "group"),
    [
        ("0.5", "0-19"),
        ("19", "0-19"),
        ("20", "20-39"),
        ("79.9", "60-79"),
        ("80", "80 and over"),
        ("104", "80 and over"),
        ("", MISSING),
        ("unknown", MISSING),
    ],
)
def test_age_groups_part_at_20_40_60_80(age: str, group: str) -> None:
    assert age_group(age) == group


def test_file_types_are_suffixes() -> None:
    assert file_type("a/b.c/IM0001") == "no suffix"
    assert file_type("a/image.JPG") == ".jpg"


def test_missing_values_are_a_level_and_rare_ones_are_one_together() -> None:
    column = pd.Series(["a"] * 6 + ["b"] * 5 + ["c"] * 4 + ["d"] * 2 + ["", "NaN"] + [" a "])
    assert few_levels(column).value_counts().to_dict() == {"a": 7, "b": 5, RARE: 6, MISSING: 2}


def test_at_most_twenty_values_are_kept() -> None:
    column = pd.Series([f"{number:02}" for number in range(30) for _ in range(5 + number)])
    levels = few_levels(column)
    assert levels.nunique() == 21
    assert (levels == RARE).sum() == sum(5 + number for number in range(10))


def test_characteristics_are_the_manifests_own_and_the_users_of_few_values() -> None:
    images = manifest(
        sex=["F", "M"] * 30,
        age=["30", "", "70"] * 20,
        manufacturer=["GE"] * IMAGES,
        model=["A"] * 58 + ["B"] * 2,
        source=[f"images/{number}.{'png' if number % 2 else 'jpg'}" for number in range(IMAGES)],
        ward=["icu", ""] * 30,
        note=[f"text {number}" for number in range(IMAGES)],
        finding=["COVID19", "Normal", "pneumonia"] * 20,
        table_source=["x", "y"] * 30,
    )
    found = characteristics_of(images, ["table_source"])
    assert set(found.table) == {"sex", "age", "file_type", "model", "ward"}
    assert found.table["age"].value_counts().to_dict() == {"20-39": 20, MISSING: 20, "60-79": 20}
    assert found.left_out["manufacturer"] == "one value on all images"
    assert found.left_out["note"] == "more than 20 values"
    assert found.left_out["finding"] == "repeats the label"
    assert found.left_out["table_source"] == "ignored"
    # What tells images or patients apart, and not their kind, is never asked for.
    assert not {"image_id", "patient_id", "source", "label", "row"} & {*found.table, *found.left_out}


def test_a_characteristic_that_is_not_there_cannot_be_ignored() -> None:
    with pytest.raises(
        InvalidSetting, match="`ignore` 'sexx': no such characteristic; there are view_position, "
    ):
        characteristics_of(manifest(), ["sexx"])
