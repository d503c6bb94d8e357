"""Ages, sexes and missing values, as headers and tables write them."""

from datetime import date
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.recorded_values import (
    age_between,
    age_in_years,
    is_impossible_age,
    is_missing,
    is_sex,
    is_unknown,
    number_of,
    recorded,
    sex_code,
)


@pytest.mark.parametrize(
    ("age", "years"),
    # A week is 7 / 365.25 of a year.
    [
        ("045Y", "45"),
        ("006M", "0.5"),
        ("026W", "0.4983"),
        ("010D", "0.0274"),
        ("000D", "0"),
        ("3W", "0.0575"),
        # Without the unit, in lower case, with blanks, fractions, and in words.
        ("45", "45"),
        ("45.0", "45"),
        ("060y", "60"),
        (" 58 Y ", "58"),
        ("60.5Y", "60.5"),
        ("60,5", "60.5"),
        ("58 years old", "58"),
        ("58y/o", "58"),
        ("58-year-old", "58"),
        ("18 mois", "1.5"),
        ("58 Jahre", "58"),
        # As ages from 90 on are published.
        ("90+", "90"),
        ("90Y+", "90"),
        (">89", "90"),
        (">= 90", "90"),
        ("90 and over", "90"),
        ("85 or more", "85"),
        ("", ""),
        ("nan", ""),
        ("OLDY", ""),
        ("58F", ""),
        ("40-49", ""),
        ("40-", ""),
        ("old", ""),
        ("1e2", ""),
        ("1_0", ""),
        # Impossible.
        ("412", ""),
        ("155", ""),
        ("121Y", ""),
        ("-5", ""),
    ],
)
def test_ages_in_years(age: str, years: str) -> None:
    assert age_in_years(age) == years
    assert is_impossible_age(age) == (age in ("412", "155", "121Y", "-5"))
    assert age_in_years(years) == years  # it is read again as it was written
    assert number_of("age", age) == float(years) if years else isnan(number_of("age", age))


@given(st.integers(0, 120), st.sampled_from(["{}", "{:03}Y", "{}y", " {} Y", "{}.0", "{} years", "{}+"]))
def test_every_age_in_every_spelling(years: int, spelling: str) -> None:
    assert age_in_years(spelling.format(years)) == str(years)


@given(st.text())
def test_no_text_fails_to_be_read(text: str) -> None:
    years = age_in_years(text)
    assert years == "" or 0 <= float(years) <= 120
    assert recorded(recorded(text)) == recorded(text)
    assert sex_code(sex_code(text)) == sex_code(text)


@pytest.mark.parametrize(
    ("birth", "day", "years"),
    [
        ((1960, 5, 20), (2010, 5, 19), "49"),
        ((1960, 5, 20), (2010, 5, 20), "50"),
        ((1960, 2, 29), (1961, 2, 28), "0.9993"),  # 365 / 365.25
        ((1960, 2, 29), (1961, 3, 1), "1"),
        ((2010, 1, 1), (2010, 1, 1), "0"),
        ((2010, 1, 2), (2010, 1, 1), ""),
        ((1800, 1, 1), (2010, 1, 1), ""),
    ],
)
def test_age_between_dates(birth: tuple[int, int, int], day: tuple[int, int, int], years: str) -> None:
    assert age_between(date(*birth), date(*day)) == years


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("M m male MALE man männlich", "M"),
        ("F f Female W w woman weiblich", "F"),
        ("O other X divers", "O"),
        ("U Unknown N unk NaN - ?", ""),
    ],
)
def test_words_for_a_sex(words: str, code: str) -> None:
    for word in words.split():
        assert sex_code(f" {word} ") == code
        assert is_sex(sex_code(word))


@pytest.mark.parametrize(
    ("words", "code"),
    [("F (pregnant)", "F"), ("M - male", "M"), ("", ""), ("female to male", None), ("1", None), ("NB", None)],
)
def test_several_words_for_a_sex_must_agree(words: str, code: str | None) -> None:
    assert sex_code(words) == (words if code is None else code)
    assert is_sex(sex_code(words)) == (code is not None)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "NA",
        "n/a",
        "NaN",
        "None",
        "null",
        "NULL",
        "#N/A",
        "<NA>",
        "-",
        "?",
        "NaT",
        ".",
        "#VALUE!",
        "\\N",
    ],
)
def test_words_for_a_missing_value(value: str) -> None:
    assert is_missing(value)
    assert is_missing(f" {value}\t")
    assert recorded(value) == ""
    assert not is_missing(f"{value.strip()}5")
    assert isnan(number_of("age", value))


@pytest.mark.parametrize("value", ["unknown", "not available", "0", "Nano", "no", "nana", "-1"])
def test_what_a_user_may_have_recorded(value: str) -> None:
    assert not is_missing(value)
    assert recorded(f" {value} ") == value


def test_an_unknown_age_or_sex_was_not_recorded() -> None:
    for column in ("age", "sex"):
        assert all(is_unknown(column, word) for word in ("unknown", " UNK ", "U", "Not available", "nan", ""))
        assert not is_unknown(column, "50")
    assert is_unknown("age", "412")
    assert not any(is_unknown("site", word) for word in ("unknown", "U", "N", "412"))
    assert is_unknown("site", "NaN")


def test_values_as_numbers() -> None:
    assert number_of("age", " 39.9") == 39.9
    assert number_of("age", "018M") == 1.5
    assert number_of("pixel_spacing", "1e-1") == 0.1
    assert number_of("score", "412") == 412
    assert isnan(number_of("age", "old"))
    assert isnan(number_of("age", "1_000"))
    assert isnan(number_of("score", "1_000"))
