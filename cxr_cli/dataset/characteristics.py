"""What a manifest says of a film beside its pixels: from the DICOM header, and from the user's table."""

from collections.abc import Mapping

from pydicom.dataset import Dataset

MANIFEST_COLUMNS = (
    "image_id",
    "row",
    "source",
    "patient_id",
    "label",
    "view_position",
    "sex",
    "age",
    "manufacturer_raw",
    "model",
    "station",
    "institution",
    "pixel_mapping",
)
"""The columns that every manifest has, before those of the user's own label tables."""

FROM_TABLE = ("patient_id", "view_position", "sex", "age")
"""The characteristics for which a value in the user's table stands above the header's."""

HEADER_KEYWORDS = {
    "patient_id": "PatientID",
    "view_position": "ViewPosition",
    "sex": "PatientSex",
    "manufacturer_raw": "Manufacturer",
    "model": "ManufacturerModelName",
    "station": "StationName",
    "institution": "InstitutionName",
}

YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def header_characteristics(header: Dataset) -> dict[str, str]:
    """The characteristics that a DICOM header states, as text; "" where it is silent. No name, no dates."""
    stated = {column: _text(header, keyword) for column, keyword in HEADER_KEYWORDS.items()}
    return {**stated, "age": age_in_years(_text(header, "PatientAge"))}


def age_in_years(age_string: str) -> str:
    """A DICOM age string (AS, PS3.5 6.2: digits and one of D, W, M, Y) in years; "" where it is none."""
    number, unit = age_string[:-1], age_string[-1:]
    if unit not in YEARS_PER_UNIT or not (number.isascii() and number.isdigit()):
        return ""
    return f"{round(int(number) * YEARS_PER_UNIT[unit], 4):g}"


def combine(header: Mapping[str, str], table: Mapping[str, str]) -> dict[str, str]:
    """One film's characteristics: the table's values win over the header's where they are not empty."""
    wins = {column: table[column] for column in FROM_TABLE if table.get(column)}
    return {**dict.fromkeys(FROM_TABLE, ""), **table, **header, **wins}


def _text(header: Dataset, keyword: str) -> str:
    """An element's value on one line; of several values, the first."""
    try:
        value = header.get(keyword)
    except Exception:  # a value that its type cannot hold says nothing
        return ""
    if value is None:
        return ""
    first = value[0] if isinstance(value, list | tuple) or hasattr(value, "append") else value
    return " ".join(str(first).replace("\0", " ").split())
