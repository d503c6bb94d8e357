"""Conditions over a manifest's columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.errors import BadInput, CxrError, InvalidSetting
from cxr_cli.splitting.where import select

IMAGES = pd.DataFrame(
    {
        "row": [0, 1, 2, 3],
        "institution": ["A", "B", "", "A "],
        "site": ["A", "A", "", "B"],
        "age": ["60", "7", "", "8.5"],
        "patient_id": ["007", "7", "", "x"],
        "View Position": ["AP", "PA", "AP", ""],
    }
)


def rows(condition: str) -> list[int]:
    return np.flatnonzero(select(condition, IMAGES, "d/manifest.csv").images).tolist()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("institution == 'A'", [0, 3]),
        ("'A' == institution", [0, 3]),
        ("institution != 'A'", [1, 2]),
        ("institution == ''", [2]),
        ("institution in ('B', '')", [1, 2]),
        ("institution not in ['A']", [1, 2]),
        ("institution == site", [0, 2]),
        ("patient_id == '007'", [0]),
        ("`View Position` == 'AP' and row >= 1", [2]),
        ("age > 8", [0, 3]),
        ("8 < age", [0, 3]),
        ("7 <= age < 60", [1, 3]),
        ("age == 7.0 or age == 60", [0, 1]),
        ("age != 60", [1, 3]),
        ("age in (7, 8.5)", [1, 3]),
        ("age not in (7, 8.5)", [0]),
        ("age > -1", [0, 1, 3]),
        ("not age > 8", [1, 2]),
        ("institution == 'A' and (age < 9 or age == 60)", [0, 3]),
        ("institution == 'B' or institution == 'A' and age < 9", [1, 3]),
        ("institution == '`age`'", []),
    ],
)
def test_images_that_meet_a_condition(condition: str, expected: list[int]) -> None:
    assert rows(condition) == expected


def test_texts_that_no_image_has_are_noted_once() -> None:
    found = select("institution in ('A', 'a') or institution == 'a' or site != 'Z'", IMAGES, "d")
    assert found.absent == ("site 'Z'",)


def test_other_capitals_and_spaces_do_not_meet_a_condition_and_are_told() -> None:
    images = pd.DataFrame({"institution": ["St Mary", "ST MARY", "st  mary", "Mary", ""]})
    found = select("institution == 'St Mary'", images, "d")
    assert found.images.tolist() == [True, False, False, False, False]
    assert found.respelled == ("institution 'St Mary', in 2 images",)
    assert found.absent == ()


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "cannot be read"),
        ("institution = 'A'", "cannot be read; write, for example, .*; equal is written =="),
        ("`institution == 'A'", "cannot be read"),
        ("institution", "institution: is no comparison"),
        ("True", "True: is no comparison"),
        ("(age > 1) & (row > 1)", "is no comparison; they are joined by and, or, not"),
        ("__import__('os').remove('x')", "is no comparison"),
        ("institution.str.len() > 1", r"institution\.str\.len\(\): is neither a column nor a quoted text"),
        ("`View Position` + 1 == 2", "`View Position` \\+ 1: is neither"),
        ("institution == f'{age}'", "is neither a column"),
        ("[age for age in (1, 2)] == 1", "is neither a column"),
        ("institution == True", "True and False are texts here"),
        ("institution is 'A'", "columns are compared with texts"),
        ("institution < 'B'", "columns are compared with texts"),
        ("'A' in institution", "columns are compared with texts"),
        ("1 < 2", "columns are compared with texts"),
        ("institution in ()", "after in stand texts or numbers"),
        ("institution in (site, 'A')", "after in stand texts or numbers"),
        ("institution in 'A'", "after in stand texts or numbers"),
        ("(" * 250 + "age > 1" + ")" * 250, "cannot be read"),
        ("not " * 600 + "age > 1", "2407 characters, at most 2000 are read"),
        ("age == " + "-" * 1900 + "1", "is nested too deep"),
        ("age == " + "9" * 1900, "has a number that is too large"),
    ],
)
def test_what_is_no_condition_is_wrong_usage(condition: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message) as refusal:
        rows(condition)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"d/manifest\.csv has no column 'Age'; it has 'row', 'institution'"):
        rows("Age > 18")


def test_values_that_are_no_numbers_are_counted_and_not_shown() -> None:
    with pytest.raises(BadInput) as refusal:
        rows("patient_id > 18")
    assert str(refusal.value) == (
        "d/manifest.csv: column 'patient_id' is compared with the number 18, but 1 of its values are no "
        "numbers, the first in row 3"
    )


def test_what_was_not_recorded_meets_no_number() -> None:
    images = pd.DataFrame({"age": ["060Y", "", "nan", "unknown", "412", "90+"], "dose": ["1", "NA", *"2345"]})
    assert select("age >= 18", images, "d").images.tolist() == [True, *[False] * 4, True]
    assert select("age != 60", images, "d").images.tolist() == [*[False] * 5, True]
    assert select("dose > 1", images, "d").images.tolist() == [False, False, *[True] * 4]


@given(st.text(alphabet="ageinot()[]{}'\"`=<>!,. 10-+*:\\\n\0é", max_size=40))
def test_any_text_is_read_or_refused(condition: str) -> None:
    try:
        mask = select(condition, IMAGES, "d").images
    except CxrError:
        return
    assert mask.dtype == bool
    assert mask.shape == (4,)
