"""Ages, sexes and missing values, as headers and tables write them."""

from datetime import date
from math import isnan

import pytest

from cxr_cli.recorded_values import age_between, age_in_years, is_missing, number_of, sex_code


@pytest.mark.parametrize(
    ("age", "years"),
    # A week is 7 / 365.25 of a year.
    [
        ("045Y", "45"),
        ("006M", "0.5"),
        ("026W", "0.4983"),
        ("010D", "0.0274"),
        ("", ""),
        ("45", ""),
        ("OLDY", ""),
    ],
)
def test_age_strings_in_years(age: str, years: str) -> None:
    assert age_in_years(age) == years


@pytest.mark.parametrize(
    ("birth", "day", "years"),
    [
        ((1960, 5, 20), (2010, 5, 19), "49"),
        ((1960, 5, 20), (2010, 5, 20), "50"),
        ((1960, 2, 29), (1961, 2, 28), "0.9993"),  # 365 / 365.25
        ((1960, 2, 29), (1961, 3, 1), "1"),
        ((2010, 1, 1), (2010, 1, 1), "0"),
        ((2010, 1, 2), (2010, 1, 1), ""),
    ],
)
def test_age_between_dates(birth: tuple[int, int, int], day: tuple[int, int, int], years: str) -> None:
    assert age_between(date(*birth), date(*day)) == years


@pytest.mark.parametrize(("word", "code"), [("Male", "M"), ("Female", "F"), ("Unknown", ""), ("O", "O")])
def test_words_for_a_sex(word: str, code: str) -> None:
    assert sex_code(word) == code


@pytest.mark.parametrize("value", ["", " ", "NA", "n/a", "NaN", "None", "null"])
def test_words_for_a_missing_value(value: str) -> None:
    assert is_missing(value)
    assert not is_missing(f"{value.strip()}5")
    assert isnan(number_of("age", value))


def test_values_as_numbers() -> None:
    assert number_of("age", " 39.9") == 39.9
    assert number_of("pixel_spacing", "1e-1") == 0.1
    assert isnan(number_of("age", "old"))
    assert isnan(number_of("age", "1_000"))
