"""How headers and tables write ages, sexes and missing values, and what each means. No I/O.

The one owner of these spellings: every room reads them here.
"""

import re
from datetime import date
from math import nan

_EXPORTED = (
    "na n/a nan -nan nat none null nil <na> #na na_character_ (null) [null] \\n . undefined "  # of programs
    "#n/a #nv #null! #value! #ref! #div/0! #num! #name? "  # errors of spreadsheets
    "n.a. - -- --- \N{EN DASH} \N{EM DASH} ? ?? ???"
)
MISSING_WORDS = frozenset(("", *_EXPORTED.split(), "#n/a n/a", "not recorded"))
"""What stands in a table for a value that was not recorded, in lower case. "unknown" is none of these: in a
column of the user's own it may be what was recorded."""

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
    r"(?P<over>>=?|≥|over )?\s*(?P<number>[-+]?\d+(?:[.,]\d*)?)\s*"
    r"(?P<unit>[^\W\d_]*)\.?(?:\s*old)?\s*(?P<open>\+|(?:and|or) (?:over|older|above))?"
)
"""An age: bare numbers are years; "90+", as HIPAA's safe harbor has it, is read as 90, and >89 as well."""

SEXES = {
    "M": "m male man men boy männlich maennlich mann masculin masculino maschio homme hombre uomo",
    "F": "f w female woman women girl pregnant weiblich frau féminin feminin femenino feminino femmina femme "
    "mujer donna",
    "O": "o other x divers diverse nonbinary intersex ambiguous a",
    "": "u unk unknown unspecified undetermined unbekannt inconnu desconocido n",
}
"""Words for a sex, by the DICOM code (PS3.3 C.7.1.1) or, for A and N, HL7's (table 0001) that they mean; ""
where it is not known."""

SEX_OF_WORD = {word: code for code, words in SEXES.items() for word in words.split()}


def is_missing(value: str) -> bool:
    """Whether a value was not recorded: it is blank, or a word that stands for that."""
    return value.strip().lower() in MISSING_WORDS


def recorded(value: str) -> str:
    """A value without the blanks around it; "" where it was not recorded."""
    return "" if is_missing(value) else value.strip()


def sex_code(word: str) -> str:
    """M, F or O for a word or words for a sex, "" where it is missing or unknown; others stay as they are."""
    value = recorded(word)
    words = re.findall(r"[^\W\d_]+", value.casefold().replace("non-binary", "nonbinary"))
    codes = {SEX_OF_WORD.get(each, value) for each in words}
    return codes.pop() if len(codes) == 1 else value


def is_sex(code: str) -> bool:
    """Whether `sex_code` made a code of it, or found that there is none."""
    return code in SEXES


def years_of(age: str) -> float:
    """An age as a header or a table writes it, in years; NaN where it is none. It may be impossible."""
    match = AGE.fullmatch(age.strip().lower().replace("y/o", "yo").replace("y.o", "yo"))
    if match is None or match["unit"] not in {"", *YEARS_PER_UNIT}:
        return nan
    number = float(match["number"].replace(",", ".")) + ((match["over"] or "").strip() in (">", "over"))
    return number * YEARS_PER_UNIT.get(match["unit"], 1.0)


def is_impossible_age(age: str) -> bool:
    """Whether an age is a number that no age is: negative, or more than OLDEST years."""
    years = years_of(age)
    return years < 0 or years > OLDEST


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
