"""How headers and tables write ages, sexes and missing values, and what each means. No I/O.

The one owner of these spellings: every room reads them here.
"""

import re
from datetime import date
from math import nan

_EXPORTED = (
    "na n/a nan -nan nat none null nil <na> #na na_character_ (null) [null] <null> \\n . undefined "
    "#n/a #nv #null! #value! #ref! #div/0! #num! #name? "  # errors of spreadsheets
    "n.a. missing (missing) (blank) - -- --- \N{EN DASH} \N{EM DASH} ? ?? ???"
)
MISSING_WORDS = frozenset(("", *_EXPORTED.split(), "#n/a n/a", "not recorded"))
"""What stands in a table for a value that was not recorded, in lower case. "unknown" is none of these: in a
column of the user's own it may be what was recorded."""

_UNKNOWN = "unknown unk u unspecified undetermined unbekannt inconnu desconocido"
UNKNOWN_WORDS = frozenset((*_UNKNOWN.split(), "not known", "not available", "not specified", "not stated"))
"""What stands for an age or a sex that was not recorded, besides the missing words, in lower case."""

NOT_RECORDED = "not recorded"
"""What a result calls such a value."""

OLDEST = 120
"""Years: an age above is impossible, as one below 0 is."""

DAYS_PER_YEAR = 365.25
UNITS = {
    1.0: "y yr yrs year years yo j jahr jahre a an ans ano anos año años anni jaar",
    1 / 12: "m mo mos mon mth mths month months monat monate mois mes meses mesi maand maanden",
    7 / DAYS_PER_YEAR: "w wk wks week weeks woche wochen semaine semaines semana semanas settimane weken",
    1 / DAYS_PER_YEAR: "d day days t tag tage jour jours dia dias día días giorni dag dagen",
}
"""Words for the units of an age, by the years of each: D, W, M, Y are DICOM's (AS, PS3.5 6.2)."""

YEARS_PER_UNIT = {word: years for years, words in UNITS.items() for word in words.split()}

AGE = re.compile(
    r"(?P<over>>=?|≥|over )?\s*(?P<number>[-+]?\d+(?:[.,]\d*)?)"
    r"(?:[\s-]*(?P<unit>[^\W\d_]+?)\.?(?:[\s-]*old)?)?\s*"
    r"(?P<open>\+|(?:and|or) (?:over|older|above|more|up))?"
)
"""An age: bare numbers are years; "90+", as HIPAA's safe harbor has it, is read as 90, and >89 as well."""

SEXES = {
    "M": "m male man men boy männlich maennlich mann masculin masculino maschio homme hombre uomo",
    "F": "f w female woman women girl pregnant weiblich frau féminin feminin femenino feminino femmina femme "
    "mujer donna",
    "O": "o other x divers diverse nonbinary intersex ambiguous a",
}
"""Words for a sex, by the DICOM code (PS3.3 C.7.1.1); A, ambiguous, is HL7's (table 0001)."""

SEX_OF_WORD = {word: code for code, words in SEXES.items() for word in words.split()}


def is_missing(value: str) -> bool:
    """Whether a value was not recorded: it is blank, or a word that stands for that."""
    return value.strip().lower() in MISSING_WORDS


def is_unknown(column: str, value: str) -> bool:
    """Whether a characteristic was not recorded: it is missing, or an age or a sex that is unknown.

    An impossible age counts as unknown. N, not applicable, is HL7's word for the sex (table 0001).
    """
    word = value.strip().lower()
    return (
        word in MISSING_WORDS
        or (column in ("age", "sex") and word in UNKNOWN_WORDS)
        or (column == "sex" and word == "n")
        or (column == "age" and is_impossible_age(value))
    )


def recorded(value: str) -> str:
    """A value without the blanks around it; "" where it was not recorded."""
    return "" if is_missing(value) else value.strip()


def sex_code(word: str) -> str:
    """M, F or O for the words for a sex, "" where it is missing or unknown; other words stay as they are."""
    value = "" if is_unknown("sex", word) else word.strip()
    words = re.findall(r"[^\W\d_]+", value.casefold().replace("non-binary", "nonbinary"))
    codes = {SEX_OF_WORD.get(each, value) for each in words}
    return codes.pop() if len(codes) == 1 else value


def is_sex(code: str) -> bool:
    """Whether it is one of the codes, or "" for an unknown sex."""
    return code in ("", *SEXES)


def years_of(age: str) -> float:
    """An age as a header or a table writes it, in years; NaN where it is none. It may be impossible."""
    match = _match_age(age)
    if match is None or match["unit"] not in {None, *YEARS_PER_UNIT}:
        return nan
    number = float(match["number"].replace(",", ".")) + ((match["over"] or "").strip() in (">", "over"))
    return number * YEARS_PER_UNIT.get(match["unit"] or "y", 1.0)


def _match_age(age: str) -> re.Match[str] | None:
    return AGE.fullmatch(age.strip().lower().replace("y/o", "yo").replace("y.o", "yo"))


def is_impossible_age(age: str) -> bool:
    """Whether an age is a number that no age is: negative, or more than OLDEST years."""
    years = years_of(age)
    return years < 0 or years > OLDEST


def is_open_age(age: str) -> bool:
    """Whether an age is one that stands for it and all above, such as 90+."""
    match = _match_age(age)
    return match is not None and bool(match["over"] or match["open"])


def age_in_years(age: str) -> str:
    """An age as a header or a table writes it, in years; "" where it is missing, unreadable or impossible."""
    years = years_of(age)
    return f"{abs(round(years, 4)):g}" if 0 <= years <= OLDEST else ""


def age_between(birth: date, day: date) -> str:
    """Completed years from birth to a day, or a fraction of the first year; "" for a day before birth.

    Also "" where it would be an impossible age: the date of birth is made up then.
    """
    if day < birth:
        return ""
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    if years > OLDEST:
        return ""
    return str(years) if years else f"{round((day - birth).days / DAYS_PER_YEAR, 4):g}"


def number_of(column: str, value: str) -> float:
    """A value of a characteristic as a number, ages in years; NaN where it is none, or an impossible age.

    Args:
        column: the characteristic, such as "age".
        value: as the manifest or a table of predictions has it.
    """
    if column == "age":
        value = age_in_years(value)
    try:
        return nan if "_" in value else float(value)  # Python's 1_000 is no number of a table
    except ValueError:
        return nan
