"""How headers and tables write ages, sexes and missing values, and what each means. No I/O.

The one owner of these spellings: images, labels, splitting, evaluation, audit and report read them here.
"""

from datetime import date
from math import nan

MISSING_WORDS = frozenset(("", "na", "n/a", "nan", "none", "null"))
"""What stands in a table for a value that was not recorded, in lower case."""

NOT_RECORDED = "not recorded"
"""What a result calls such a value."""

SEXES = {"Male": "M", "Female": "F", "Unknown": ""}
"""Words for a sex, and the DICOM code (PS3.3 C.7.1.1) of each; "" where it is not known."""

DAYS_PER_YEAR = 365.25
YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / DAYS_PER_YEAR, "D": 1 / DAYS_PER_YEAR}


def is_missing(value: str) -> bool:
    """Whether a value was not recorded."""
    return value.strip().lower() in MISSING_WORDS


def sex_code(word: str) -> str:
    """The DICOM code of a word for a sex; another word stays as it is."""
    return SEXES.get(word, word)


def age_in_years(age_string: str) -> str:
    """A DICOM age string (AS, PS3.5 6.2: digits and one of D, W, M, Y) in years; "" where it is none."""
    number, unit = age_string[:-1], age_string[-1:]
    if unit not in YEARS_PER_UNIT or not (number.isascii() and number.isdigit()):
        return ""
    return f"{round(int(number) * YEARS_PER_UNIT[unit], 4):g}"


def age_between(birth: date, day: date) -> str:
    """Completed years from birth to a day, or a fraction of the first year; "" for a day before birth."""
    if day < birth:
        return ""
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    return str(years) if years else f"{round((day - birth).days / DAYS_PER_YEAR, 4):g}"


def number_of(column: str, value: str) -> float:  # noqa: ARG001 - ages may be read by their own rules
    """A value of a characteristic as a number, ages in years; NaN where it is none.

    Args:
        column: the characteristic, such as "age".
        value: as the manifest or a table of predictions has it.
    """
    try:
        return nan if "_" in value else float(value)  # Python's 1_000 is no number of a table
    except ValueError:
        return nan
